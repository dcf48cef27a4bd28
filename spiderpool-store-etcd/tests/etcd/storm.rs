//! N addresses for exactly N pods on one cluster, with many allocators that each have a client and a log of their own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use parking_lot::Mutex;
use spiderpool_core::alloc::{Storm, Unrest, storm, unrest};
use spiderpool_core::store::conformance::Failure;
use spiderpool_testbed::Etcd;

use crate::{
    conformance::OnEtcd,
    world::{cut_off, etcd, lose, runtime},
};

#[test]
fn a_thousand_pods_of_twenty_nodes_on_a_thousand_addresses() {
    let Some(etcd) = etcd("a thousand pods", 1) else { return };
    let harness = OnEtcd::new(etcd);
    let storm_of = Storm { agents: 20, requesters: 8, pods: 1_000, rounds: 3 };
    runtime().block_on(storm(&harness, storm_of)).unwrap();
}

/// Ends leaders and cuts them off, one after the other, until told to stop; gives how often.
fn misfortunes(etcd: &Mutex<Etcd>, stop: &AtomicBool) -> usize {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut etcd = etcd.lock();
        let leader = etcd.leader().unwrap();
        if count % 2 == 0 {
            lose(&mut etcd, leader);
        } else {
            cut_off(&etcd, leader);
        }
        etcd.wait_until(|etcd| (0..etcd.size()).all(|member| etcd.has_leader(member))).unwrap();
        count += 1;
    }
    count
}

/// Does `work` on three members while their leaders die.
fn while_leaders_die(test: &str, work: impl AsyncFnOnce(&OnEtcd) -> Result<(), Failure>) {
    let Some(etcd) = etcd(test, 3) else { return };
    let mut harness = OnEtcd::new(etcd);
    let (cluster, stop) = (harness.harm(), Arc::new(AtomicBool::new(false)));
    let blowing = thread::spawn({
        let stop = stop.clone();
        move || misfortunes(&cluster, &stop)
    });
    let outcome = runtime().block_on(work(&harness));
    stop.store(true, Ordering::Relaxed);
    let count = blowing.join().unwrap();
    outcome.unwrap();
    assert!(count > 1, "only {count} leaders died");
}

#[test]
fn as_many_pods_as_addresses_while_leaders_die() {
    let storm_of = Storm { agents: 4, requesters: 8, pods: 200, rounds: 20 };
    while_leaders_die("pods while leaders die", async |harness| storm(harness, storm_of).await);
}

const UNREST: Unrest = Unrest { agents: 4, requesters: 8, containers: 20, edits: 40 };

#[test]
fn agents_an_administrator_and_a_sweep() {
    let Some(etcd) = etcd("unrest", 1) else { return };
    runtime().block_on(unrest(&OnEtcd::new(etcd), UNREST)).unwrap();
}

#[test]
fn agents_an_administrator_and_a_sweep_while_leaders_die() {
    let size = Unrest { containers: 60, ..UNREST };
    while_leaders_die("unrest while leaders die", async |harness| unrest(harness, size).await);
}
