//! Conditions of pools and Subnets: what people should know, why, and what to do. Pure.

use std::{collections::BTreeSet, fmt::Display};

use super::count::Counts;
use crate::{
    addr::{Address, IpSet},
    api::{Condition, ConditionStatus, Violations},
    model::{Pool, Subnet},
    name::ObjectName,
    time::Timestamp,
};

/// So many names and addresses a message lists.
const LISTED: usize = 5;

/// What is said of one condition; when it became so is added by [`since`].
struct Said {
    kind: &'static str,
    status: ConditionStatus,
    reason: &'static str,
    message: String,
}

fn holds(kind: &'static str, reason: &'static str, message: String) -> Said {
    Said { kind, status: ConditionStatus::True, reason, message }
}

fn holds_not(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Said {
    Said { kind, status: ConditionStatus::False, reason, message: message.into() }
}

const READY: &str = "Ready";
const EXHAUSTED: &str = "Exhausted";
const NARROWING: &str = "Narrowing";
const OVERLAPPING: &str = "Overlapping";

/// `said`, each since it became so by what was said `before`. Conditions of others stay as they are.
fn since(before: &[Condition], said: Vec<Said>, now: Timestamp) -> Vec<Condition> {
    let now = Timestamp::from_millis(now.as_millis().div_euclid(1000) * 1000).to_string();
    let ours: Vec<Condition> = said
        .into_iter()
        .map(|Said { kind, status, reason, message }| {
            let then = before.iter().find(|then| then.kind == kind && then.status == status);
            let last_transition_time =
                then.map_or_else(|| now.clone(), |then| then.last_transition_time.clone());
            Condition { kind: kind.into(), status, reason: reason.into(), message, last_transition_time }
        })
        .collect();
    let of_others = before.iter().filter(|other| ours.iter().all(|our| our.kind != other.kind));
    let of_others: Vec<_> = of_others.cloned().collect();
    ours.into_iter().chain(of_others).collect()
}

/// The first few of `all`, and how many more there are.
fn some_of<T: Display>(all: impl ExactSizeIterator<Item = T>) -> String {
    let more = all.len().saturating_sub(LISTED);
    let mut text = all.take(LISTED).map(|one| one.to_string()).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// "1 address", "2 addresses".
fn addresses(count: u128) -> String {
    if count == 1 { "1 address".into() } else { format!("{count} addresses") }
}

fn invalid(what: &str, violations: &Violations) -> Vec<Said> {
    let found = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let message = format!("the {what} cannot be read, so it grants nothing: {found}; correct it");
    vec![holds_not(READY, "Invalid", message)]
}

fn overlapping(what: &str, others: &BTreeSet<ObjectName>) -> Said {
    if others.is_empty() {
        return holds_not(OVERLAPPING, "NoOverlap", format!("no other {what} has any of its addresses"));
    }
    let message = format!(
        "{what}s with some of the same addresses: {}; no address is granted twice, but take them out of all but one",
        some_of(others.iter())
    );
    holds(OVERLAPPING, "AddressesShared", message)
}

/// What is known of a pool.
pub(super) struct PoolFacts<'a> {
    pub(super) pool: &'a Pool,
    pub(super) counts: Counts,
    /// Held through it, and not among its addresses.
    pub(super) outside: &'a [Address],
    /// Other pools that have some of its addresses.
    pub(super) overlapping: &'a BTreeSet<ObjectName>,
}

/// The conditions of a pool; an `Err` for one that cannot be read.
pub(super) fn of_pool(
    facts: Result<PoolFacts<'_>, &Violations>,
    before: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let said = match facts {
        Err(violations) => invalid("pool", violations),
        Ok(facts) => vec![
            pool_ready(facts.pool),
            pool_exhausted(&facts),
            pool_narrowing(&facts),
            overlapping("pool", facts.overlapping),
        ],
    };
    since(before, said, now)
}

fn pool_ready(pool: &Pool) -> Said {
    if pool.terminating {
        let message = "it is being deleted: it grants nothing, and goes when its last address is released";
        return holds_not(READY, "Terminating", message);
    }
    if pool.disabled {
        return holds_not(
            READY,
            "Disabled",
            "spec.disable is true: it grants nothing until that is taken back",
        );
    }
    holds(READY, "Serving", "it grants addresses to the pods that it admits".into())
}

fn pool_exhausted(facts: &PoolFacts<'_>) -> Said {
    let Counts { total, held, elsewhere, reserved, cooling, free, .. } = facts.counts;
    if facts.pool.terminating {
        return holds_not(EXHAUSTED, "Terminating", "it is being deleted");
    }
    if free > 0 {
        return holds_not(EXHAUSTED, "AddressesFree", "it has free addresses");
    }
    if total == 0 {
        return holds(EXHAUSTED, "NoAddresses", "it has no addresses: add ranges to spec.ips".into());
    }
    if cooling > 0 {
        let message = format!("all other addresses are in use; {} still cooling", addresses(cooling));
        return holds(EXHAUSTED, "Cooling", message);
    }
    let mut taken = vec![format!("{held} held")];
    taken.extend((elsewhere > 0).then(|| format!("{elsewhere} held through other pools")));
    taken.extend((reserved > 0).then(|| format!("{reserved} reserved")));
    let message =
        format!("none of its {} is free: {}; add ranges to spec.ips", addresses(total), taken.join(", "));
    holds(EXHAUSTED, "NoneFree", message)
}

fn pool_narrowing(facts: &PoolFacts<'_>) -> Said {
    let outside = facts.outside;
    if outside.is_empty() {
        return holds_not(NARROWING, "NothingOutside", "all that is held through it is among its addresses");
    }
    let message = format!(
        "held through it, and no longer among its addresses: {}; each goes when its pod releases it \
         (spiderpoolctl ip show ADDRESS names the holder)",
        some_of(outside.iter())
    );
    holds(NARROWING, "HeldOutside", message)
}

/// The conditions of a Subnet; an `Err` for one that cannot be read. `others`: Subnets that have some of its addresses.
pub(super) fn of_subnet(
    subnet: Result<&Subnet, &Violations>,
    reserved: &IpSet,
    others: &BTreeSet<ObjectName>,
    before: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let said = match subnet {
        Err(violations) => invalid("Subnet", violations),
        Ok(subnet) => vec![
            subnet_ready(subnet),
            subnet_exhausted(subnet, reserved),
            subnet_narrowing(subnet),
            overlapping("Subnet", others),
        ],
    };
    since(before, said, now)
}

fn subnet_ready(subnet: &Subnet) -> Said {
    if subnet.terminating {
        return holds_not(READY, "Terminating", "it is being deleted, and goes when its last pool has gone");
    }
    holds(READY, "Serving", "pools can have addresses of it".into())
}

fn subnet_exhausted(subnet: &Subnet, reserved: &IpSet) -> Said {
    let (all, unclaimed) = (subnet.allocatable(), subnet.unclaimed());
    if !unclaimed.difference(reserved).is_empty() {
        return holds_not(EXHAUSTED, "AddressesFree", "it has addresses that no pool has");
    }
    if all.is_empty() {
        return holds(EXHAUSTED, "NoAddresses", "it has no addresses: add ranges to spec.ips".into());
    }
    let left = unclaimed.len_saturating();
    let reserved = if left > 0 { format!(", {left} reserved") } else { String::new() };
    let message = format!(
        "its {} are given to {} pools{reserved}; add ranges to spec.ips, or delete pools that nobody needs",
        addresses(all.len_saturating()),
        subnet.controlled.len()
    );
    holds(EXHAUSTED, "NoneFree", message)
}

fn subnet_narrowing(subnet: &Subnet) -> Said {
    let all = subnet.allocatable();
    let outside: Vec<_> = subnet
        .controlled
        .iter()
        .filter(|(_, pool)| !pool.ips.difference(&all).is_empty())
        .map(|(name, _)| name)
        .collect();
    if outside.is_empty() {
        return holds_not(NARROWING, "NothingOutside", "all that pools have of it is among its addresses");
    }
    let message =
        format!("pools that have addresses which it no longer has: {}; shrink them", some_of(outside.iter()));
    holds(NARROWING, "PoolsOutside", message)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::SpiderIPPool;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000 + 7)
    }

    fn object(spec: Value) -> SpiderIPPool {
        serde_json::from_value(json!({"metadata": {"name": "p", "uid": "u"}, "spec": spec})).unwrap()
    }

    fn pool(disabled: Value) -> Pool {
        let spec = json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.1-10.0.0.9"], "disable": disabled});
        Pool::try_from(&object(spec)).unwrap()
    }

    fn said(conditions: &[Condition]) -> Vec<String> {
        let line = |one: &Condition| format!("{}={:?} {}: {}", one.kind, one.status, one.reason, one.message);
        conditions.iter().map(line).collect()
    }

    #[rstest]
    #[case(Counts { total: 9, held: 2, free: 7, ..Counts::default() }, "Exhausted=False AddressesFree: it has free addresses")]
    #[case(
        Counts { total: 9, held: 6, elsewhere: 1, reserved: 2, ..Counts::default() },
        "Exhausted=True NoneFree: none of its 9 addresses is free: 6 held, 1 held through other pools, 2 reserved; add \
         ranges to spec.ips"
    )]
    #[case(
        Counts { total: 9, held: 8, cooling: 1, ..Counts::default() },
        "Exhausted=True Cooling: all other addresses are in use; 1 address still cooling"
    )]
    #[case(Counts::default(), "Exhausted=True NoAddresses: it has no addresses: add ranges to spec.ips")]
    fn exhausted(#[case] counts: Counts, #[case] wanted: &str) {
        let (pool, overlapping) = (pool(json!(null)), BTreeSet::new());
        let facts = PoolFacts { pool: &pool, counts, outside: &[], overlapping: &overlapping };
        assert_eq!(said(&of_pool(Ok(facts), &[], at(1)))[1], wanted);
    }

    #[test]
    fn what_is_said_of_a_pool_that_shrinks_and_overlaps() {
        let pool = pool(json!(true));
        let overlapping = BTreeSet::from(["a", "b"].map(|name| ObjectName::new(name).unwrap()));
        let outside: Vec<Address> = (20..27).map(|n| format!("10.0.0.{n}").parse().unwrap()).collect();
        let counts = Counts { total: 9, held: 7, free: 9, ..Counts::default() };
        let facts = PoolFacts { pool: &pool, counts, outside: &outside, overlapping: &overlapping };
        let all = of_pool(Ok(facts), &[], at(1));
        let text = said(&all).join("\n");
        assert_eq!(
            text,
            "Ready=False Disabled: spec.disable is true: it grants nothing until that is taken back\n\
             Exhausted=False AddressesFree: it has free addresses\n\
             Narrowing=True HeldOutside: held through it, and no longer among its addresses: 10.0.0.20, 10.0.0.21, \
             10.0.0.22, 10.0.0.23, 10.0.0.24 and 2 more; each goes when its pod releases it (spiderpoolctl ip show \
             ADDRESS names the holder)\n\
             Overlapping=True AddressesShared: pools with some of the same addresses: a, b; no address is granted \
             twice, but take them out of all but one"
        );
    }

    #[test]
    fn a_condition_is_as_old_as_its_status_and_those_of_others_stay() {
        let (pool, none) = (pool(json!(null)), BTreeSet::new());
        let facts = |free| PoolFacts {
            pool: &pool,
            counts: Counts { total: 9, held: 9 - free, free, ..Counts::default() },
            outside: &[],
            overlapping: &none,
        };
        let foreign = Condition { kind: "Audited".into(), ..Condition::default() };
        let first = of_pool(Ok(facts(1)), std::slice::from_ref(&foreign), at(1));
        let second = of_pool(Ok(facts(0)), &first, at(60));
        let times: Vec<_> =
            second.iter().map(|one| (one.kind.as_str(), one.last_transition_time.as_str())).collect();
        let (old, new) = ("1970-01-01T00:00:01Z", "1970-01-01T00:01:00Z");
        assert_eq!(
            times,
            [(READY, old), (EXHAUSTED, new), (NARROWING, old), (OVERLAPPING, old), ("Audited", "")]
        );
        assert_eq!(second.last(), Some(&foreign));
        assert_eq!(of_pool(Ok(facts(0)), &second, at(99)), second);
    }

    #[test]
    fn a_pool_that_cannot_be_read_says_why() {
        let object = object(json!({"subnet": "10.0.0.0/24", "ips": ["x"]}));
        let violations = Pool::try_from(&object).unwrap_err();
        let text = said(&of_pool(Err(&violations), &[], at(1))).join("\n");
        assert!(
            text.starts_with(
                "Ready=False Invalid: the pool cannot be read, so it grants nothing: spec.ips[0]"
            ),
            "{text}"
        );
    }
}
