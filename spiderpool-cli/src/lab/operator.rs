//! What the controller does in a cluster, in this process: the same reconciler, on the lab's store.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use spiderpool_core::alloc::Allocator;
use spiderpool_operator::{
    apps::StoreApps,
    auto::{AutoPoolConfig, AutoPools, NotCounted},
    notices::{Notice, Notices},
    objects::Objects,
};
use tokio::{sync::mpsc, task::JoinHandle};

/// So many pieces of news wait.
const WAITING: usize = 64;

/// The reconciler while it runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Operator {
    events: Arc<Events>,
    tasks: [JoinHandle<()>; 3],
}

/// What it wants people to know.
#[derive(Debug, Default)]
struct Events(Mutex<Vec<String>>);

#[async_trait]
impl Notices for Events {
    async fn show(&self, notice: &Notice) {
        let Notice { about, reason, message } = notice;
        self.0.lock().push(format!("{reason} {about}: {message}"));
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Operator {
    /// Begins to keep the pools of applications.
    pub(crate) fn start(allocator: &Allocator) -> Self {
        let events = Arc::new(Events::default());
        let (tell, news) = mpsc::channel(WAITING);
        let (ask, unknown) = mpsc::channel(WAITING);
        let apps = StoreApps::new(allocator.store().clone());
        let (notices, looks) = (Arc::clone(&events) as Arc<dyn Notices>, Arc::new(NotCounted));
        let pools = AutoPools::new(allocator.clone(), notices, looks, AutoPoolConfig::default());
        let mut objects = Objects::default();
        let heard = objects.of(AutoPools::KINDS);
        let tasks = [
            tokio::spawn(apps.run(tell, unknown)),
            tokio::spawn(pools.run(news, heard, ask)),
            tokio::spawn(objects.run(Arc::clone(allocator.store()))),
        ];
        Self { events, tasks }
    }

    /// What it wanted people to know since this was asked last.
    pub(crate) fn events(&self) -> Vec<String> {
        std::mem::take(&mut self.events.0.lock())
    }
}
