//! The shortest way in, for programs that know containers and nothing of Kubernetes.

use std::{sync::Arc, time::Duration};

use super::{AddPart, AddRequest, Allocator, DelRequest};
use crate::{
    api::Violations,
    model::{Binding, Owner, Pool, Slot},
    name::{ContainerId, InterfaceName, ObjectName, OwnerUid},
    protocol::{Fence, PoolRef, ReleaseMode},
    store::{StoreError, StoreExt},
};

/// How long a request may take if nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why there is no pool to ask for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Nobody applied it.
    #[error("there is no pool {0}: apply it first")]
    NotFound(ObjectName),
    /// It is there and makes no sense; correct it and apply it again.
    #[error("pool {0} is not valid: {1}")]
    Invalid(ObjectName, Violations),
    /// The store failed.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

impl Allocator {
    /// The pool `name` as requests name it. Cost: one read; keep it, and ask again when the pool was changed.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn pool(&self, name: &ObjectName) -> Result<Arc<PoolRef>, PoolError> {
        let found = self.store().pool(name).await?;
        let (object, _) = found.ok_or_else(|| PoolError::NotFound(name.clone()))?;
        let pool =
            Pool::try_from(object.as_ref()).map_err(|wrong| PoolError::Invalid(name.clone(), wrong))?;
        Ok(Arc::new(PoolRef::new(&pool, self.scope().clone())))
    }
}

impl AddRequest {
    /// One address of `pool` for `interface` of `container`, which owns it by itself, within 20 s. Change any field
    /// before it is sent.
    #[must_use]
    pub fn of_container(container: &ContainerId, interface: &InterfaceName, pool: &Arc<PoolRef>) -> Self {
        Self {
            owner: Owner { uid: OwnerUid::from(container), pod: None },
            container: container.clone(),
            network: None,
            controller: None,
            binding: Binding::Stateless,
            parts: vec![AddPart {
                slot: Slot::Named(interface.clone()),
                interface: Some(interface.clone()),
                family: pool.family,
                candidates: vec![pool.clone()],
                address: None,
            }],
            timeout: TIMEOUT,
        }
    }
}

impl DelRequest {
    /// Everything that `container` holds by [`AddRequest::of_container`], within 20 s.
    #[must_use]
    pub fn of_container(container: &ContainerId) -> Self {
        Self {
            owner: OwnerUid::from(container),
            fence: Fence::Container(container.clone()),
            interface: None,
            mode: ReleaseMode::Del,
            timeout: TIMEOUT,
        }
    }
}
