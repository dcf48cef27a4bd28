//! Objects of any kind: one way to apply, delete and read them all.

use super::{
    AdminError, Applied, Deletion, Mode,
    edit::{TRIES, carried},
};
use crate::{
    alloc::Allocator,
    api::{
        Resource, Violations,
        manifest::{Manifest, Object},
    },
    name::Namespace,
    store::{Key, ResourceName, StoreError},
};

/// The namespace of objects whose manifest names none.
fn default_namespace() -> Result<Namespace, AdminError> {
    Namespace::new("default").map_err(AdminError::Name)
}

impl Allocator {
    /// Applies what `manifest` describes; its warnings are passed on.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn apply(&self, manifest: &Manifest, mode: Mode) -> Result<Applied, AdminError> {
        let mut applied = self.apply_object(&manifest.object, mode).await?;
        if let Applied::Created { warnings } | Applied::Configured { warnings } = &mut applied {
            let noticed = manifest.warnings.iter().map(ToString::to_string);
            warnings.splice(0..0, noticed);
        }
        Ok(applied)
    }

    /// Applies `object`, each kind by its own rules. Endpoints are not applied: what they say is derived.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn apply_object(&self, object: &Object, mode: Mode) -> Result<Applied, AdminError> {
        match object {
            Object::Subnet(subnet) => self.apply_subnet(subnet, mode).await,
            Object::Pool(pool) => self.apply_pool(pool, mode).await,
            Object::Reservation(reservation) => self.apply_reservation(reservation, mode).await,
            Object::Resource(resource) => self.apply_resource(resource, mode).await,
            Object::Endpoint(_) => Err(AdminError::NotApplied {
                object: object.key().map_err(AdminError::Name)?,
                why: "an endpoint is a view that agents keep; what it shows is changed by adding and deleting pods",
            }),
        }
    }

    /// Deletes the object under `key`, each kind by its own rules.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn delete(&self, key: &Key, deletion: Deletion, mode: Mode) -> Result<Applied, AdminError> {
        match key {
            Key::Subnet(name) => self.delete_subnet(name, deletion, mode).await,
            Key::Pool(name) => self.delete_pool(name, deletion, mode).await,
            Key::Reservation(name) => self.delete_reservation(name, mode).await,
            Key::Resource(name) => self.delete_resource(name, mode).await,
            Key::Endpoint(_) => self.delete_endpoint(key, mode).await,
            Key::Scope(_) | Key::Plan(_) | Key::Block(_) => Err(AdminError::NotApplied {
                object: key.clone(),
                why: "it belongs to the allocator; who holds addresses changes by releasing them",
            }),
        }
    }

    /// Creates or changes a plain object: a pod, a node, a namespace, a controller. A uid is drawn at its creation
    /// unless it brings one, and stays. `status` stays where the new version has none. An object of a namespaced kind
    /// that names no namespace goes into `default`.
    ///
    /// # Errors
    /// See [`AdminError`]; [`AdminError::Invalid`] where it brings another uid than the object has.
    pub async fn apply_resource(&self, wanted: &Resource, mode: Mode) -> Result<Applied, AdminError> {
        let mut object = Object::Resource(Box::new(wanted.clone()));
        object.place_in(&default_namespace()?);
        let key = object.key().map_err(AdminError::Name)?;
        let Object::Resource(wanted) = object else { return Err(AdminError::Contended { object: key }) };
        for _ in 0..TRIES {
            let found = self.store().get(&key).await?;
            let found = found.and_then(|found| Some((found.document.as_resource()?.clone(), found.token)));
            let mut next = Resource::clone(&wanted);
            let (written, applied) = match found {
                None => {
                    let given = next.metadata.uid.take();
                    self.born(&mut next.metadata);
                    next.metadata.uid = given.or(next.metadata.uid);
                    let applied = Applied::Created { warnings: Vec::new() };
                    if mode == Mode::DryRun {
                        return Ok(applied);
                    }
                    (self.store().create(&key, next.into()).await, applied)
                }
                Some((old, token)) => {
                    take_over(&key, &old, &mut next)?;
                    if next == *old {
                        return Ok(Applied::Unchanged);
                    }
                    next.metadata.generation = old.metadata.generation.map(|generation| generation + 1);
                    let applied = Applied::Configured { warnings: Vec::new() };
                    if mode == Mode::DryRun {
                        return Ok(applied);
                    }
                    (self.store().update(&key, &token, next.into()).await, applied)
                }
            };
            match written {
                Err(
                    StoreError::Conflict { .. }
                    | StoreError::AlreadyExists { .. }
                    | StoreError::NotFound { .. },
                ) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(applied),
            }
        }
        Err(AdminError::Contended { object: key })
    }

    /// Deletes a plain object. Addresses that a deleted pod holds stay held until its container is deleted.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn delete_resource(&self, name: &ResourceName, mode: Mode) -> Result<Applied, AdminError> {
        self.delete_plainly(&Key::Resource(name.clone()), mode).await
    }

    /// Deletes an endpoint that is only a view; agents write it again where it is missed.
    async fn delete_endpoint(&self, key: &Key, mode: Mode) -> Result<Applied, AdminError> {
        let found = self.store().get(key).await?;
        let endpoint = found.as_ref().and_then(|found| found.document.as_endpoint());
        if endpoint.is_some_and(|endpoint| !endpoint.status.claims.is_empty()) {
            return Err(AdminError::NotApplied {
                object: key.clone(),
                why: "it is the claim of a stateful owner; the claim goes when its addresses are released",
            });
        }
        match found {
            None => Err(AdminError::NotFound { object: key.clone() }),
            Some(_) if mode == Mode::DryRun => Ok(Applied::Deleted),
            // By the token of the very version that had no claim.
            Some(found) => match self.store().delete(key, &found.token).await {
                Ok(()) => Ok(Applied::Deleted),
                Err(StoreError::NotFound { .. }) => Err(AdminError::NotFound { object: key.clone() }),
                Err(StoreError::Conflict { .. }) => Err(AdminError::Contended { object: key.clone() }),
                Err(error) => Err(error.into()),
            },
        }
    }

    async fn delete_plainly(&self, key: &Key, mode: Mode) -> Result<Applied, AdminError> {
        for _ in 0..TRIES {
            let Some(found) = self.store().get(key).await? else {
                return Err(AdminError::NotFound { object: key.clone() });
            };
            if mode == Mode::DryRun {
                return Ok(Applied::Deleted);
            }
            match self.store().delete(key, &found.token).await {
                Ok(()) => return Ok(Applied::Deleted),
                Err(StoreError::Conflict { .. }) => {}
                Err(StoreError::NotFound { .. }) => {
                    return Err(AdminError::NotFound { object: key.clone() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AdminError::Contended { object: key.clone() })
    }
}

/// Makes `next` the next version of `old`.
fn take_over(key: &Key, old: &Resource, next: &mut Resource) -> Result<(), AdminError> {
    if let (Some(given), Some(own)) = (&next.metadata.uid, &old.metadata.uid)
        && given != own
    {
        let mut violations = Violations::none();
        let message = format!("the object has the uid `{own}`: leave uid out, or delete the object first");
        violations.invalid("metadata.uid", message);
        return Err(AdminError::Invalid { object: key.clone(), violations });
    }
    let finalizers = std::mem::take(&mut next.metadata.finalizers);
    carried(&old.metadata, &mut next.metadata);
    next.metadata.finalizers = finalizers;
    if let (None, Some(status)) = (next.rest.get("status"), old.rest.get("status")) {
        next.rest.insert("status".into(), status.clone());
    }
    Ok(())
}
