//! A store with everything in it, and ways to damage it behind everybody's back.

use std::sync::Arc;

use spiderpool_core::{
    admin::Mode,
    alloc::Allocator,
    endpoint::{ShownAddress, ShownInterface, View},
    inspect::Finding,
    model::{Attachment, Binding, Block, BlockId, Plan, PlanId, Pool, Record, Slot},
    name::{ContainerId, InterfaceName, NodeName, ObjectName, Uid},
    store::{Document, Key, Store, StoreExt},
    time::Timestamp,
};

use super::world::{
    self, Hands, add, address, apply, open, pool, reference, reservation, still_env, stored, subnet,
};

/// A store with everything in it, and nothing wrong.
pub(crate) struct World {
    pub(crate) allocator: Allocator,
    pub(crate) hands: Arc<Hands>,
}

pub(crate) const CIDR: &str = "10.0.0.0/24";

impl World {
    pub(crate) async fn new(store: Arc<dyn Store>) -> Self {
        let (env, hands) = still_env();
        let allocator = open(store, &env, 4).await;
        allocator.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        // The first addresses are held, whichever block the allocator begins with.
        let p = apply(&allocator, &pool("p", CIDR, &["10.0.0.1-10.0.0.2"])).await;
        apply(&allocator, &pool("q", "10.1.0.0/24", &["10.1.0.1-10.1.0.20"])).await;
        allocator.apply_reservation(&reservation("r", &["10.0.0.20"]), Mode::Real).await.unwrap();
        let granted = add(&allocator, 1, 0, std::slice::from_ref(&p), Binding::Stateless).await.unwrap();
        add(&allocator, 2, 0, std::slice::from_ref(&p), Binding::Stateful).await.unwrap();
        apply(&allocator, &pool("p", CIDR, &["10.0.0.1-10.0.0.20"])).await;
        let parsed = Pool::try_from(&stored(&allocator, "p").await).unwrap();
        let interface = ShownInterface {
            slot: slot(),
            interface: InterfaceName::new("eth0").ok(),
            addresses: vec![ShownAddress::of(granted[0].address, &parsed)],
            routes: Vec::new(),
            clean_gateway: false,
            mac: None,
        };
        let view = View {
            owner: world::owner(1),
            node: NodeName::new("node-1").unwrap(),
            controller: None,
            binding: Binding::Stateless,
            interfaces: vec![interface],
        };
        allocator.record_view(&view).await.unwrap();
        Self { allocator, hands }
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.allocator.store()
    }

    pub(crate) async fn findings(&self) -> Vec<Finding> {
        self.allocator.inspect().fsck().await.unwrap()
    }

    /// Changes a document behind everybody's back.
    pub(crate) async fn change<T: Clone + Into<Document>>(
        &self,
        key: &Key,
        read: impl Fn(&Document) -> Option<&Arc<T>>,
        change: impl FnOnce(&mut T),
    ) {
        let found = self.store().get(key).await.unwrap().unwrap();
        let mut body = T::clone(read(&found.document).unwrap());
        change(&mut body);
        self.store().update(key, &found.token, body.into()).await.unwrap();
    }

    pub(crate) async fn change_block(&self, at: &str, change: impl FnOnce(&mut Block, u8)) {
        let bits = self.allocator.block_bits();
        let id = BlockId::of(self.allocator.scope(), bits, address(at));
        if self.store().block(&id).await.unwrap().is_none() {
            self.store()
                .create(&Key::Block(id.clone()), Block::empty(id.clone(), bits).into())
                .await
                .unwrap();
        }
        self.change(&Key::Block(id), Document::as_block, |block| {
            let offset = block.offset(address(at)).unwrap();
            change(block, offset);
        })
        .await;
    }

    pub(crate) async fn plan_of(&self, name: &str) -> Plan {
        let id = PlanId::Pool(reference(&self.allocator, name).await.uid.clone());
        self.store().plan(&id).await.unwrap().unwrap().0.as_ref().clone()
    }

    pub(crate) async fn record(&self, pod: usize, pool: &str, binding: Binding) -> Record {
        Record {
            pool: match pool {
                "gone" => Uid::new("gone").unwrap(),
                name => reference(&self.allocator, name).await.uid.clone(),
            },
            owner: world::owner(pod),
            controller: None,
            slot: slot(),
            interface: InterfaceName::new("eth0").ok(),
            network: None,
            attachment: Attachment::Container(ContainerId::new("c").unwrap()),
            node: NodeName::new("node-1").unwrap(),
            binding,
            since: Timestamp::from_millis(1_700_000_000_000),
        }
    }

    pub(crate) async fn plant_record(&self, at: &str, record: Record) {
        self.change_block(at, |block, offset| block.put(offset, Arc::new(record))).await;
    }
}

pub(crate) fn slot() -> Slot {
    Slot::Named(InterfaceName::new("eth0").unwrap())
}

pub(crate) fn named(name: &str) -> ObjectName {
    name.parse().unwrap()
}
