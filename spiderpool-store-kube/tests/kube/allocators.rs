//! Several allocators, each with a client and a cache of its own, on one API server.

use spiderpool_core::{
    alloc::{Storm, Unrest, storm, unrest},
    store::{Kind, Selector, Store},
};

use crate::{
    cluster::{Turn, shared},
    conformance::on,
};

/// The shared server, with nothing of other tests in it.
fn empty() -> Option<Turn> {
    let cluster = shared()?;
    cluster.runtime.block_on(async {
        let store = cluster.store().await;
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Resource) {
            for item in store.list(&Selector::Kind(kind)).await.unwrap().items {
                store.delete(&item.key, &item.token).await.unwrap();
            }
        }
    });
    Some(cluster)
}

/// N addresses serve exactly N pods, whoever asks; the next one is told that there is none.
#[test]
fn n_addresses_serve_n_pods() {
    let Some(cluster) = empty() else { return };
    let size = Storm { agents: 4, requesters: 4, pods: 60, rounds: 3 };
    let runtime = cluster.runtime.clone();
    runtime.block_on(async { storm(&on(&cluster).await, size).await }).unwrap();
}

#[test]
fn agents_an_administrator_and_a_sweep() {
    let Some(cluster) = empty() else { return };
    let size = Unrest { agents: 4, requesters: 4, containers: 20, edits: 20 };
    let runtime = cluster.runtime.clone();
    runtime.block_on(async { unrest(&on(&cluster).await, size).await }).unwrap();
}
