//! CHECK and STATUS.

use super::ask::Ask;
use super::{Node, failure};
use crate::api::{CheckRequest, ErrorBody, ErrorCode, StatusResponse};
use spiderpool_core::addr::Address;
use spiderpool_core::model::BlockId;
use spiderpool_core::store::{Key, StoreError, StoreExt};
use std::collections::BTreeSet;
use std::fmt::Display;

fn list(addresses: &BTreeSet<Address>) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Node {
    pub(super) async fn compare(&self, request: CheckRequest) -> Result<(), ErrorBody> {
        let ask = Ask::read(&request.attachment)?;
        let held = self.confirmed(&ask).await?;
        let expected: BTreeSet<Address> = request.expected_ips.iter().map(|ip| ip.address.into()).collect();
        if held.is_empty() {
            let details = "It was released, or never granted here: the pod has to be created again.";
            return Err(ErrorBody::new(ErrorCode::NotFound, format!("{ask}: it holds no address"), details));
        }
        if held != expected {
            let message =
                format!("{ask}: it holds {}, and is expected to hold {}", list(&held), list(&expected));
            let details = "The pod uses an address that is not its own: create it again.";
            return Err(ErrorBody::new(ErrorCode::Mismatch, message, details));
        }
        Ok(())
    }

    /// The addresses that the blocks say this interface of this container holds.
    async fn confirmed(&self, ask: &Ask) -> Result<BTreeSet<Address>, ErrorBody> {
        let holding = self.held.owner_of(&ask.container).and_then(|owner| self.held.of(&owner));
        let mut confirmed = BTreeSet::new();
        for part in holding.iter().flat_map(|holding| &holding.parts) {
            if part.container() != Some(&ask.container) || part.interface() != Some(&ask.interface) {
                continue;
            }
            let id = BlockId::of(self.allocator.scope(), self.allocator.block_bits(), part.address);
            let block = self.allocator.store().block(&id).await;
            let block = block.map_err(|error| failure::store("the record cannot be read", &error))?;
            let record = block.as_ref().and_then(|(block, _)| block.record_of(part.address));
            let matches = |record: &spiderpool_core::model::Record| {
                record.owner.uid == part.record.owner.uid && record.attachment.matches(&ask.container)
            };
            if record.is_some_and(|record| matches(record)) {
                confirmed.insert(part.address);
            }
        }
        Ok(confirmed)
    }

    /// Whether the store has stopped for good.
    pub(super) async fn goes_on(&self) -> Result<(), ErrorBody> {
        let store = self.allocator.store();
        if store.capabilities().shared {
            // It is elsewhere, and comes back without this process' doing.
            return Ok(());
        }
        match store.get(&Key::Scope(self.allocator.scope().clone())).await {
            Err(error @ StoreError::Stopped { .. }) => {
                let details = "The agent does not go on by itself: restart it once that is done.";
                Err(ErrorBody::new(ErrorCode::Unavailable, error.to_string(), details))
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn state(&self) -> Result<StatusResponse, ErrorBody> {
        let store = self.allocator.store();
        let scope = Key::Scope(self.allocator.scope().clone());
        let not_ready = |why: &dyn Display| {
            let details = "See the agent's log and the state of its store.";
            ErrorBody::new(ErrorCode::Unavailable, format!("addresses cannot be granted: {why}"), details)
        };
        match store.get(&scope).await {
            Ok(Some(_)) => {}
            Ok(None) => return Err(not_ready(&format_args!("{scope} is gone"))),
            Err(error) => return Err(not_ready(&error)),
        }
        Ok(StatusResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            node: self.config.node.to_string(),
            store: store.capabilities().name,
            pending_releases: 0,
        })
    }
}
