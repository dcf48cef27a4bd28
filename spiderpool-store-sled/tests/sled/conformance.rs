use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use pollster::block_on;
use spiderpool_core::{
    alloc::{Storm, storm},
    env::{BoxFuture, Env},
    store::{
        FaultPlan, Store, StoreError,
        conformance::{Harness, Names, UnderFaults, on_threads, run},
    },
};
use spiderpool_store_sled::{SledConfig, SledStore};
use tempfile::TempDir;

use crate::damage::copy;

/// A database in a directory of its own. A crash leaves behind what the files were at that moment: what the kernel
/// holds, as after kill -9, and nothing that a destructor writes.
#[derive(Debug)]
struct OnDisk {
    root: TempDir,
    /// The present database; a crash moves on to a copy.
    generation: Mutex<u32>,
}

impl OnDisk {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), generation: Mutex::new(0) }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join(self.generation.lock().to_string())
    }
}

#[async_trait]
impl Harness for OnDisk {
    fn env(&self) -> Env {
        Env::system()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }

    fn volume(&self) -> usize {
        5000
    }

    fn names(&self) -> Names {
        Names::Any
    }

    fn certain(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SledStore::open(&SledConfig::at(self.path()), &Env::system())?))
    }

    fn can_crash(&self) -> bool {
        true
    }

    async fn crash(&self, store: Arc<dyn Store>) -> Result<(), StoreError> {
        let old = self.path();
        *self.generation.lock() += 1;
        copy(&old, &self.path());
        drop(store);
        Ok(())
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        on_threads(work).await;
    }
}

/// What sled claims leaves these out: sharing, large documents without a limit, the refusal of watches.
const EXECUTED: usize = 39;

#[test]
fn sled_keeps_the_contract() {
    let report = block_on(run(&OnDisk::new()));
    println!("{report}");
    assert!(report.is_green(EXECUTED), "{report}");
}

#[test]
fn sled_keeps_the_contract_under_faults() {
    let plan = FaultPlan {
        seed: 3,
        before: 0.1,
        after: 0.1,
        lost: 0.1,
        reads: 0.1,
        watches: 0.05,
        delay: 0.01,
        delay_up_to: Duration::from_millis(2),
        ..FaultPlan::default()
    };
    let harness = UnderFaults::new(OnDisk::new(), plan);
    let report = block_on(run(&harness));
    println!("{report}");
    // One less: who won a race of deletions is a guess after a lost answer.
    assert!(report.is_green(EXECUTED - 1), "{report}");
    assert!(harness.injected() > 1000, "only {} faults were injected", harness.injected());
}

/// Each grant and release durable before it is answered.
#[test]
fn a_thousand_addresses_serve_a_thousand_pods_again_and_again() {
    let size = Storm { agents: 1, requesters: 64, pods: 1_000, rounds: 200 };
    block_on(storm(&OnDisk::new(), size)).unwrap();
}
