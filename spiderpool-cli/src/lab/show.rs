//! What the lab shows of its cluster: pods, pools, maps.

use std::collections::BTreeMap;

use serde::Serialize;
use spiderpool_core::{
    api::{SpiderIPPool, manifest::Object},
    inspect::{ALLOCATED_IPS_SHOWN, Inspect},
    store::StoreError,
    time::Timestamp,
};

use super::{
    cluster::Cluster,
    kubelet::PodAddress,
    map::{legend, picture},
};
use crate::{
    args::Format,
    failure::Failure,
    kinds::{Rows, table},
    output::{Paint, Table},
    session::store_failure,
};

/// How many of a pool's addresses a map shows.
const MAP_SHOWN: u128 = 256;

/// A pod for programs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodView {
    /// `namespace/name`.
    pub(crate) pod: String,
    /// Its addresses.
    pub(crate) addresses: Vec<PodAddress>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<String>,
}

/// All pods.
pub(crate) fn pod_views(cluster: &Cluster) -> Vec<PodView> {
    let views = cluster.pods().iter().map(|(name, pod)| PodView {
        pod: name.clone(),
        addresses: pod.sandbox.as_ref().map(|sandbox| sandbox.addresses()).unwrap_or_default(),
        refusal: pod.refusal.clone(),
    });
    views.collect()
}

/// Pods and their addresses, one line for each interface.
pub(crate) fn pods(views: &[PodView]) -> Table {
    let mut table = Table::new(["POD", "STATUS", "INTERFACE", "ADDRESSES"]);
    for PodView { pod, addresses, .. } in views {
        let mut interfaces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for PodAddress { interface, address } in addresses {
            interfaces.entry(interface).or_default().push(address);
        }
        if interfaces.is_empty() {
            table.row([pod.as_str(), "Pending", "", ""]);
        }
        for (i, (interface, addresses)) in interfaces.iter().enumerate() {
            let (name, status) = if i == 0 { (pod.as_str(), "Running") } else { ("", "") };
            table.row([name, status, interface, &addresses.join(" ")]);
        }
    }
    table
}

/// All pools with their counts.
pub(crate) async fn pools(inspect: &Inspect) -> Result<Vec<SpiderIPPool>, StoreError> {
    inspect.pools_with_status(ALLOCATED_IPS_SHOWN).await
}

/// `get sp`, as the command prints it.
pub(crate) fn pool_table(pools: &[SpiderIPPool], now: Timestamp) -> Table {
    let objects: Vec<Object> = pools.iter().cloned().map(|pool| Object::Pool(Box::new(pool))).collect();
    let endpoints = BTreeMap::new();
    table(&objects, Rows { format: Format::Table, namespaces: false, now, endpoints: &endpoints })
}

/// The maps of `pools`, with one legend.
pub(crate) async fn maps(inspect: &Inspect, pools: &[SpiderIPPool], paint: Paint) -> Result<String, Failure> {
    let mut text = String::new();
    for pool in pools {
        let Ok(map) = inspect.map(pool, 0, MAP_SHOWN).await else { continue };
        text.push_str(&format!("{} ({})\n", pool.metadata.name, pool.spec.subnet));
        text.push_str(&picture(map, paint));
        text.push('\n');
        let counts = inspect.pool_counts(pool).await.map_err(crate::command::inspect_failure)?;
        if counts.total > MAP_SHOWN {
            text.push_str(&format!("  the first {MAP_SHOWN} of {} addresses\n", counts.total));
        }
    }
    text.push_str(&legend(paint));
    Ok(text)
}

/// All pools by name.
pub(crate) async fn pool(inspect: &Inspect, name: &str) -> Result<SpiderIPPool, Failure> {
    let pools = pools(inspect).await.map_err(store_failure)?;
    let found = pools.into_iter().find(|pool| pool.metadata.name == name);
    found.ok_or_else(|| Failure::not_found(format!("pool {name} does not exist")))
}
