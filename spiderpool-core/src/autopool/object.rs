//! An auto pool as an object.

use super::{Demand, Workload};
use crate::{
    addr::{Cidr, Family, IpSet},
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool, keys},
    model::Reclaim,
    name::ObjectName,
};

/// The longest value of a label.
const LONGEST_LABEL: usize = 63;

/// `text` as the value of a label: as it is where it can be, else cut off and told apart by a hash. Nothing is read
/// back from such a label; the pool's `podAffinity` names the application in full.
fn label(text: &str) -> String {
    if text.len() <= LONGEST_LABEL {
        return text.to_owned();
    }
    // FNV-1a: the same in every process.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = format!("{hash:016x}");
    let kept: String = text.chars().take(LONGEST_LABEL - hash.len() - 1).collect();
    format!("{}-{hash}", kept.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()))
}

/// The labels that say whose pool it is.
fn labels(workload: &Workload, demand: &Demand) -> [(&'static str, String); 9] {
    let application = &workload.application;
    let version = match demand.family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    let reclaim = match demand.reclaim {
        Reclaim::WithApplication => "true",
        Reclaim::Keep => "false",
    };
    [
        (keys::LABEL_OWNER_SUBNET, demand.subnet.to_string()),
        (keys::LABEL_OWNER_GROUP_VERSION, label(&application.api_version.replace('/', "_"))),
        (keys::LABEL_OWNER_KIND, label(&application.kind)),
        (keys::LABEL_OWNER_NAMESPACE, label(application.namespace.as_str())),
        (keys::LABEL_OWNER_NAME, label(application.name.as_str())),
        (keys::LABEL_OWNER_UID, label(workload.uid.as_str())),
        (keys::LABEL_INTERFACE, label(demand.interface.as_str())),
        (keys::LABEL_IP_VERSION, version.to_owned()),
        (keys::RECLAIM, reclaim.to_owned()),
    ]
}

/// The pool `name` with these addresses: `old` brought up to date, or a new one.
pub(super) fn pool(
    name: &ObjectName,
    old: Option<&SpiderIPPool>,
    (workload, demand): (&Workload, &Demand),
    network: Cidr,
    ips: &IpSet,
) -> SpiderIPPool {
    let mut pool = old.cloned().unwrap_or_else(|| SpiderIPPool {
        metadata: ObjectMeta { name: name.to_string(), ..ObjectMeta::default() },
        spec: IPPoolSpec { subnet: network.to_string(), ..IPPoolSpec::default() },
        ..SpiderIPPool::default()
    });
    for (key, value) in labels(workload, demand) {
        pool.metadata.labels.insert(key.into(), value);
    }
    pool.metadata.annotations.insert(keys::IP_NUMBER.into(), demand.number.to_string());
    pool.spec.pod_affinity = Some(workload.application.selector());
    pool.spec.ips = ips.ranges().map(|range| range.to_string()).collect();
    pool.spec.exclude_ips.clear();
    pool
}
