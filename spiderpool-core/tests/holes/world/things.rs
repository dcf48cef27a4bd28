//! Pools, reservations, pods and requests of small worlds.
//!
//! Addresses go by number: 10.0.0.n, or fd00::n.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    addr::{Address, Family},
    api::{IPPoolSpec, ObjectMeta, ReservedIPSpec, SpiderIPPool, SpiderReservedIP},
    model::{Attachment, Binding, GrantKey, Owner, Record, Slot},
    name::{ContainerId, InterfaceName, NamespacedName, NodeName, ObjectName, OwnerUid, ScopeName, Uid},
    protocol::{PoolRef, pool_usable},
    time::Timestamp,
};

pub(crate) fn scope() -> ScopeName {
    ScopeName::default_scope()
}

/// The address 10.0.0.`n`.
pub(crate) fn address(n: u8) -> Address {
    format!("10.0.0.{n}").parse().unwrap()
}

fn v4(numbers: &[u8]) -> Vec<String> {
    numbers.iter().map(|n| format!("10.0.0.{n}")).collect()
}

fn meta(name: &str, uid: &str) -> ObjectMeta {
    ObjectMeta { name: name.into(), uid: Some(uid.into()), ..ObjectMeta::default() }
}

pub(crate) fn pool_object(name: &str, uid: &str, numbers: &[u8]) -> SpiderIPPool {
    let spec = IPPoolSpec { subnet: "10.0.0.0/24".into(), ips: v4(numbers), ..IPPoolSpec::default() };
    SpiderIPPool { metadata: meta(name, uid), spec, ..SpiderIPPool::default() }
}

pub(crate) fn pool_object_v6(name: &str, uid: &str, numbers: &[u8]) -> SpiderIPPool {
    let ips = numbers.iter().map(|n| format!("fd00::{n:x}")).collect();
    let spec = IPPoolSpec { subnet: "fd00::/64".into(), ips, ..IPPoolSpec::default() };
    SpiderIPPool { metadata: meta(name, uid), spec, ..SpiderIPPool::default() }
}

pub(crate) fn reservation(name: &str, numbers: &[u8]) -> SpiderReservedIP {
    SpiderReservedIP {
        metadata: meta(name, name),
        spec: ReservedIPSpec { ip_version: Some(4), ips: v4(numbers) },
        ..SpiderReservedIP::default()
    }
}

/// The family of a pool object.
pub(crate) fn family_of(object: &SpiderIPPool) -> Family {
    if object.spec.subnet.contains(':') { Family::V6 } else { Family::V4 }
}

pub(crate) fn pool_ref(object: &SpiderIPPool) -> Arc<PoolRef> {
    pool_that_cools(object, Duration::ZERO)
}

pub(crate) fn pool_that_cools(object: &SpiderIPPool, cooldown: Duration) -> Arc<PoolRef> {
    let family = family_of(object);
    Arc::new(PoolRef {
        name: ObjectName::new(&object.metadata.name).unwrap(),
        uid: Uid::new(object.metadata.uid.as_deref().unwrap()).unwrap(),
        scope: scope(),
        family,
        usable: Arc::new(pool_usable(object, family)),
        cooldown,
    })
}

pub(crate) fn pod_name(name: &str) -> NamespacedName {
    format!("default/{name}").parse().unwrap()
}

pub(crate) fn container(name: &str) -> ContainerId {
    ContainerId::new(name).unwrap()
}

/// An ADD.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ask {
    pub(crate) uid: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    /// For each part its interface and its candidate pools.
    pub(crate) parts: Vec<(&'static str, Vec<Arc<PoolRef>>)>,
    pub(crate) binding: Binding,
    /// With which of the pool's blocks the search begins.
    pub(crate) start: usize,
}

/// `pod` asks for one address of `pool`, on eth0.
pub(crate) fn ask(pod: &str, container: &str, pool: &Arc<PoolRef>) -> Ask {
    Ask {
        uid: format!("uid-{pod}"),
        pod: pod.into(),
        container: container.into(),
        parts: vec![("eth0", vec![pool.clone()])],
        binding: Binding::Stateless,
        start: 0,
    }
}

impl Ask {
    /// And for an address of `pool` on `interface`.
    pub(crate) fn and(mut self, interface: &'static str, pool: &Arc<PoolRef>) -> Self {
        self.parts.push((interface, vec![pool.clone()]));
        self
    }

    /// And, if the last part's pools have nothing, from this one.
    pub(crate) fn or(mut self, pool: &Arc<PoolRef>) -> Self {
        self.parts.last_mut().unwrap().1.push(pool.clone());
        self
    }

    /// Looking for room from the `start`-th block on.
    pub(crate) fn starting(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// As the incarnation `uid` of a stateful owner.
    pub(crate) fn stateful(self, uid: &str) -> Self {
        Self { uid: uid.into(), binding: Binding::Stateful, ..self }
    }

    pub(crate) fn key(&self, part: usize) -> GrantKey {
        let (interface, pools) = &self.parts[part];
        GrantKey {
            owner: OwnerUid::new(&self.uid).unwrap(),
            slot: Slot::Named(InterfaceName::new(interface).unwrap()),
            family: pools[0].family,
        }
    }

    pub(crate) fn record(&self, part: usize, node: &str) -> Record {
        let (interface, pools) = &self.parts[part];
        let interface = InterfaceName::new(interface).unwrap();
        Record {
            pool: pools[0].uid.clone(),
            owner: Owner { uid: OwnerUid::new(&self.uid).unwrap(), pod: Some(pod_name(&self.pod)) },
            controller: None,
            slot: Slot::Named(interface.clone()),
            interface: Some(interface),
            network: None,
            attachment: Attachment::Container(container(&self.container)),
            node: NodeName::new(node).unwrap(),
            binding: self.binding,
            since: Timestamp::from_millis(0),
        }
    }
}
