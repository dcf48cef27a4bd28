//! Claims for stateful records that have none.

use std::{collections::BTreeMap, sync::Arc};

use super::{ActionKind, Repair};
use crate::{
    addr::{Address, Family},
    api::{Claim, ClaimState, SpiderEndpoint},
    model::{Binding, BlockId, Record, Slot},
    name::NamespacedName,
    store::{Document, Key, StoreError, StoreExt},
};

/// What has at most one address (I13).
type Name = (NamespacedName, Slot, Family);

impl Repair {
    /// Claims for a stateful owner's name the address that it holds, where it holds one and claims none.
    pub(super) async fn make_claims(&mut self) -> Result<(), StoreError> {
        let (blocks, complete) = self.allocator.inspect().readable_blocks().await?;
        if !complete {
            // It may hold another one in a block that cannot be read.
            return Ok(());
        }
        let mut held: BTreeMap<Name, Vec<(Address, Arc<Record>)>> = BTreeMap::new();
        for block in &blocks {
            for (offset, record) in block.records() {
                let address = block.address(offset);
                if let (Binding::Stateful, Some(pod)) = (record.binding, &record.owner.pod) {
                    let key = (pod.clone(), record.slot.clone(), address.family());
                    held.entry(key).or_default().push((address, record.clone()));
                }
            }
        }
        for ((pod, ..), records) in held {
            let [(address, record)] = records.as_slice() else { continue };
            let done = self.make_claim(&pod, *address, record).await;
            if self.noted("making claims", done)? == Some(true) {
                self.did(
                    ActionKind::ClaimMade,
                    Key::Endpoint(pod),
                    format!("it claims {address}, which its owner holds for {}", record.slot),
                );
            }
        }
        Ok(())
    }

    /// The endpoint's token, then the block, then the compare-and-swap: whoever gives the address up meanwhile leaves at
    /// most a claim of nothing.
    async fn make_claim(
        &self,
        pod: &NamespacedName,
        address: Address,
        record: &Arc<Record>,
    ) -> Result<bool, StoreError> {
        let store = self.allocator.store();
        let found = store.endpoint(pod).await?;
        let claims =
            found.as_ref().map(|(endpoint, _)| endpoint.status.claims.as_slice()).unwrap_or_default();
        let own = |claim: &Claim| claim.interface == record.slot && claim.ip_version == address.family();
        if claims.iter().any(own) {
            return Ok(false);
        }
        let id = BlockId::of(self.allocator.scope(), self.allocator.block_bits(), address);
        let still =
            store.block(&id).await?.is_some_and(|(block, _)| block.record_of(address) == Some(record));
        if !still {
            return Ok(false);
        }
        let (endpoint, token) = match found {
            Some((endpoint, token)) => (endpoint.as_ref().clone(), Some(token)),
            None => (endpoint_of(pod, record), None),
        };
        let document = Document::from(with_claim(endpoint, address, record));
        let key = Key::Endpoint(pod.clone());
        match token {
            Some(token) => store.update(&key, &token, document).await?,
            None => store.create(&key, document).await?,
        };
        Ok(true)
    }
}

fn with_claim(mut endpoint: SpiderEndpoint, address: Address, record: &Record) -> SpiderEndpoint {
    let (interface, ip_version) = (record.slot.clone(), address.family());
    endpoint.status.claims.push(Claim { interface, ip_version, address, state: ClaimState::Holds });
    endpoint.status.claims.sort_by(|a, b| (&a.interface, a.ip_version).cmp(&(&b.interface, b.ip_version)));
    // A claim outlives the pod.
    endpoint.metadata.owner_references.clear();
    endpoint
}

fn endpoint_of(pod: &NamespacedName, record: &Record) -> SpiderEndpoint {
    let mut endpoint = SpiderEndpoint::default();
    endpoint.metadata.name = pod.name.to_string();
    endpoint.metadata.namespace = Some(pod.namespace.to_string());
    endpoint.status.current.uid = record.owner.uid.to_string();
    endpoint.status.current.node = record.node.to_string();
    if let Some(controller) = &record.controller {
        endpoint.status.owner_controller_type = controller.kind.clone();
        endpoint.status.owner_controller_name = controller.name.to_string();
    }
    endpoint
}
