//! The annotations of pods and namespaces, parsed into types.
//!
//! Every mistake is reported with the annotation, the place in it, and how to write it right. Keys of JSON objects
//! are found whatever their case, as Go's decoder finds them; unknown ones are warned of. No input makes these
//! functions panic.

mod multus;
mod number;
mod pools;
mod reader;
mod routes;
mod subnets;

use std::collections::BTreeMap;

pub use multus::{NetworkAttachment, default_network, networks};
pub use number::{IpNumber, ip_number, reclaim};
pub use pools::{PoolChoice, PoolItem, Pools, namespace_pools, pool, pools};
pub use routes::routes;
pub use subnets::{SubnetItem, subnet, subnets};

use super::{Violations, Warning};
use crate::{api::keys, name::Namespace};

/// Checks every annotation of a pod (or pod template) in `namespace` that means something here; what is wrong, and
/// what is merely odd.
#[must_use]
pub fn check_pod(
    annotations: &BTreeMap<String, String>,
    namespace: &Namespace,
) -> (Violations, Vec<Warning>) {
    let (mut violations, mut warnings) = (Violations::none(), Vec::new());
    for (key, text) in annotations {
        let result = match key.as_str() {
            keys::SUBNETS => subnets(text, &mut warnings).map(drop),
            keys::SUBNET => subnet(text, &mut warnings).map(drop),
            keys::POOLS => pools(text, &mut warnings).map(drop),
            keys::POOL => pool(text, &mut warnings).map(drop),
            keys::ROUTES => routes(text, &mut warnings).map(drop),
            keys::IP_NUMBER => ip_number(text).map(drop),
            keys::RECLAIM => reclaim(text).map(drop),
            keys::MULTUS_DEFAULT_NETWORK => default_network(text, namespace).map(drop),
            keys::MULTUS_NETWORKS => networks(text, namespace).map(drop),
            _ => Ok(()),
        };
        if let Err(found) = result {
            violations.extend(found);
        }
    }
    (violations, warnings)
}

/// Checks every annotation of a namespace that means something here.
#[must_use]
pub fn check_namespace(annotations: &BTreeMap<String, String>) -> (Violations, Vec<Warning>) {
    let (mut violations, mut warnings) = (Violations::none(), Vec::new());
    for key in [keys::DEFAULT_IPV4_POOL, keys::DEFAULT_IPV6_POOL] {
        let result = annotations.get(key).map(|text| namespace_pools(key, text, &mut warnings));
        if let Some(Err(found)) = result {
            violations.extend(found);
        }
    }
    (violations, warnings)
}

#[cfg(test)]
mod tests;
