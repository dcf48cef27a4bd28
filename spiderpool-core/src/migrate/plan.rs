//! Who holds what from now on, and where the sources disagree. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    facts::{Facts, PodNow, STATEFUL},
    upstream::{Seen, Source},
};
use crate::{
    addr::{Address, Family},
    model::{Attachment, Binding, Owner, Pool, Record, Slot},
    name::{InterfaceName, NamespacedName, NodeName, OwnerUid},
    time::Timestamp,
};

/// The node of an address of which no source says where it is: there is none of this name, so that the sweep frees it once
/// its pod is gone.
const NOWHERE: &str = "migrated";
/// The first of the interfaces that nobody names, for addresses that only a pool notes beside those that a pod has: the DEL of
/// its first interface frees them, too.
const UNNAMED: u8 = 100;

/// How sources disagree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Kind {
    /// Something cannot be read.
    Unreadable,
    /// Two pods have one address.
    Contested,
    /// No pool has the address, or none of the name.
    NoPool,
    /// Somebody else holds it here.
    HeldByAnother,
    /// A pool notes it, and no endpoint.
    OnlyInPool,
    /// An endpoint has it, and its pool does not note it.
    OnlyInEndpoint,
    /// The sources name different incarnations of the pod.
    OtherUid,
    /// There is no such pod any more.
    PodGone,
    /// Its pool does not offer it any more.
    OutsidePool,
}

impl Kind {
    /// Whether the address is held nevertheless, by the one that the report names.
    #[must_use]
    pub fn is_kept(self) -> bool {
        !matches!(self, Self::Unreadable | Self::Contested | Self::NoPool | Self::HeldByAnother)
    }
}

/// Where upstream's notes disagree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// How.
    pub kind: Kind,
    /// The address, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The pod, or the object.
    pub object: String,
    /// What is wrong.
    pub what: String,
    /// What becomes of it, and what to do.
    pub done: String,
}

impl Disagreement {
    fn new(kind: Kind, address: Address, pod: &NamespacedName, what: String, done: &str) -> Self {
        Self { kind, address: Some(address), object: format!("pod {pod}"), what, done: done.to_owned() }
    }

    pub(super) fn held_by_another(address: Address, wanted: &Record, held: &Record) -> Self {
        let what = format!("it is held by {} on node {} since {}", held.owner, held.node, held.since);
        let object = wanted
            .owner
            .pod
            .as_ref()
            .map_or_else(|| wanted.owner.uid.to_string(), |pod| format!("pod {pod}"));
        let done = "nothing is overwritten: delete one of the two pods".to_owned();
        Self { kind: Kind::HeldByAnother, address: Some(address), object, what, done }
    }
}

/// An address and the record that it gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// The address.
    pub address: Address,
    /// The record.
    pub record: Arc<Record>,
}

/// What is to be written, and what is to be told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Ascending by address.
    pub holdings: Vec<Holding>,
    /// In the order of their addresses, what cannot be read first.
    pub disagreements: Vec<Disagreement>,
}

/// Whatever a source says is held is held, by the one that most speaks for.
#[must_use]
pub fn plan(facts: &Facts, now: Timestamp) -> Plan {
    let mut disagreements: Vec<Disagreement> = facts
        .unreadable
        .iter()
        .map(|(object, why)| Disagreement {
            kind: Kind::Unreadable,
            address: None,
            object: object.clone(),
            what: why.clone(),
            done: "what it says is not taken over: correct it, or delete the pods that it is about".into(),
        })
        .collect();
    let mut addresses: BTreeMap<Address, Vec<&Seen>> = BTreeMap::new();
    for seen in &facts.seen {
        addresses.entry(seen.address).or_default().push(seen);
    }
    let mut planner = Planner { facts, now, keys: BTreeSet::new(), told: Vec::new() };
    // Endpoints name interfaces: addresses that only pools note come after all that they have.
    let (named, unnamed): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|(_, seen)| seen.iter().any(|seen| seen.source == Source::Endpoint));
    let mut holdings: Vec<Holding> = named
        .into_iter()
        .chain(unnamed)
        .filter_map(|(address, seen)| planner.holding(address, &seen))
        .collect();
    holdings.sort_by_key(|holding| holding.address);
    planner.told.sort_by_key(|told| (told.address, told.kind));
    disagreements.append(&mut planner.told);
    Plan { holdings, disagreements }
}

struct Planner<'a> {
    facts: &'a Facts,
    now: Timestamp,
    /// An owner has one address for each of these.
    keys: BTreeSet<(NamespacedName, Slot, Family)>,
    told: Vec<Disagreement>,
}

impl<'a> Planner<'a> {
    fn holding(&mut self, address: Address, seen: &[&Seen]) -> Option<Holding> {
        let pod = self.owner(address, seen)?;
        let own: Vec<&Seen> = seen.iter().copied().filter(|seen| seen.pod == pod).collect();
        let pool = self.pool(address, &pod, &own)?;
        let in_endpoint = own.iter().find(|seen| seen.source == Source::Endpoint);
        let in_pool = own.iter().any(|seen| seen.source == Source::Pool);
        if in_endpoint.is_none() {
            let what = "a pool notes it, and the pod's endpoint does not".to_owned();
            self.tell(Kind::OnlyInPool, address, &pod, what, "it stays held; the pod's DEL frees it");
        } else if !in_pool {
            let what = format!("the pod's endpoint has it, and pool {} does not note it", pool.name);
            self.tell(Kind::OnlyInEndpoint, address, &pod, what, "it stays held");
        }
        let now = self.facts.pods.get(&pod);
        let uid = self.uid(address, &pod, &own, now)?;
        let set = in_endpoint.and_then(|seen| seen.controller.as_ref()).filter(|(kind, _)| kind == STATEFUL);
        let binding = if set.is_some() { Binding::Stateful } else { Binding::Stateless };
        if now.is_none() && binding == Binding::Stateless {
            let done = "it stays held until you free it (spiderpoolctl ip release), or its node is gone";
            self.tell(Kind::PodGone, address, &pod, "there is no such pod any more".into(), done);
        }
        let slot = self.slot(&pod, &own, address.family());
        let said = own.iter().find_map(|seen| seen.node.clone());
        let node = said.or_else(|| now.and_then(|pod| pod.node.clone()));
        let attachment = match (binding, now) {
            (Binding::Stateful, None) => Attachment::Detached,
            _ => Attachment::Unknown,
        };
        let record = Record {
            pool: pool.uid.clone(),
            controller: set
                .and_then(|(_, name)| self.facts.sets.get(&(pod.namespace.clone(), name.clone())).cloned()),
            owner: Owner { uid, pod: Some(pod) },
            interface: match &slot {
                Slot::Named(name) => Some(name.clone()),
                Slot::Indexed(_) => None,
            },
            slot,
            network: None,
            attachment,
            node: node.or_else(|| NodeName::new(NOWHERE).ok())?,
            binding,
            since: self.now,
        };
        Some(Holding { address, record: Arc::new(record) })
    }

    fn tell(&mut self, kind: Kind, address: Address, pod: &NamespacedName, what: String, done: &str) {
        self.told.push(Disagreement::new(kind, address, pod, what, done));
    }

    /// Of several pods the one that is there, in the pool's note and in its endpoint.
    fn owner(&mut self, address: Address, seen: &[&Seen]) -> Option<NamespacedName> {
        let pods: BTreeSet<&NamespacedName> = seen.iter().map(|seen| &seen.pod).collect();
        let speaks = |pod: &NamespacedName| {
            let noted = |source| seen.iter().any(|seen| seen.pod == *pod && seen.source == source);
            let present = self.facts.pods.get(pod);
            let incarnation = seen.iter().any(|seen| {
                seen.pod == *pod
                    && seen.uid.as_ref().is_some_and(|uid| present.is_some_and(|now| now.uid == *uid))
            });
            (incarnation, noted(Source::Pool), noted(Source::Endpoint), present.is_some())
        };
        let chosen = pods.iter().max_by_key(|pod| speaks(pod)).map(|pod| (*pod).clone())?;
        for other in pods.into_iter().filter(|pod| **pod != chosen) {
            let what = format!("pod {chosen} has it, too");
            let done = format!("pod {chosen} holds {address}: delete pod {other}");
            self.told.push(Disagreement::new(Kind::Contested, address, other, what, &done));
        }
        Some(chosen)
    }

    /// The pool that is named, or the one that has the address.
    fn pool(&mut self, address: Address, pod: &NamespacedName, own: &[&Seen]) -> Option<&'a Pool> {
        let named = |pool: &&Pool| own.iter().any(|seen| seen.pool.as_ref() == Some(&pool.name));
        let has = |pool: &&Pool| pool.family == address.family() && pool.allocatable().contains(address);
        let facts = self.facts;
        let pools = || facts.pools.iter();
        let found =
            pools().filter(has).find(named).or_else(|| pools().find(named)).or_else(|| pools().find(has));
        match found {
            None => {
                let what = "no pool has this address, nor the name that is noted".to_owned();
                let done =
                    "it is not taken over, and nobody is granted it: make a pool for it, or delete the pod";
                self.tell(Kind::NoPool, address, pod, what, done);
            }
            Some(pool) if !has(&pool) => {
                let what = format!("pool {} does not offer it any more", pool.name);
                self.tell(Kind::OutsidePool, address, pod, what, "it stays held, and is not granted again");
            }
            Some(_) => {}
        }
        found
    }

    /// The incarnation that is there, where a source knows it; else the one that the endpoint names.
    fn uid(
        &mut self,
        address: Address,
        pod: &NamespacedName,
        own: &[&Seen],
        now: Option<&PodNow>,
    ) -> Option<OwnerUid> {
        let uids: BTreeSet<&OwnerUid> = own.iter().filter_map(|seen| seen.uid.as_ref()).collect();
        let present = now.map(|now| &now.uid);
        let endpoint =
            own.iter().find(|seen| seen.source == Source::Endpoint).and_then(|seen| seen.uid.as_ref());
        let chosen = present
            .filter(|uid| uids.contains(uid))
            .or(endpoint)
            .or(uids.first().copied())
            .or(present)
            .cloned()?;
        if uids.len() > 1 || present.is_some_and(|uid| *uid != chosen) {
            let named: Vec<String> = uids.iter().map(ToString::to_string).collect();
            let is = present.map_or_else(|| "there is none".to_owned(), |uid| format!("the pod's is {uid}"));
            let what = format!("uid {} noted, {is}", named.join(" and "));
            self.tell(Kind::OtherUid, address, pod, what, &format!("it is held by uid {chosen}"));
        }
        Some(chosen)
    }

    /// The interface; one that nobody names, where the pod has its address already.
    fn slot(&mut self, pod: &NamespacedName, own: &[&Seen], family: Family) -> Slot {
        let by_endpoint =
            own.iter().find(|seen| seen.source == Source::Endpoint).and_then(|seen| seen.slot.clone());
        let said = by_endpoint.or_else(|| own.iter().find_map(|seen| seen.slot.clone()));
        let first = || InterfaceName::new("eth0").map_or(Slot::Indexed(0), Slot::Named);
        let mut slot = said.unwrap_or_else(first);
        let mut next = UNNAMED;
        while !self.keys.insert((pod.clone(), slot.clone(), family)) && next < u8::MAX {
            slot = Slot::Indexed(next);
            next += 1;
        }
        slot
    }
}
