//! The endpoints of this node: views for people, written behind the grants.
//!
//! A grant does not wait for its view. Views are marked as changed and derived anew from what is held, so a lost or
//! doubled mark does no harm, and a view that cannot be written now is written later. Claims of stateful owners,
//! which stand in the same document, are the protocol's and stay as they are.

use super::Endpoints;
use super::held::{Held, HeldPart, Holding};
use super::pools::{KnownPools, Pools};
use futures_util::{StreamExt, stream};
use spiderpool_core::addr::Family;
use spiderpool_core::api::{
    Current, EndpointIP, EndpointStatus, ObjectMeta, OwnerReference, Route, SpiderEndpoint,
};
use spiderpool_core::env::Env;
use spiderpool_core::model::Binding;
use spiderpool_core::name::{NamespacedName, NodeName, OwnerUid};
use spiderpool_core::store::{Key, Store, StoreError, StoreExt};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How soon a view that could not be written is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a reader waits for a view that is being written.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many views are written at once.
const AT_ONCE: usize = 4;

/// Whether a document is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Anything may be there.
    Anything,
    /// Probably nothing: its pod was granted its first addresses. So it is created without a look.
    Nothing,
}

/// A view that is to be written: whose change it was, and which one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    uid: OwnerUid,
    expected: Expected,
    number: u64,
}

type Marks = HashMap<NamespacedName, Mark>;

/// Keeps the views. Dropping it stops the writing.
#[derive(Debug)]
pub(super) struct Views {
    marks: Arc<watch::Sender<Marks>>,
    numbers: AtomicU64,
    writer: JoinHandle<()>,
}

impl Drop for Views {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl Views {
    /// Starts the writer; inside a tokio runtime.
    pub(super) fn start(writer: Writer) -> Self {
        let marks = Arc::new(watch::Sender::new(Marks::new()));
        let writer = tokio::spawn(writer.run(Arc::clone(&marks)));
        Self { marks, numbers: AtomicU64::new(0), writer }
    }

    /// What the pod of this name and uid holds has changed.
    pub(super) fn changed(&self, name: NamespacedName, uid: OwnerUid, expected: Expected) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.marks.send_modify(|marks| {
            marks.insert(name, Mark { uid, expected, number });
        });
    }

    /// Waits, a while, until this view (or every view) is written.
    pub(super) async fn settled(&self, name: Option<&NamespacedName>) {
        let mut marks = self.marks.subscribe();
        let written = marks.wait_for(|marks| match name {
            Some(name) => !marks.contains_key(name),
            None => marks.is_empty(),
        });
        // Late or not, what is there can be read.
        let _ = tokio::time::timeout(PATIENCE, written).await;
    }
}

/// What writing them takes.
pub(super) struct Writer {
    pub(super) store: Arc<dyn Store>,
    pub(super) env: Env,
    pub(super) node: NodeName,
    pub(super) endpoints: Endpoints,
    pub(super) held: Arc<Held>,
    pub(super) pools: Pools,
}

impl Writer {
    async fn run(self, marks: Arc<watch::Sender<Marks>>) {
        let mut changes = marks.subscribe();
        loop {
            // The sender is held above: this never fails.
            let batch: Vec<_> = match changes.wait_for(|marks| !marks.is_empty()).await {
                Ok(marks) => marks.clone().into_iter().collect(),
                Err(_) => return,
            };
            let failed = AtomicBool::new(false);
            let written = stream::iter(batch).for_each_concurrent(AT_ONCE, async |(name, mark)| {
                match self.write(&name, &mark).await {
                    Ok(()) => {
                        marks.send_if_modified(|marks| {
                            let done = marks.get(&name) == Some(&mark);
                            if done {
                                marks.remove(&name);
                            }
                            done
                        });
                    }
                    Err(error) => {
                        tracing::warn!(endpoint = %name, %error, "an endpoint cannot be written yet");
                        failed.store(true, Ordering::Relaxed);
                    }
                }
            });
            written.await;
            if failed.into_inner() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Writes the view of the pod `name` as far as its incarnation is concerned.
    async fn write(&self, name: &NamespacedName, mark: &Mark) -> Result<(), StoreError> {
        let (key, uid) = (Key::Endpoint(name.clone()), &mark.uid);
        let mut expected = mark.expected;
        loop {
            let found = match expected {
                Expected::Nothing => None,
                Expected::Anything => self.store.endpoint(name).await?,
            };
            expected = Expected::Anything;
            let holding = self.held.of(uid).filter(|holding| self.is_shown(holding));
            let written = match (found, holding) {
                (None, None) => Ok(()),
                (Some((old, token)), None) => {
                    // What another incarnation holds, or a stateful owner keeps, is none of our business.
                    if old.status.current.uid != uid.as_str() || !old.status.claims.is_empty() {
                        return Ok(());
                    }
                    self.store.delete(&key, &token).await
                }
                (None, Some(holding)) => {
                    let mut endpoint =
                        SpiderEndpoint { metadata: self.metadata(name, &holding), ..Default::default() };
                    let pools = self.pools.at_hand().await?;
                    endpoint.status = self.status(&holding, &pools, &EndpointStatus::default());
                    self.store.create(&key, endpoint.into()).await.map(drop)
                }
                (Some((old, token)), Some(holding)) => {
                    let pools = self.pools.at_hand().await?;
                    let status = self.status(&holding, &pools, &old.status);
                    if status == old.status {
                        return Ok(());
                    }
                    let mut endpoint = old.as_ref().clone();
                    endpoint.status = status;
                    if holding.parts.iter().all(|part| part.record.binding == Binding::Stateless) {
                        endpoint.metadata.owner_references = owner_references(&holding);
                    }
                    self.store.update(&key, &token, endpoint.into()).await.map(drop)
                }
            };
            match written {
                Err(
                    StoreError::Conflict { .. }
                    | StoreError::AlreadyExists { .. }
                    | StoreError::NotFound { .. },
                ) => {}
                other => return other,
            }
        }
    }

    /// One that is not shown is as one that holds nothing: what was there of it goes.
    fn is_shown(&self, holding: &Holding) -> bool {
        let is_stateful = |part: &HeldPart| part.record.binding == Binding::Stateful;
        self.endpoints == Endpoints::All || holding.parts.iter().any(is_stateful)
    }

    fn metadata(&self, name: &NamespacedName, holding: &Holding) -> ObjectMeta {
        ObjectMeta {
            name: name.name.to_string(),
            namespace: Some(name.namespace.to_string()),
            uid: Some(self.env.random_id()),
            creation_timestamp: Some(self.env.clock.now().to_string()),
            owner_references: owner_references(holding),
            ..ObjectMeta::default()
        }
    }

    fn status(&self, holding: &Holding, pools: &KnownPools, old: &EndpointStatus) -> EndpointStatus {
        let mut ips: Vec<EndpointIP> = Vec::new();
        for part in &holding.parts {
            let interface = part.interface().map(ToString::to_string).unwrap_or_default();
            let place =
                ips.iter().position(|ip| ip.interface == interface && !has(ip, part.address.family()));
            let place = place.unwrap_or_else(|| {
                ips.push(EndpointIP { interface, ..EndpointIP::default() });
                ips.len() - 1
            });
            fill(&mut ips[place], part, pools);
        }
        for ip in &mut ips {
            keep_what_is_known(ip, &old.current);
        }
        let (kind, name) = match (&holding.controller, &holding.owner.pod) {
            (Some(controller), _) => (controller.kind.clone(), controller.name.to_string()),
            (None, Some(pod)) => ("Pod".into(), pod.name.to_string()),
            (None, None) => Default::default(),
        };
        EndpointStatus {
            current: Current { uid: holding.owner.uid.to_string(), node: self.node.to_string(), ips },
            owner_controller_type: kind,
            owner_controller_name: name,
            claims: old.claims.clone(),
        }
    }
}

/// A stateless pod's endpoint goes with it; a stateful one's outlives it.
fn owner_references(holding: &Holding) -> Vec<OwnerReference> {
    let Some(pod) = &holding.owner.pod else { return Vec::new() };
    if holding.parts.iter().any(|part| part.record.binding == Binding::Stateful) {
        return Vec::new();
    }
    vec![OwnerReference {
        api_version: "v1".into(),
        kind: "Pod".into(),
        name: pod.name.to_string(),
        uid: holding.owner.uid.to_string(),
        controller: None,
        block_owner_deletion: None,
    }]
}

fn has(ip: &EndpointIP, family: Family) -> bool {
    match family {
        Family::V4 => ip.ipv4.is_some(),
        Family::V6 => ip.ipv6.is_some(),
    }
}

fn fill(ip: &mut EndpointIP, part: &HeldPart, pools: &KnownPools) {
    let pool = pools.pool(&part.record.pool);
    let prefix = pool.map_or(part.address.family().bits(), |pool| pool.subnet.prefix_len());
    let address = Some(format!("{}/{prefix}", part.address));
    let name = pool.map(|pool| pool.name.to_string());
    let gateway = pool.and_then(|pool| pool.gateway);
    if let (Some(_), Some(details)) = (gateway, &part.details) {
        ip.clean_gateway = Some(details.clean_gateway);
    }
    if let Some(details) = &part.details {
        ip.routes.extend(details.routes.iter().copied().map(Route::from));
    }
    ip.vlan = ip.vlan.or(pool.and_then(|pool| pool.vlan).map(i64::from));
    let gateway = gateway.map(|gateway| gateway.to_string());
    match part.address.family() {
        Family::V4 => (ip.ipv4, ip.ipv4_pool, ip.ipv4_gateway) = (address, name, gateway),
        Family::V6 => (ip.ipv6, ip.ipv6_pool, ip.ipv6_gateway) = (address, name, gateway),
    }
}

/// After a restart only the old view says which routes an interface got.
fn keep_what_is_known(ip: &mut EndpointIP, old: &Current) {
    let same = |other: &&EndpointIP| {
        other.interface == ip.interface && other.ipv4 == ip.ipv4 && other.ipv6 == ip.ipv6
    };
    let Some(old) = old.ips.iter().find(same) else { return };
    if ip.routes.is_empty() && ip.clean_gateway.is_none() {
        ip.routes.clone_from(&old.routes);
        ip.clean_gateway = old.clean_gateway;
    }
    ip.mac = ip.mac.take().or_else(|| old.mac.clone());
}
