//! A Subnet's record of which pool has which of its addresses (rule 5e). Pure.
//!
//! The record is `status.controlledIPPools`: for each pool what its object says, and claims of creations and edits in
//! flight. The pool objects are read after the Subnet's token, so a pool that is not among them and whose creation has
//! no claim in the record either does not exist yet, or its creation has to claim first, and meets a newer token.
//!
//! When a claim ends:
//! - of an edit: as soon as the pool has another token than the edit rests on, since it is persisted or dead then. One
//!   that rests on the present token for longer than the grace is fenced: the pool gets another token.
//! - of a creation: as soon as the pool exists. A creation cannot be fenced. It is forgotten after the grace if there
//!   is no such pool; its creator sends the creation only within half of the grace, looks at the record once more
//!   afterwards, and takes its pool back if the addresses went to somebody else meanwhile. So two pools can have one
//!   address in their objects only if a creation was under way for more than half of the grace *and* its creator died
//!   then. Even so nobody is granted an address twice (its block decides), and `fsck` reports the overlap.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    addr::{Cidr, IpSet},
    api::SpiderIPPool,
    model::{Application, Claiming, Controlled, Pool},
    name::ObjectName,
    store::Token,
    time::Timestamp,
};

/// How long a claim stands that nothing else ends.
pub(crate) const CLAIM_GRACE: Duration = Duration::from_secs(60);

/// A pool of the Subnet's network, as read after the Subnet's token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) token: Token,
    pub(crate) ips: IpSet,
    pub(crate) application: Option<String>,
}

/// The record.
pub(crate) type Record = BTreeMap<ObjectName, Controlled>;

/// An application as upstream writes it: `apps_v1_Deployment_default_web`.
fn application_text(application: &Application) -> String {
    let Application { api_version, kind, namespace, name } = application;
    format!("{}_{kind}_{namespace}_{name}", api_version.replace('/', "_"))
}

/// The pools of network `cidr` among `pools`. One that cannot be read has no addresses.
pub(crate) fn members<'a>(
    pools: impl IntoIterator<Item = (&'a SpiderIPPool, &'a Token)>,
    cidr: Cidr,
) -> BTreeMap<ObjectName, Member> {
    let inside = pools.into_iter().filter(|(pool, _)| pool.spec.subnet.parse() == Ok(cidr));
    let member = |(pool, token): (&SpiderIPPool, &Token)| {
        let name = ObjectName::new(&pool.metadata.name).ok()?;
        let parsed = Pool::try_from(pool).ok();
        let ips = parsed.as_ref().map_or_else(|| IpSet::new(cidr.family()), Pool::allocatable);
        let application = parsed.and_then(|pool| pool.auto).map(|auto| application_text(&auto.application));
        Some((name, Member { token: token.clone(), ips, application }))
    };
    inside.filter_map(member).collect()
}

/// What the record is to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Resolved {
    pub(crate) record: Record,
    /// Pools with an edit in flight for longer than the grace: once they have another token, its claim ends.
    pub(crate) overdue: Vec<ObjectName>,
}

/// Brings `record` up to what the pools say: ends claims, gives back what pools have no more, takes in what they have
/// besides. An address that two pools have belongs to the one that the record names; to the first by name if it names
/// neither. So the entries of a record that this made are disjoint.
pub(crate) fn resolve(
    record: &Record,
    members: &BTreeMap<ObjectName, Member>,
    cidr: Cidr,
    now: Timestamp,
) -> Resolved {
    let mut taken = IpSet::new(cidr.family());
    let mut next = Record::new();
    let mut overdue = Vec::new();
    for (name, entry) in record {
        let member = members.get(name);
        let mut pending = Vec::new();
        for claiming in &entry.pending {
            let expired = now.since(claiming.since) >= CLAIM_GRACE;
            match (&claiming.base, member) {
                (Some(base), Some(member)) if *base == member.token => {
                    if expired {
                        overdue.push(name.clone());
                    }
                    pending.push(claiming.clone());
                }
                (None, None) if !expired => pending.push(claiming.clone()),
                _ => {}
            }
        }
        let own =
            member.map_or_else(|| IpSet::new(cidr.family()), |member| member.ips.intersection(&entry.ips));
        let ips = pending.iter().fold(own, |all, claiming| all.union(&claiming.ips)).difference(&taken);
        taken = taken.union(&ips);
        let application =
            member.and_then(|member| member.application.clone()).or_else(|| entry.application.clone());
        next.insert(name.clone(), Controlled { ips, application, pending });
    }
    for (name, member) in members {
        let entry = next.entry(name.clone()).or_insert_with(|| Controlled {
            ips: IpSet::new(cidr.family()),
            application: member.application.clone(),
            pending: Vec::new(),
        });
        let more = member.ips.difference(&taken);
        entry.ips = entry.ips.union(&more);
        taken = taken.union(&more);
    }
    next.retain(|_, entry| !entry.ips.is_empty() || !entry.pending.is_empty());
    Resolved { record: next, overdue }
}

/// Addresses that another pool has already.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// The other pool.
    pub pool: ObjectName,
    /// The addresses.
    pub ips: IpSet,
    /// Since when a creation or an edit of the other pool is claiming them; none: the pool has them.
    pub since: Option<Timestamp>,
}

/// Who has addresses of `wanted`, other than the pool `name` itself.
pub(crate) fn taken(record: &Record, name: &ObjectName, wanted: &IpSet) -> Vec<Taken> {
    let others = record.iter().filter(|(other, _)| *other != name);
    let common = others.filter_map(|(other, entry)| {
        let ips = entry.ips.intersection(wanted);
        let claims = entry.pending.iter().filter(|claiming| !claiming.ips.is_disjoint(&ips));
        let since = claims.map(|claiming| claiming.since).min();
        (!ips.is_empty()).then(|| Taken { pool: other.clone(), ips, since })
    });
    common.collect()
}

/// Adds a claim for the pool `name`. Nobody else has its addresses.
pub(crate) fn add(record: &mut Record, name: &ObjectName, claiming: Claiming) {
    let entry = record.entry(name.clone()).or_insert_with(|| Controlled {
        ips: IpSet::new(claiming.ips.family()),
        application: None,
        pending: Vec::new(),
    });
    entry.ips = entry.ips.union(&claiming.ips);
    entry.pending.push(claiming);
}

/// Whether the claim of `edit` for the pool `name` stands.
pub(crate) fn claims(record: &Record, name: &ObjectName, edit: &str) -> bool {
    record.get(name).is_some_and(|entry| entry.pending.iter().any(|claiming| claiming.edit == edit))
}

/// Takes the claim of `edit` away. What only it had is given back when the record is resolved.
pub(crate) fn forget(record: &mut Record, edit: &str) {
    for entry in record.values_mut() {
        entry.pending.retain(|claiming| claiming.edit != edit);
    }
}
