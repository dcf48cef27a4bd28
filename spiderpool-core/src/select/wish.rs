//! From the sources to the pools that are named for each part.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    AutoPoolProblem, AutoPools, Facts, Refusal, Refused, SelectError, Source, catalog::Entry,
    network::Attachments,
};
use crate::{
    addr::Family,
    api::{Violation, Violations, Warning, keys},
    model::{Application, Pool, PoolRef, Reclaim, Slot},
    name::{InterfaceName, ObjectName},
    validate::annotations::{self, PoolChoice, PoolItem, Pools, SubnetItem},
};

/// A part that is asked for, with the pools that are named for it.
pub(super) struct Wish {
    pub(super) slot: Slot,
    pub(super) interface: Option<InterfaceName>,
    /// The interface's place among those of its pod; none for the one that asks, whose place is rarely needed.
    pub(super) position: Option<u8>,
    pub(super) family: Family,
    /// What is named, in written order, no pool twice.
    pub(super) named: Vec<Named>,
    pub(super) clean_gateway: bool,
}

/// What a name leads to.
pub(super) enum Named {
    /// A pool, which the filters may still refuse.
    Pool(Arc<Pool>),
    /// No pool that could be tried.
    Refused(Refused),
}

/// The source that applies, and what it asks for.
pub(super) fn wishes(
    facts: &Facts<'_>,
    attachments: &Attachments<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(Source, Vec<Wish>), SelectError> {
    let (source, wishes) = match from_pod(facts, attachments, warnings)? {
        Some(found) => found,
        None => from_defaults(facts, warnings)?,
    };
    if wishes.is_empty() {
        let families = facts.families;
        return Err(SelectError::NothingAsked {
            interface: facts.interface.clone(),
            chosen_by: source,
            families,
        });
    }
    Ok((source, wishes))
}

fn from_pod(
    facts: &Facts<'_>,
    attachments: &Attachments<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<(Source, Vec<Wish>)>, SelectError> {
    let Some(pod) = facts.pod else { return Ok(None) };
    let wrong = |found: Violations| SelectError::wrong_pod(facts, found);
    sizing(pod.annotations, warnings).map_err(wrong)?;
    if let Some(text) = pod.annotations.get(keys::SUBNETS) {
        let items = annotations::subnets(text, warnings).map_err(wrong)?;
        let item = items.into_iter().find(|item| item.interface == *facts.interface);
        let item = item.ok_or_else(|| not_named(facts, Source::PodSubnets))?;
        return Ok(Some((Source::PodSubnets, from_subnet(facts, &Source::PodSubnets, &item)?)));
    }
    if let Some(text) = pod.annotations.get(keys::SUBNET) {
        let item = annotations::subnet(text, warnings).map_err(wrong)?;
        if item.interface == *facts.interface {
            return Ok(Some((Source::PodSubnet, from_subnet(facts, &Source::PodSubnet, &item)?)));
        }
    }
    if let Some(text) = pod.annotations.get(keys::POOLS) {
        let pools = annotations::pools(text, warnings).map_err(wrong)?;
        return Ok(Some((Source::PodPools, from_pools(facts, attachments, &pools, warnings)?)));
    }
    if let Some(text) = pod.annotations.get(keys::POOL) {
        let item = annotations::pool(text, warnings).map_err(wrong)?;
        if item.interface.as_ref().is_none_or(|own| own == facts.interface) {
            let clean = item.clean_gateway.unwrap_or(facts.config.clean_gateway);
            return Ok(Some((Source::PodPool, for_asker(facts, &item.choice, clean))));
        }
    }
    Ok(None)
}

/// How auto pools are sized and when they go. Nothing here depends on it, so that only whoever asks for one is refused.
fn sizing(pod: &BTreeMap<String, String>, warnings: &mut Vec<Warning>) -> Result<(), Violations> {
    let text = |key: &str| pod.get(key);
    let number = text(keys::IP_NUMBER).map(|text| annotations::ip_number(text).map(drop));
    let reclaim = text(keys::RECLAIM).map(|text| annotations::reclaim(text).map(drop));
    let mut found = Violations::none();
    [number, reclaim].into_iter().flatten().filter_map(Result::err).for_each(|wrong| found.extend(wrong));
    if [keys::SUBNETS, keys::SUBNET].iter().any(|key| pod.contains_key(*key)) {
        return found.into_result(());
    }
    let odd = |wrong: &Violation| {
        Warning::new(
            &wrong.field,
            format!("without a Subnet this has no effect; and it is wrong: {}", wrong.message),
        )
    };
    warnings.extend(found.iter().map(odd));
    Ok(())
}

fn from_defaults(facts: &Facts<'_>, warnings: &mut Vec<Warning>) -> Result<(Source, Vec<Wish>), SelectError> {
    let clean = facts.config.clean_gateway;
    if let Some(pod) = facts.pod {
        let mut read = |key: &'static str| match facts.namespace.annotations.get(key) {
            Some(text) => annotations::namespace_pools(key, text, warnings),
            None => Ok(Vec::new()),
        };
        let choice = read(keys::DEFAULT_IPV4_POOL)
            .and_then(|ipv4| Ok(PoolChoice { ipv4, ipv6: read(keys::DEFAULT_IPV6_POOL)? }))
            .map_err(|found| SelectError::WrongInput {
                object: format!("namespace {}", pod.name.namespace),
                found,
            })?;
        if !choice.is_empty() {
            let source = Source::Namespace(pod.name.namespace.clone());
            return Ok((source, for_asker(facts, &choice, clean)));
        }
    }
    if !facts.config.pools.is_empty() {
        return Ok((Source::NetworkConfig, for_asker(facts, &facts.config.pools, clean)));
    }
    let wishes = facts.families.iter().filter_map(|family| {
        let named: Vec<_> = facts.pools.defaults(family).cloned().map(Named::Pool).collect();
        (!named.is_empty()).then(|| for_named(facts, family, named, clean))
    });
    let wishes: Vec<_> = wishes.collect();
    if wishes.is_empty() {
        return Err(SelectError::NothingNamed {
            interface: facts.interface.clone(),
            families: facts.families,
        });
    }
    Ok((Source::Defaults, wishes))
}

/// `ippools`: the asking interface's item, or with unnamed items all of them on the first interface.
fn from_pools(
    facts: &Facts<'_>,
    attachments: &Attachments<'_>,
    pools: &Pools,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Wish>, SelectError> {
    let clean = |item: &PoolItem| item.clean_gateway.unwrap_or(facts.config.clean_gateway);
    match pools {
        Pools::Named(items) => {
            let item = items.iter().find(|item| item.interface.as_ref() == Some(facts.interface));
            let item = item.ok_or_else(|| not_named(facts, Source::PodPools))?;
            Ok(for_asker(facts, &item.choice, clean(item)))
        }
        Pools::Unnamed(items) => {
            let own = attachments.position()?;
            let Some(asked) = items.get(usize::from(own)) else {
                let interface = facts.interface.clone();
                return Err(SelectError::TooFewItems { interface, position: own, items: items.len() });
            };
            if facts.families.iter().all(|family| asked.choice.of(family).is_empty()) {
                // Addresses for other interfaces are of no use to an ADD that gets none of its own.
                return Ok(Vec::new());
            }
            if let Some(count) = attachments.count()?.filter(|count| *count < items.len()) {
                let message = format!("it has {} items, but the pod has {count} interfaces", items.len());
                warnings.push(Warning::new(Source::PodPools.to_string(), message));
            }
            let mut wishes = Vec::new();
            for (item, position) in items.iter().zip(0u8..).filter(|(_, i)| own == 0 || *i == own) {
                for family in facts.families.iter().filter(|family| !item.choice.of(*family).is_empty()) {
                    wishes.push(Wish {
                        slot: Slot::Indexed(position),
                        interface: (position == own).then(|| facts.interface.clone()),
                        position: Some(position),
                        family,
                        named: resolve(facts, item.choice.of(family), family),
                        clean_gateway: clean(item),
                    });
                }
            }
            Ok(wishes)
        }
    }
}

/// The parts of the asking interface from written names.
fn for_asker(facts: &Facts<'_>, choice: &PoolChoice, clean_gateway: bool) -> Vec<Wish> {
    let families = facts.families.iter().filter(|family| !choice.of(*family).is_empty());
    let wish = |family| {
        let named = resolve(facts, choice.of(family), family);
        for_named(facts, family, named, clean_gateway)
    };
    families.map(wish).collect()
}

fn for_named(facts: &Facts<'_>, family: Family, named: Vec<Named>, clean_gateway: bool) -> Wish {
    let interface = facts.interface.clone();
    let slot = Slot::Named(interface.clone());
    Wish { slot, interface: Some(interface), position: None, family, named, clean_gateway }
}

/// What is meant, in written order; a pool that is named more than once counts where it is named first.
fn resolve(facts: &Facts<'_>, written: &[PoolRef], family: Family) -> Vec<Named> {
    let mut named = Vec::new();
    for item in written {
        match item {
            PoolRef::Name(name) => match facts.pools.entry(name.as_str()) {
                Some(Entry::Pool(pool)) if is_new(&named, pool) => named.push(Named::Pool(pool.clone())),
                Some(Entry::Pool(_)) => {}
                Some(Entry::Malformed(why)) => {
                    named.push(Named::Refused(Refused::named(name.clone(), Refusal::Malformed(why.clone()))));
                }
                None => named.push(Named::Refused(Refused::named(name.clone(), Refusal::Missing))),
            },
            PoolRef::Pattern(pattern) => {
                let before = named.len();
                let mut matching = facts.pools.matching(pattern, family).peekable();
                if matching.peek().is_none() {
                    named.push(Named::Refused(Refused::pattern(pattern.clone(), family)));
                }
                for pool in matching {
                    // No pattern yields a pool twice: only what was named before it can coincide.
                    if is_new(&named[..before], pool) {
                        named.push(Named::Pool(pool.clone()));
                    }
                }
            }
        }
    }
    named
}

fn is_new(named: &[Named], pool: &Arc<Pool>) -> bool {
    !named.iter().any(|other| matches!(other, Named::Pool(other) if Arc::ptr_eq(other, pool)))
}

/// The application's own pools out of a Subnet.
fn from_subnet(facts: &Facts<'_>, source: &Source, item: &SubnetItem) -> Result<Vec<Wish>, SelectError> {
    let refuse = |problem| SelectError::AutoPool { chosen_by: source.clone(), problem: Box::new(problem) };
    if facts.auto_pools == AutoPools::Disabled {
        return Err(refuse(AutoPoolProblem::Disabled));
    }
    let Some((pod, controller)) = facts.pod.and_then(|pod| Some((pod, pod.controller?))) else {
        return Err(refuse(AutoPoolProblem::NoController));
    };
    let application = Application::of(controller, &pod.name.namespace);
    let mut wishes = Vec::new();
    for (family, subnet) in facts.families.iter().filter_map(|family| Some((family, item.of(family)?))) {
        let made = |pool: &&Arc<Pool>| is_made_for(pool, family, subnet, &item.interface);
        let (current, other): (Vec<_>, Vec<_>) = facts
            .pools
            .of_application(&application)
            .filter(made)
            .cloned()
            .partition(|pool| auto_uid(pool).is_none_or(|uid| *uid == controller.uid));
        // A pool that an earlier application left behind serves its successor, unless it has one of its own.
        let (kept, stale): (Vec<_>, Vec<_>) = other.into_iter().partition(|pool| is_kept(pool));
        let pools = if current.is_empty() { kept } else { current };
        if pools.is_empty() && stale.is_empty() {
            let (subnet, interface) = (subnet.clone(), item.interface.clone());
            return Err(refuse(AutoPoolProblem::Missing { application, subnet, interface, family }));
        }
        let stale = stale.into_iter().filter_map(|pool| {
            let uid = auto_uid(&pool)?.clone();
            Some(Named::Refused(Refused::of(pool, Refusal::EarlierApplication(uid))))
        });
        let named = pools.into_iter().map(Named::Pool).chain(stale).collect();
        wishes.push(for_named(facts, family, named, facts.config.clean_gateway));
    }
    Ok(wishes)
}

fn is_made_for(pool: &Pool, family: Family, subnet: &ObjectName, interface: &InterfaceName) -> bool {
    pool.auto.as_ref().is_some_and(|auto| {
        pool.family == family
            && auto.subnet.as_ref() == Some(subnet)
            && auto.interface.as_ref().is_none_or(|own| own == interface)
    })
}

fn auto_uid(pool: &Pool) -> Option<&crate::name::Uid> {
    pool.auto.as_ref().and_then(|auto| auto.uid.as_ref())
}

fn is_kept(pool: &Pool) -> bool {
    pool.auto.as_ref().is_some_and(|auto| auto.reclaim == Reclaim::Keep)
}

fn not_named(facts: &Facts<'_>, source: Source) -> SelectError {
    SelectError::InterfaceNotNamed { interface: facts.interface.clone(), chosen_by: source }
}
