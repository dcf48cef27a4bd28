//! DEL.

use super::ask::Ask;
use super::held::HeldPart;
use super::views::Expected;
use super::{Node, failure};
use crate::agent::Budget;
use crate::api::{Attachment, ErrorBody};
use crate::spool::EntryName;
use spiderpool_core::alloc::DelRequest;
use spiderpool_core::model::Binding;
use spiderpool_core::name::{ContainerId, InterfaceName, OwnerUid};
use spiderpool_core::protocol::{Fence, ReleaseMode};

impl Node {
    pub(super) async fn release(&self, attachment: &Attachment, budget: Budget) -> Result<(), ErrorBody> {
        let ask = Ask::read(attachment)?;
        // Whose the container is, is known best from what was granted to it. The others cover a grant that this
        // process never saw.
        let container = OwnerUid::new(ask.container.as_str()).map_err(failure::bad_name)?;
        let mut owners = Vec::new();
        for owner in
            [self.held.owner_of(&ask.container), ask.pod_uid.clone(), Some(container)].into_iter().flatten()
        {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        for owner in owners {
            self.release_of(owner, &ask.container, &ask.interface, budget).await?;
        }
        Ok(())
    }

    pub(super) async fn release_by_name(&self, name: &EntryName, budget: Budget) -> Result<(), ErrorBody> {
        let container = ContainerId::new(name.container_id.as_str()).map_err(failure::bad_name)?;
        let interface = InterfaceName::new(name.if_name.as_str()).map_err(failure::bad_name)?;
        let own = OwnerUid::new(name.container_id.as_str()).map_err(failure::bad_name)?;
        let owner = self.held.owner_of(&container).unwrap_or(own);
        self.release_of(owner, &container, &interface, budget).await
    }

    /// Releases what this interface of this container of `owner` holds.
    pub(super) async fn release_of(
        &self,
        owner: OwnerUid,
        container: &ContainerId,
        interface: &InterfaceName,
        budget: Budget,
    ) -> Result<(), ErrorBody> {
        let holding = self.held.of(&owner);
        let outlives = |part: &HeldPart| part.record.binding == Binding::Stateful;
        let stateful = holding.as_ref().is_some_and(|holding| holding.parts.iter().any(outlives));
        let pod = holding.and_then(|holding| holding.owner.pod);
        if let Some(pod) = pod.as_ref().filter(|_| stateful) {
            // The view outlives the pod, so it has to be there before what it is derived from goes.
            self.views.settled(Some(pod)).await;
        }
        let request = DelRequest {
            owner: owner.clone(),
            fence: Fence::Container(container.clone()),
            interface: Some(interface.clone()),
            mode: ReleaseMode::Del,
            timeout: budget.remaining(),
        };
        let freed = self.allocator.del(&request).await.map_err(|error| failure::del(&error))?;
        self.held.released(&owner, freed.released.iter().chain(&freed.detached));
        for address in &freed.released {
            tracing::info!(%container, %interface, %address, "released");
        }
        for address in &freed.detached {
            tracing::info!(%container, %interface, %address, "detached; it stays with its owner's name");
        }
        if self.held.owner_of(container).is_none() {
            self.forget(container);
        }
        if let Some(pod) = pod
            && !(freed.released.is_empty() && freed.detached.is_empty())
        {
            self.views.changed(pod, owner, Expected::Anything);
        }
        Ok(())
    }
}
