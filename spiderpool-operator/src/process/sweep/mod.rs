//! The sweep of the leader: a full pass now and then, a node's addresses as soon as the node is gone, and those of a StatefulSet's
//! pods as soon as it wants them no more. What ends on nodes that are well is their agents' to see to: nobody else knows their
//! sandboxes.

mod due;
mod nodes;
mod sets;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use spiderpool_core::{
    addr::Address,
    admin::Mode,
    alloc::Allocator,
    inspect::RecordFilter,
    name::{NamespacedName, NodeName, ObjectName, Uid},
    select::GroupKind,
    store::{Kind, Selector, StoreError, StoreExt},
    sweep::{Done, Sources, SweepPolicy, Swept},
};
use spiderpool_store_kube::{Fed, Follow, KubeStore};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use self::{
    due::{Due, Pause},
    nodes::GoneNodes,
    sets::SmallerSets,
    sources::{ClusterSources, PodsAtHand},
};
use super::metrics::Metrics;
use crate::{
    feeds::Feeds,
    notices::{About, Notice, Notices},
    status::KnownBlocks,
};

/// The first full pass, after whoever led before may have been in the middle of one.
const FIRST: Duration = Duration::from_secs(5);
/// So many pieces of news wait.
const WAITING: usize = 256;
/// So many addresses an Event names.
const NAMED: usize = 5;

/// What it needs.
#[derive(Clone, Debug)]
pub(super) struct Sweeper {
    pub(super) store: KubeStore,
    pub(super) allocator: Allocator,
    pub(super) policy: SweepPolicy,
    pub(super) metrics: Arc<Metrics>,
    pub(super) notices: Arc<dyn Notices>,
    pub(super) blocks: KnownBlocks,
    /// The kinds besides StatefulSet whose pods keep their addresses.
    pub(super) stateful: Vec<GroupKind>,
}

/// What it hears of.
pub(super) struct Heard {
    pods: mpsc::Receiver<Arc<Fed>>,
    sets: mpsc::Receiver<Arc<Fed>>,
}

impl Heard {
    pub(super) fn of(feeds: &mut Feeds) -> Self {
        Self { pods: feeds.of(Follow::Pods), sets: feeds.of(SmallerSets::native()) }
    }
}

impl Sweeper {
    /// Sweeps for ever, everything once in `interval`.
    pub(super) async fn run(self, heard: Heard, interval: Duration) {
        let pods = PodsAtHand::default();
        let clock = Arc::clone(&self.allocator.env().clock);
        let sources: Arc<dyn Sources> =
            Arc::new(ClusterSources::new(&self.store, clock, pods.clone(), self.blocks.clone()));
        let (tell_node, mut gone) = mpsc::channel(WAITING);
        let (tell_pods, mut unwanted) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        tasks.spawn(pods.keep(heard.pods));
        tasks.spawn(GoneNodes::new(&self.store, Arc::clone(&sources), self.policy.clone()).run(tell_node));
        for kind in &self.stateful {
            tasks.spawn(SmallerSets::follow_declared(self.store.clone(), kind.clone(), tell_pods.clone()));
        }
        tasks.spawn(SmallerSets::new("statefulsets").run(heard.sets, tell_pods));
        let (mut nodes, mut names) = (Due::<NodeName>::default(), Due::<NamespacedName>::default());
        let mut full = Instant::now() + FIRST.min(interval);
        loop {
            tokio::select! {
                Some(node) = gone.recv() => nodes.add(node),
                Some(pods) = unwanted.recv() => pods.into_iter().for_each(|pod| names.add(pod)),
                due = nodes.next() => {
                    for (node, pause) in due {
                        if self.node(&node, &sources).await {
                            nodes.again(node, pause);
                        }
                    }
                }
                due = names.next() => {
                    for (pod, pause) in self.claims(due, &sources).await {
                        // Its pod takes its time to end, or its address is kept over a scale-down: that is for full passes.
                        names.again_for_a_while(pod, pause);
                    }
                }
                () = tokio::time::sleep_until(full) => {
                    self.everything(&sources).await;
                    full = Instant::now() + interval;
                }
            }
        }
    }

    async fn everything(&self, sources: &Arc<dyn Sources>) {
        let begun = Instant::now();
        let swept = self.allocator.sweep(sources, &self.policy, Mode::Real).await;
        let judged = swept.as_ref().map_or(0, |swept| swept.judged.len());
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let done = swept.is_ok();
        let freed = self.take_in(swept).await;
        if done {
            tracing::info!(judged, freed, took_ms, "the sweep has passed over everything");
        }
        if let Err(error) = self.allocator.tend_copies().await {
            tracing::warn!(%error, "what is left of deleted pools could not be removed now; the next pass goes on");
        }
    }

    /// Sweeps what is held on a node; whether it is to be looked at again.
    async fn node(&self, node: &NodeName, sources: &Arc<dyn Sources>) -> bool {
        let filter = RecordFilter { node: Some(node.clone()), ..RecordFilter::default() };
        let held: BTreeSet<Address> = match self.allocator.inspect().records(&filter).await {
            Ok(records) => records.into_iter().map(|(address, _)| address).collect(),
            Err(error) => {
                tracing::warn!(%node, %error, "what it holds cannot be read now");
                return true;
            }
        };
        if held.is_empty() {
            return false;
        }
        let freed = self.these(&held, sources).await;
        tracing::info!(%node, held = held.len(), freed, "a node that is gone was swept");
        freed < held.len()
    }

    /// Sweeps what is claimed for pods of these names, all in one pass; those that are to be looked at again.
    async fn claims(
        &self,
        pods: Vec<(NamespacedName, Pause)>,
        sources: &Arc<dyn Sources>,
    ) -> Vec<(NamespacedName, Pause)> {
        let (mut claimed, mut again, mut with_claims) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (pod, pause) in pods {
            match self.allocator.store().endpoint(&pod).await {
                Ok(Some((endpoint, _))) if !endpoint.status.claims.is_empty() => {
                    claimed.extend(endpoint.status.claims.iter().map(|claim| claim.address));
                    with_claims.push((pod, pause));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%pod, %error, "what is claimed for it cannot be read now");
                    again.push((pod, pause));
                }
            }
        }
        if !claimed.is_empty() && self.these(&claimed, sources).await < claimed.len() {
            // The next look passes over those whose claims are gone.
            again.extend(with_claims);
        }
        again
    }

    /// Sweeps these addresses; how many it freed.
    async fn these(&self, addresses: &BTreeSet<Address>, sources: &Arc<dyn Sources>) -> usize {
        let swept = self.allocator.sweep_these(sources, &self.policy, Mode::Real, addresses).await;
        self.take_in(swept).await
    }

    /// Counts, logs and tells what a pass came to; how much it freed.
    async fn take_in(&self, swept: Result<Swept, StoreError>) -> usize {
        let swept = match swept {
            Ok(swept) => swept,
            Err(error) => {
                self.metrics.sweep_failed();
                tracing::warn!(%error, "the sweep could not be done; the next pass goes on");
                return 0;
            }
        };
        self.metrics.swept(&swept);
        let mut by_pool: BTreeMap<Uid, Vec<String>> = BTreeMap::new();
        let mut freed = 0;
        for judged in swept.judged.iter().filter(|judged| judged.done == Done::Freed) {
            let pod = judged.pod.as_ref().map(tracing::field::display);
            let node = judged.node.as_ref().map(tracing::field::display);
            tracing::info!(address = %judged.address, pod, node, reason = %judged.reason(), "freed by the sweep");
            freed += 1;
            if let Some(record) = &judged.record {
                let pod = judged.pod.as_ref().map(|pod| format!(" of pod {pod}")).unwrap_or_default();
                let line = format!("{}{pod} ({})", judged.address, judged.reason());
                by_pool.entry(record.pool.clone()).or_default().push(line);
            }
        }
        if !by_pool.is_empty() {
            self.tell(by_pool).await;
        }
        freed
    }

    /// An Event on each pool that got addresses back.
    async fn tell(&self, by_pool: BTreeMap<Uid, Vec<String>>) {
        let Ok(pools) = self.allocator.store().list(&Selector::Kind(Kind::Pool)).await else { return };
        for pool in pools.items.iter().filter_map(|item| item.document.as_pool()) {
            let uid = pool.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok());
            let Some((uid, name)) = uid.zip(ObjectName::new(&pool.metadata.name).ok()) else { continue };
            let Some(freed) = by_pool.get(&uid) else { continue };
            let more = freed.len().saturating_sub(NAMED);
            let mut message =
                format!("freed, as nobody uses them: {}", freed[..freed.len() - more].join(", "));
            if more > 0 {
                message.push_str(&format!(" and {more} more"));
            }
            self.notices
                .show(&Notice { about: About::Pool(name, uid), reason: "AddressesFreed", message })
                .await;
        }
    }
}
