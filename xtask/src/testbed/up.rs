//! Starting a test bed that stays.

use std::path::Path;

use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, Lasting};

use super::state::Addresses;
use super::{Wanted, down, status};
use crate::problem::Problem;

/// Starts it and says what runs. One that is up stays as it is; what a start that broke off left is cleared first.
pub(super) fn up(folder: &Path, wanted: Wanted) -> Result<String, Problem> {
    let is_up = Lasting::all(folder)?.iter().any(Lasting::is_alive);
    if is_up && Addresses::read(folder).is_some() {
        return Err(Problem::failed("it is up already: 'cargo xtask testbed status' tells, 'down' ends it"));
    }
    down::down(folder)?;
    let options = ControlPlaneOptions {
        etcd_members: wanted.etcd_members,
        controllers: true,
        ..ControlPlaneOptions::default()
    };
    let plane = match ControlPlane::start_lasting(folder, &options) {
        Ok(plane) => plane,
        Err(problem) => {
            // Their data stays, to be looked at.
            down::end(folder)?;
            return Err(problem.into());
        }
    };
    let addresses = Addresses {
        etcd_endpoints: plane.etcd().endpoints(),
        etcd_url: plane.etcd().url(),
        kubernetes: format!("https://{}", plane.address()),
        kubectl: plane.kubectl().to_owned(),
    };
    addresses.write(folder)?;
    status::status(folder)
}
