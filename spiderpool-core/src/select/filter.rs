//! The filters that every named pool goes through, and the rank of those that pass.

use super::{Facts, Refusal, SelectError, network::Attachments};
use crate::{addr::Family, model::Pool};

/// Why `pool` may not serve the interface at `position`; none if it may. The first filter that fails tells.
pub(super) fn refusal(
    pool: &Pool,
    facts: &Facts<'_>,
    attachments: &Attachments<'_>,
    family: Family,
    position: Option<u8>,
) -> Result<Option<Refusal>, SelectError> {
    if let Some(refusal) = by_state(pool, family).or_else(|| by_place(pool, facts)) {
        return Ok(Some(refusal));
    }
    let pod = facts.pod.map(|pod| pod.name);
    if let Some(auto) = &pool.auto {
        // A pool made for this application is accepted whatever the attachment and the master interface are.
        let controller = facts.pod.and_then(|pod| Some((pod.controller?, &pod.name.namespace)));
        let own =
            controller.is_some_and(|(controller, namespace)| auto.application.is(controller, namespace));
        return Ok((!own).then(|| Refusal::Application(pod.cloned())));
    }
    if let Some(affinity) = &pool.pod_affinity
        && !facts.pod.is_some_and(|pod| affinity.matches(pod.labels))
    {
        return Ok(Some(Refusal::Pod(pod.cloned())));
    }
    if !pool.multus_names.is_empty() {
        let network = attachments.network(position)?;
        let own = |network| pool.multus_names.iter().any(|name| name.is(network, facts.home));
        if !network.is_some_and(own) {
            return Ok(Some(Refusal::Attachment(network.cloned())));
        }
    }
    let matches_master = facts.master_addresses.iter().any(|address| pool.subnet.contains(*address));
    if facts.config.match_master_subnet && !matches_master {
        return Ok(Some(Refusal::MasterSubnet(facts.master_addresses.to_vec())));
    }
    Ok(None)
}

fn by_state(pool: &Pool, family: Family) -> Option<Refusal> {
    if pool.terminating {
        Some(Refusal::Terminating)
    } else if pool.disabled {
        Some(Refusal::Disabled)
    } else if pool.family != family {
        Some(Refusal::Family { wanted: family })
    } else {
        None
    }
}

/// By node, then by namespace; names beat affinities.
fn by_place(pool: &Pool, facts: &Facts<'_>) -> Option<Refusal> {
    let node = facts.node;
    let node_matches = match &pool.node_affinity {
        _ if !pool.node_names.is_empty() => pool.node_names.contains(node.name),
        Some(affinity) => affinity.matches(node.labels),
        None => true,
    };
    if !node_matches {
        return Some(Refusal::Node(node.name.clone()));
    }
    let namespace = facts.pod.map(|pod| &pod.name.namespace);
    let namespace_matches = match &pool.namespace_affinity {
        _ if !pool.namespace_names.is_empty() => {
            namespace.is_some_and(|name| pool.namespace_names.contains(name))
        }
        Some(affinity) => namespace.is_some() && affinity.matches(facts.namespace.labels),
        None => true,
    };
    (!namespace_matches).then(|| Refusal::Namespace(namespace.cloned()))
}

/// How narrowly a pool is targeted: one bit per kind of target, the narrowest highest.
pub(super) fn rank(pool: &Pool) -> u8 {
    let targets = [
        pool.pod_affinity.is_some() || pool.auto.is_some(),
        !pool.node_names.is_empty(),
        pool.node_affinity.is_some(),
        !pool.namespace_names.is_empty(),
        pool.namespace_affinity.is_some(),
        !pool.multus_names.is_empty(),
    ];
    targets.iter().fold(0, |rank, target| rank << 1 | u8::from(*target))
}
