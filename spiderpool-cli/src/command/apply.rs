//! `apply`.

use spiderpool_core::{
    admin::Mode,
    api::manifest::{Manifest, Object},
    name::Namespace,
};

use super::outcome::{Done, admin_failure};
use crate::{
    answer::Answer,
    args::{ApplyArgs, Format},
    failure::Failure,
    kinds::reference,
    manifest,
    session::Session,
};

/// Applies what files describe.
pub(super) async fn apply(session: &Session, args: &ApplyArgs, format: Format) -> Result<Answer, Failure> {
    let namespace = Namespace::new(&args.namespace).map_err(|error| Failure::usage(error.to_string()))?;
    let manifests = manifest::read(&args.files)?;
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Real };
    apply_all(session, manifests, &namespace, mode).await?.answer(format)
}

/// Applies `manifests`, subnets before pools and pools before what uses them; each on its own, so that one that is
/// refused does not hinder the others.
pub(crate) async fn apply_all(
    session: &Session,
    mut manifests: Vec<Manifest>,
    namespace: &Namespace,
    mode: Mode,
) -> Result<Done, Failure> {
    let allocator = session.allocator().await?;
    manifests.sort_by_key(|manifest| rank(&manifest.object));
    let mut done = Done::new(mode);
    for mut manifest in manifests {
        manifest.object.place_in(namespace);
        let name = reference(&manifest.object);
        match allocator.apply(&manifest, mode).await {
            Ok(applied) => done.add(name, &applied),
            Err(error) => done.fail(name, admin_failure(error)),
        }
    }
    Ok(done)
}

/// The order of kinds; within one the order of the files.
fn rank(object: &Object) -> u8 {
    match object {
        Object::Resource(resource) if ["Namespace", "Node"].contains(&resource.kind.as_str()) => 0,
        Object::Subnet(_) => 1,
        // A reservation binds from the next grant on: before the pools, it misses none.
        Object::Reservation(_) => 2,
        Object::Pool(_) => 3,
        Object::Resource(_) | Object::Endpoint(_) => 4,
    }
}
