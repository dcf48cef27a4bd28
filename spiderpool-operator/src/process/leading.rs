//! What the leader does.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    alloc::Allocator, inspect::ALLOCATED_IPS_SHOWN, select::GroupKind, sweep::SweepPolicy,
};
use spiderpool_store_kube::KubeStore;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    metrics::Metrics,
    sweep::{Heard, Sweeper},
    tend::{self, tend},
};
use crate::{
    apps::ClusterApps,
    auto::{AutoPoolConfig, AutoPools, Looks},
    feeds::Feeds,
    notices::Notices,
    objects::Objects,
    status::{Figures, KnownBlocks, StatusWriter},
};

/// So many pieces of news wait.
const WAITING: usize = 256;

/// Everything that a leader needs.
#[derive(Clone, Debug)]
pub(super) struct Duties {
    pub(super) store: KubeStore,
    pub(super) allocator: Allocator,
    pub(super) notices: Arc<dyn Notices>,
    /// None: applications get no pools.
    pub(super) auto_pools: Option<AutoPoolConfig>,
    pub(super) groups: Vec<String>,
    pub(super) stateful: Vec<GroupKind>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) policy: SweepPolicy,
    /// None: nothing is swept.
    pub(super) sweep_interval: Option<Duration>,
}

/// Does what `duties` say at each time, until it is dropped or a part of it breaks off.
pub(super) async fn lead_by(mut duties: watch::Receiver<Duties>) {
    loop {
        let now = duties.borrow_and_update().clone();
        let metrics = Arc::clone(&now.metrics);
        tokio::select! {
            () = lead(now) => return,
            Ok(()) = duties.changed() => metrics.follows(),
        }
    }
}

/// Does all of it until it is dropped, or a part ends, which none does by itself.
async fn lead(duties: Duties) {
    let mut tasks = JoinSet::new();
    let (mut objects, mut feeds) = (Objects::default(), Feeds::default());
    if let Some(config) = duties.auto_pools {
        let (tell, news) = mpsc::channel(WAITING);
        let (ask, unknown) = mpsc::channel(WAITING);
        let apps = ClusterApps::new(duties.store.clone(), &mut feeds, duties.groups.clone());
        tasks.spawn(apps.run(tell, unknown));
        let (notices, looks) = (Arc::clone(&duties.notices), Arc::clone(&duties.metrics) as Arc<dyn Looks>);
        let pools = AutoPools::new(duties.allocator.clone(), notices, looks, config);
        tasks.spawn(pools.run(news, objects.of(AutoPools::KINDS), ask));
    }
    tasks.spawn(tend(duties.allocator.clone(), objects.of(tend::KINDS)));
    let blocks = KnownBlocks::default();
    if let Some(interval) = duties.sweep_interval {
        let sweeper = Sweeper {
            store: duties.store.clone(),
            allocator: duties.allocator.clone(),
            policy: duties.policy.clone(),
            metrics: Arc::clone(&duties.metrics),
            notices: Arc::clone(&duties.notices),
            blocks: blocks.clone(),
            stateful: duties.stateful,
        };
        tasks.spawn(sweeper.run(Heard::of(&mut feeds), interval));
    }
    let figures = Arc::clone(&duties.metrics) as Arc<dyn Figures>;
    let status = StatusWriter::new(duties.allocator.clone(), figures, ALLOCATED_IPS_SHOWN, blocks);
    tasks.spawn(status.run(objects.of(StatusWriter::KINDS)));
    tasks.spawn(objects.run(Arc::clone(duties.allocator.store())));
    if !feeds.is_empty() {
        tasks.spawn(feeds.run(duties.store));
    }
    duties.metrics.leads();
    // No part ends by itself.
    if let Some(Err(error)) = tasks.join_next().await {
        tracing::error!(%error, "a part of what the leader does broke off; all of it begins anew");
    }
}
