//! Endpoints as views: what a pod holds, for people.
//!
//! A view is derived from the blocks and can be written again at any time (rule 1). It never touches a claim (rule 9),
//! and shows nothing that its owner does not hold: the endpoint's token is taken first, then the blocks are read, then
//! the compare-and-swap; and after a write everything is looked at once more, so that a release which happened in
//! between is seen by its own writer or by this one.

mod merge;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

pub(crate) use merge::shown_addresses;
pub use merge::{Merged, clear, show};

use crate::{
    addr::Address,
    alloc::Allocator,
    api::{Route, SpiderEndpoint},
    model::{Binding, BlockId, Controller, Owner, Pool, Record, Slot},
    name::{InterfaceName, NamespacedName, NodeName, ObjectName, OwnerUid},
    store::{Document, Key, StoreError, StoreExt},
};

/// What a pod was given, as its endpoint is to show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// Whose. A bare sandbox has no endpoint.
    pub owner: Owner,
    /// Where it runs.
    pub node: NodeName,
    /// Its top controller; none: the pod stands for itself.
    pub controller: Option<Arc<Controller>>,
    /// Whether the endpoint outlives the pod: then the pod is not made its owner.
    pub binding: Binding,
    /// The interfaces of this request.
    pub interfaces: Vec<ShownInterface>,
}

/// One interface of a [`View`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownInterface {
    /// Which, as the grant is keyed.
    pub slot: Slot,
    /// Its name; none while no ADD has claimed it.
    pub interface: Option<InterfaceName>,
    /// Its addresses, at most one per family.
    pub addresses: Vec<ShownAddress>,
    /// Routes of its pools, and custom ones.
    pub routes: Vec<Route>,
    /// Whether the pod gets no default route from the gateway.
    pub clean_gateway: bool,
    /// MAC address, where one was given.
    pub mac: Option<String>,
}

/// One address of a [`ShownInterface`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownAddress {
    /// The address.
    pub address: Address,
    /// The pool it is from.
    pub pool: ObjectName,
    /// The prefix length of the pool's network.
    pub prefix_len: u8,
    /// The pool's gateway.
    pub gateway: Option<Address>,
    /// The pool's VLAN.
    pub vlan: Option<u16>,
}

impl ShownAddress {
    /// `address` of `pool`.
    #[must_use]
    pub fn of(address: Address, pool: &Pool) -> Self {
        Self {
            address,
            pool: pool.name.clone(),
            prefix_len: pool.subnet.prefix_len(),
            gateway: pool.gateway,
            vlan: pool.vlan,
        }
    }
}

/// Who holds which address, read after the endpoint's token.
pub type Holders = BTreeMap<Address, Arc<Record>>;

/// How often a view is begun again, by far more often than it has writers.
const TRIES: u32 = 64;

impl Allocator {
    /// Shows `view` in its pod's endpoint; other interfaces of the same pod stay. Does nothing for a bare sandbox, and
    /// nothing where a later incarnation of the pod is shown already.
    ///
    /// To be called after an ADD. Cost: two reads of the endpoint and of the blocks, one write. Cancellation: the view
    /// is written or not; [`Allocator::record_view`] may be called again at any time.
    ///
    /// # Errors
    /// The store failed. The addresses are granted all the same.
    pub async fn record_view(&self, view: &View) -> Result<(), StoreError> {
        let Some(pod) = &view.owner.pod else { return Ok(()) };
        let wanted = view.interfaces.iter().flat_map(|interface| &interface.addresses);
        let wanted = wanted.map(|shown| shown.address).collect();
        self.keep_view(pod, &wanted, |current, holders| show(current, view, holders)).await
    }

    /// Takes everything that `owner` does not hold any more out of the endpoint of `pod`; the endpoint goes with its
    /// last interface, unless it is a claim. Does nothing where another incarnation is shown.
    ///
    /// To be called after a DEL. Cost and cancellation as [`Allocator::record_view`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn clear_view(&self, pod: &NamespacedName, owner: &OwnerUid) -> Result<(), StoreError> {
        self.keep_view(pod, &BTreeSet::new(), |current, holders| clear(current, owner, holders)).await
    }

    async fn keep_view(
        &self,
        pod: &NamespacedName,
        wanted: &BTreeSet<Address>,
        merge: impl Fn(Option<&SpiderEndpoint>, &Holders) -> Merged,
    ) -> Result<(), StoreError> {
        let key = Key::Endpoint(pod.clone());
        for attempt in 0..TRIES {
            let found = self.store().endpoint(pod).await?;
            let current = found.as_ref().map(|(endpoint, _)| endpoint.as_ref());
            let mut addresses = wanted.clone();
            addresses.extend(current.into_iter().flat_map(shown_addresses));
            let holders = self.holders(&addresses).await?;
            let token = found.as_ref().map(|(_, token)| token);
            let written = match (merge(current, &holders), token) {
                (Merged::Unchanged, _) => return Ok(()),
                (Merged::Put(endpoint), None) => {
                    self.store().create(&key, Document::from(*endpoint)).await.map(drop)
                }
                (Merged::Put(endpoint), Some(token)) => {
                    self.store().update(&key, token, Document::from(*endpoint)).await.map(drop)
                }
                (Merged::Delete, Some(token)) => self.store().delete(&key, token).await,
                (Merged::Delete, None) => return Ok(()),
            };
            match written {
                // Looked at once more: what was released before this write must not stay.
                Ok(())
                | Err(
                    StoreError::Conflict { .. }
                    | StoreError::AlreadyExists { .. }
                    | StoreError::NotFound { .. }
                    | StoreError::UnknownOutcome { .. },
                ) => {}
                Err(error) => return Err(error),
            }
            if attempt >= 4 {
                let pause = Duration::from_micros(500 + self.number() % 4_000);
                self.env().timer.sleep(pause).await;
            }
        }
        Err(StoreError::unavailable(format!("{key} is changed by others again and again")))
    }

    async fn holders(&self, addresses: &BTreeSet<Address>) -> Result<Holders, StoreError> {
        let mut holders = Holders::new();
        let ids: BTreeSet<BlockId> =
            addresses.iter().map(|at| BlockId::of(self.scope(), self.block_bits(), *at)).collect();
        for id in ids {
            let Some((block, _)) = self.store().block(&id).await? else { continue };
            for (offset, record) in block.records() {
                let address = block.address(offset);
                if addresses.contains(&address) {
                    holders.insert(address, record.clone());
                }
            }
        }
        Ok(holders)
    }
}
