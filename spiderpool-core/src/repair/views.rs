//! Endpoints that show something else than their owners hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{ActionKind, Repair};
use crate::{
    addr::{Address, Family},
    api::{EndpointIP, Route, SpiderEndpoint},
    endpoint::{ShownAddress, ShownInterface, View, shown_addresses},
    model::{Pool, Record},
    name::{NamespacedName, ObjectName, OwnerUid, Uid},
    store::{Document, Key, Kind, Selector, StoreError, Token},
};

type Held = BTreeMap<Address, Arc<Record>>;

impl Repair {
    /// Writes every view anew that differs from what its incarnation holds. Owners that hold two addresses where they
    /// may have one are left: what their view shows says which one they use.
    pub(super) async fn rebuild_views(&mut self) -> Result<(), StoreError> {
        let endpoints = self.allocator.store().list(&Selector::Kind(Kind::Endpoint)).await;
        let Some(endpoints) = self.noted("rebuilding views", endpoints)? else { return Ok(()) };
        let pools = self.allocator.store().list(&Selector::Kind(Kind::Pool)).await;
        let Some(pools) = self.noted("rebuilding views", pools)? else { return Ok(()) };
        let (blocks, complete) = self.allocator.inspect().readable_blocks().await?;
        if !complete {
            return Ok(());
        }
        let pools: BTreeMap<Uid, Pool> = pools
            .items
            .iter()
            .filter_map(|item| Pool::try_from(item.document.as_pool()?.as_ref()).ok())
            .map(|pool| (pool.uid.clone(), pool))
            .collect();
        let mut holders: BTreeMap<(NamespacedName, String), Held> = BTreeMap::new();
        for block in &blocks {
            for (offset, record) in block.records() {
                if let Some(pod) = &record.owner.pod {
                    let owner = (pod.clone(), record.owner.uid.to_string());
                    holders.entry(owner).or_default().insert(block.address(offset), record.clone());
                }
            }
        }
        let nothing = Held::new();
        for item in endpoints.items {
            let (Key::Endpoint(pod), Some(endpoint)) = (&item.key, item.document.as_endpoint()) else {
                continue;
            };
            let shown: BTreeSet<Address> = shown_addresses(endpoint).collect();
            let held = holders.get(&(pod.clone(), endpoint.status.current.uid.clone())).unwrap_or(&nothing);
            let same = shown.iter().eq(held.keys());
            if endpoint.status.current.ips.is_empty() || same || has_twins(held) {
                continue;
            }
            let done = self.rebuild(pod, endpoint, &item.token, held, &pools).await;
            if self.noted("rebuilding views", done)?.is_some() {
                let list: Vec<String> = held.keys().map(ToString::to_string).collect();
                let what = if list.is_empty() { "nothing".into() } else { list.join(", ") };
                self.did(
                    ActionKind::ViewRebuilt,
                    &item.key,
                    format!("it shows what its owner holds: {what}"),
                );
            }
        }
        Ok(())
    }

    async fn rebuild(
        &self,
        pod: &NamespacedName,
        endpoint: &SpiderEndpoint,
        token: &Token,
        held: &Held,
        pools: &BTreeMap<Uid, Pool>,
    ) -> Result<(), StoreError> {
        let Ok(uid) = OwnerUid::new(endpoint.status.current.uid.as_str()) else {
            return self.clear(pod, endpoint, token).await;
        };
        let Some(first) = held.values().next() else { return self.allocator.clear_view(pod, &uid).await };
        let view = View {
            owner: first.owner.clone(),
            node: first.node.clone(),
            controller: first.controller.clone(),
            binding: first.binding,
            interfaces: interfaces(endpoint, held, pools),
        };
        // What it shows of others goes first: an entry is found again by its address.
        self.allocator.clear_view(pod, &uid).await?;
        self.allocator.record_view(&view).await
    }

    /// The view of nobody goes; a claim in the same document stays.
    async fn clear(
        &self,
        pod: &NamespacedName,
        endpoint: &SpiderEndpoint,
        token: &Token,
    ) -> Result<(), StoreError> {
        let key = Key::Endpoint(pod.clone());
        let mut next = endpoint.clone();
        next.status.current.ips.clear();
        match next.status.claims.is_empty() {
            true => self.allocator.store().delete(&key, token).await,
            false => self.allocator.store().update(&key, token, Document::from(next)).await.map(drop),
        }
    }
}

/// Whether one key has two addresses.
fn has_twins(held: &Held) -> bool {
    let mut keys = BTreeSet::new();
    !held.iter().all(|(address, record)| keys.insert(record.key(address.family())))
}

fn interfaces(endpoint: &SpiderEndpoint, held: &Held, pools: &BTreeMap<Uid, Pool>) -> Vec<ShownInterface> {
    let mut all: Vec<ShownInterface> = Vec::new();
    // One entry of an endpoint has one address of a family: two records that name the same interface get one each.
    let mut named: BTreeSet<(String, Family)> = BTreeSet::new();
    for (address, record) in held {
        let pool = pools.get(&record.pool);
        let name = record.interface.clone().filter(|name| named.insert((name.to_string(), address.family())));
        let before = before(endpoint, name.as_ref().map_or("", |name| name.as_str()), *address);
        let routes: Vec<Route> = match before {
            Some(before) => before.routes.clone(),
            None => pool.into_iter().flat_map(|pool| &pool.routes).map(written).collect(),
        };
        let Some(shown) = shown(*address, record, pool) else { continue };
        match all.iter_mut().find(|other| other.slot == record.slot && other.interface == name) {
            Some(interface) => interface.addresses.push(shown),
            None => all.push(ShownInterface {
                slot: record.slot.clone(),
                interface: name,
                addresses: vec![shown],
                routes,
                clean_gateway: before.and_then(|before| before.clean_gateway).unwrap_or(false),
                mac: before.and_then(|before| before.mac.clone()),
            }),
        }
    }
    all
}

fn written(route: &crate::model::Route) -> Route {
    Route { dst: route.destination.to_string(), gw: route.gateway.to_string() }
}

/// What the endpoint says of the interface so far.
fn before<'a>(endpoint: &'a SpiderEndpoint, interface: &str, address: Address) -> Option<&'a EndpointIP> {
    let shows = |written: &Option<String>| {
        written.as_deref().is_some_and(|text| text.split('/').next() == Some(address.to_string().as_str()))
    };
    endpoint.status.current.ips.iter().find(|entry| {
        !interface.is_empty() && entry.interface == interface || shows(&entry.ipv4) || shows(&entry.ipv6)
    })
}

/// An address of a pool that is gone is shown by itself, under the pool's uid.
fn shown(address: Address, record: &Record, pool: Option<&Pool>) -> Option<ShownAddress> {
    if let Some(pool) = pool {
        return Some(ShownAddress::of(address, pool));
    }
    Some(ShownAddress {
        address,
        pool: ObjectName::new(record.pool.as_str()).ok()?,
        prefix_len: address.family().bits(),
        gateway: None,
        vlan: None,
    })
}
