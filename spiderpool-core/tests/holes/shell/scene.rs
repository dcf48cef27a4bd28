//! A scene: agents, each the real [`Allocator`], and actors that have one thing after the other done by them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use spiderpool_core::{
    admin::{Deletion, Mode},
    alloc::{AddError, AddPart, AddRequest, Allocator, DelRequest},
    api::SpiderIPPool,
    model::{Binding, BlockBits, Owner, Slot},
    name::{InterfaceName, ObjectName, OwnerUid},
    protocol::{Fence, PoolRef, ReleaseMode},
};

use super::super::{
    sight,
    store::ModelStore,
    world::{
        Faults, World,
        things::{container, pod_name},
    },
};

/// What an actor has done.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Add(Arc<AddRequest>),
    Del(Arc<DelRequest>),
    Apply(Arc<SpiderIPPool>),
    Delete(ObjectName),
}

impl Deed {
    /// In a word.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Add(request) => format!("ADD {}", request.container),
            Self::Del(request) => match &request.fence {
                Fence::Container(container) => format!("DEL {container}"),
                Fence::Owner | Fence::Seen(..) => "DEL".into(),
            },
            Self::Apply(pool) => format!("apply pool {} {:?}", pool.metadata.name, pool.spec.ips),
            Self::Delete(name) => format!("delete pool {name}"),
        }
    }

    /// Has it done, and says what was answered: addresses, or a word.
    pub(crate) async fn run(self, allocator: Allocator) -> Result<Vec<String>, String> {
        match self {
            Self::Add(request) => match allocator.add(&request).await {
                Ok(granted) => Ok(granted.iter().map(|granted| granted.address.to_string()).collect()),
                Err(AddError::ContainerGone { .. }) => Err("gone".into()),
                Err(AddError::Refused { .. }) => Err("exhausted".into()),
                Err(AddError::Busy { .. }) => Err("busy".into()),
                Err(other) => Err(other.to_string()),
            },
            Self::Del(request) => match allocator.del(&request).await {
                Ok(_) => Ok(Vec::new()),
                Err(_) => Err("again".into()),
            },
            Self::Apply(pool) => done(allocator.apply_pool(&pool, Mode::Real).await),
            Self::Delete(name) => done(allocator.delete_pool(&name, Deletion::Guarded, Mode::Real).await),
        }
    }
}

fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<Vec<String>, String> {
    result.map(|_| Vec::new()).map_err(|error| error.to_string())
}

/// An ADD of `pod`: for each part its slot, the interface's name where it is known, and its pool.
pub(crate) fn add(pod: &str, name: &str, parts: &[(Slot, Option<&str>, &Arc<PoolRef>)]) -> Deed {
    let parts = parts.iter().map(|(slot, interface, pool)| AddPart {
        slot: slot.clone(),
        interface: interface.map(|name| InterfaceName::new(name).unwrap()),
        family: pool.family,
        candidates: vec![Arc::clone(pool)],
        address: None,
    });
    Deed::Add(Arc::new(AddRequest {
        owner: Owner { uid: OwnerUid::new(format!("uid-{pod}")).unwrap(), pod: Some(pod_name(pod)) },
        container: container(name),
        network: None,
        controller: None,
        binding: Binding::Stateless,
        parts: parts.collect(),
        timeout: Duration::from_secs(20),
    }))
}

pub(crate) fn eth0() -> Slot {
    Slot::Named(InterfaceName::new("eth0").unwrap())
}

/// An ADD of `pod` for eth0, of these pools.
pub(crate) fn add_eth0(pod: &str, name: &str, pools: &[&Arc<PoolRef>]) -> Deed {
    let parts: Vec<_> = pools.iter().map(|pool| (eth0(), Some("eth0"), *pool)).collect();
    add(pod, name, &parts)
}

pub(crate) fn del(pod: &str, name: &str, interface: Option<&str>) -> Deed {
    Deed::Del(Arc::new(DelRequest {
        owner: OwnerUid::new(format!("uid-{pod}")).unwrap(),
        fence: Fence::Container(container(name)),
        interface: interface.map(|name| InterfaceName::new(name).unwrap()),
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(20),
    }))
}

/// What a scene begins with.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(super) store: ModelStore,
    pub(super) bits: BlockBits,
    /// For each agent whether it has an intent log.
    pub(super) agents: Vec<bool>,
    /// Done one after the other before anything else, by these agents.
    pub(super) before: Vec<(usize, Deed)>,
    /// For each actor its agent, and what it has done.
    pub(super) actors: Vec<(usize, Vec<Deed>)>,
    pub(super) faults: Faults,
    /// Requests that are cut off.
    pub(super) cuts: u8,
}

impl Scene {
    /// One of `pools` whose plans are settled, in blocks of 2^`bits` addresses.
    pub(crate) fn new(pools: &[SpiderIPPool], bits: u8) -> Self {
        Self {
            store: World::new(pools, bits).store,
            bits: BlockBits::new(bits).unwrap(),
            agents: Vec::new(),
            before: Vec::new(),
            actors: Vec::new(),
            faults: Faults::default(),
            cuts: 0,
        }
    }

    /// Another agent, with an intent log; the actors that follow are its.
    pub(crate) fn agent(mut self) -> Self {
        self.agents.push(true);
        self
    }

    /// Another agent, without one.
    pub(crate) fn agent_without_log(mut self) -> Self {
        self.agents.push(false);
        self
    }

    /// Done by the last agent before the scene begins.
    pub(crate) fn before(mut self, deed: Deed) -> Self {
        self.before.push((self.agents.len() - 1, deed));
        self
    }

    /// Somebody who has these done by the last agent.
    pub(crate) fn actor(mut self, deeds: Vec<Deed>) -> Self {
        self.actors.push((self.agents.len() - 1, deeds));
        self
    }

    pub(crate) fn with(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// So many requests may be cut off.
    pub(crate) fn cutting(mut self, cuts: u8) -> Self {
        self.cuts = cuts;
        self
    }

    pub(crate) fn put(
        mut self,
        key: spiderpool_core::store::Key,
        document: spiderpool_core::store::Document,
    ) -> Self {
        self.store.put(&key, document);
        self
    }
}

/// Copies of plans that are no more.
pub(crate) fn stray_copies(store: &ModelStore) -> Vec<String> {
    let plans: Vec<_> =
        store.documents().filter_map(|(_, found)| Some(found.as_plan()?.id.clone())).collect();
    let mut stray = Vec::new();
    for (key, document) in store.documents() {
        if let Some(block) = document.as_block() {
            let dead = block.copies().iter().filter(|copy| !plans.contains(&copy.plan));
            stray.extend(dead.map(|copy| format!("{} in {key}", copy.plan)));
        }
    }
    stray
}

/// Each pool's addresses by name.
pub(crate) fn pools(store: &ModelStore) -> BTreeMap<String, u64> {
    let pools = store.documents().filter_map(|(_, document)| document.as_pool().cloned());
    pools
        .filter_map(|pool| {
            let uid = pool.metadata.uid.as_deref()?.parse().ok()?;
            Some((pool.metadata.name.clone(), sight::offers(store, &uid)?))
        })
        .collect()
}
