//! Taking an address from whoever holds it: an administrator's release.

use super::AdminError;
use crate::{
    addr::Address,
    alloc::Allocator,
    model::{Attachment, Binding, Controller, Record},
    name::{NamespacedName, ObjectName},
    protocol::{
        BindingHolder, Del, Deleted, Fence, Kept, ReleaseMode, Releasing, Setting, Snapshots, Unbound,
    },
    store::{ResourceName, StoreError},
};

/// What came of an administrator's release.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Freeing {
    /// The address is free; it cools down where its pool says so.
    Freed,
    /// Whoever was seen to hold it does so no more: nothing was done.
    Changed,
    /// A stateful owner still wants it, for this reason.
    Kept(Kept),
}

impl Allocator {
    /// Frees `address` if it is still held as `seen` says: same owner, same interface, same container. A stateful
    /// owner's address is freed only once nobody wants it any more (rule 9d).
    ///
    /// Nothing is asked about the pod of a stateless owner: one that runs keeps the address on its interface. Cost: one
    /// write; for a stateful owner four reads and three writes. Cancellation: send it again.
    ///
    /// # Errors
    /// [`AdminError::Store`]; what was held may still be held then.
    pub async fn release(&self, address: Address, seen: &Record) -> Result<Freeing, AdminError> {
        if let (Binding::Stateful, Some(pod)) = (seen.binding, &seen.owner.pod) {
            let holder = seen.controller.as_ref().and_then(|controller| holder(controller, pod));
            return match self.unbind(pod, &seen.slot, address.family(), holder).await {
                Unbound::Released => Ok(Freeing::Freed),
                Unbound::Nothing => Ok(Freeing::Changed),
                Unbound::Kept(why) => Ok(Freeing::Kept(why)),
                Unbound::Later(why) => Err(AdminError::Store(StoreError::unavailable(why.as_ref()))),
            };
        }
        let fence = match &seen.attachment {
            Attachment::Container(container) => Fence::Container(container.clone()),
            Attachment::Detached | Attachment::Unknown => Fence::Owner,
        };
        let releasing = Releasing { key: seen.key(address.family()), known: Some(address), attempt: None };
        let setting = Setting { bits: self.block_bits(), snapshots: Snapshots::No };
        let deadline = self.env().clock.monotonic().after(super::edit::BUDGET);
        let machine = Del::new(
            vec![releasing],
            None,
            fence,
            ReleaseMode::Free,
            self.scope().clone(),
            setting,
            deadline,
        );
        match self.run(machine).await.pop() {
            Some(Deleted::Released(_)) => Ok(Freeing::Freed),
            Some(Deleted::Nothing | Deleted::Detached(_)) | None => Ok(Freeing::Changed),
            Some(Deleted::Open(_) | Deleted::Failed) => {
                let message = "it is not known whether the address was freed; look at it again";
                Err(AdminError::Store(StoreError::unknown(message)))
            }
        }
    }
}

/// The controller that a binding of `pod` hangs on; none where it cannot be named in a store.
pub(crate) fn holder(controller: &Controller, pod: &NamespacedName) -> Option<BindingHolder> {
    let group = controller.api_version.split_once('/').map(|(group, _)| ObjectName::new(group));
    let controller_name = ResourceName {
        kind: ObjectName::new(&controller.kind).ok()?,
        group: group.transpose().ok()?,
        namespace: Some(pod.namespace.clone()),
        name: controller.name.clone(),
    };
    Some(BindingHolder { controller: controller_name, uid: controller.uid.clone() })
}
