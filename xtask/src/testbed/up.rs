//! Starting a test bed that stays.

use std::path::Path;

use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, Lasting, Nodes};

use super::down;
use super::state::Addresses;
use crate::problem::Problem;

/// Makes room. One that is up stays as it is; what a start that broke off left is cleared.
pub(super) fn clear(folder: &Path) -> Result<(), Problem> {
    let is_up = Lasting::all(folder)?.iter().any(Lasting::is_alive);
    if is_up && (Addresses::read(folder).is_some() || Nodes::told(folder).is_some()) {
        return Err(Problem::failed("it is up already: 'cargo xtask testbed status' tells, 'down' ends it"));
    }
    down::down(folder).map(drop)
}

/// Starts a control plane on loopback.
pub(super) fn servers(folder: &Path, etcd_members: usize) -> Result<(), Problem> {
    let options = ControlPlaneOptions { etcd_members, controllers: true, ..ControlPlaneOptions::default() };
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
    addresses.write(folder)
}
