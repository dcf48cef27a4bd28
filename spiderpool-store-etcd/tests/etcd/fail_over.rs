//! Members that die, hang and come back: what is answered is true, and what is not known is said so.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    env::Env,
    store::{
        Store, StoreError,
        conformance::{Retrying, Sample, content},
    },
};
use spiderpool_store_etcd::{EtcdConfig, EtcdStore};

use crate::world::{config, connect, etcd, runtime, sample, version};

/// Long enough for a test that waits for it, short enough to be waited for.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn each_member_may_die_while_the_others_serve() {
    let Some(mut etcd) = etcd("each member may die", 3) else { return };
    let runtime = runtime();
    let config = config(&etcd);
    let store = Retrying::new(Arc::new(runtime.block_on(connect(&config))));
    for number in 0..3 {
        etcd.kill(number);
        let name = format!("pool-{number}");
        let Sample { key, document } = sample(&name, 1);
        runtime.block_on(async {
            let token = store.create(&key, document).await.unwrap();
            let token = store.update(&key, &token, version(&name, 2)).await.unwrap();
            assert_eq!(store.get(&key).await.unwrap().unwrap().token, token);
        });
        etcd.restart(number).unwrap();
    }
}

#[test]
fn a_connection_that_nobody_takes_is_unavailable() {
    let url = format!("etcd://{}", spiderpool_testbed::unused());
    let config = EtcdConfig::at(url.parse().unwrap()).with_timeout(SHORT);
    let refused = runtime().block_on(EtcdStore::connect(&config, &Env::system()));
    let Err(StoreError::Unavailable { message, .. }) = refused else { panic!("{refused:?}") };
    assert!(message.contains("127."), "it names no member: {message}");
}

#[test]
fn a_write_that_was_never_sent_is_unavailable_and_one_without_an_answer_is_unknown() {
    let Some(mut etcd) = etcd("outcomes are told apart", 1) else { return };
    let runtime = runtime();
    let config = config(&etcd);
    let patient = runtime.block_on(connect(&config));
    let store = runtime.block_on(connect(&config.with_timeout(SHORT)));
    let Sample { key, document } = sample("told", 1);
    let token = runtime.block_on(patient.create(&key, document.clone())).unwrap();
    let update = || store.update(&key, &token, version("told", 2));

    // It hangs: the write may be on its way for as long as it does.
    etcd.pause(0).unwrap();
    let read = runtime.block_on(store.get(&key));
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    let unknown = runtime.block_on(update());
    assert!(matches!(unknown, Err(StoreError::UnknownOutcome { .. })), "{unknown:?}");
    etcd.resume(0).unwrap();
    let token = runtime.block_on(async {
        let found = patient.get(&key).await.unwrap().unwrap();
        let (old, new) = (content(&document), content(&version("told", 2)));
        assert!([old, new].contains(&content(&found.document)), "{found:?}");
        // Whatever became of it: from the version that was read, the next write works.
        let written = patient.update(&key, &found.token, version("told", 3)).await;
        match written {
            Ok(token) => token,
            // The other write landed in between.
            Err(StoreError::Conflict { .. }) => patient.get(&key).await.unwrap().unwrap().token,
            other => panic!("{other:?}"),
        }
    });

    // It is gone: a read finds out, and what is written then never leaves.
    etcd.kill(0);
    let read = runtime.block_on(store.get(&key));
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    let unsent = runtime.block_on(store.update(&key, &token, version("told", 4)));
    assert!(matches!(unsent, Err(StoreError::Unavailable { .. })), "{unsent:?}");
    etcd.restart(0).unwrap();
    assert_eq!(runtime.block_on(patient.get(&key)).unwrap().unwrap().token, token);
}

#[test]
fn without_a_majority_nothing_is_answered_that_could_be_false() {
    let Some(mut etcd) = etcd("no majority", 3) else { return };
    let runtime = runtime();
    let config = config(&etcd);
    let patient = runtime.block_on(connect(&config));
    let store = runtime.block_on(connect(&config.with_timeout(SHORT)));
    let Sample { key, document } = sample("lonely", 1);
    let token = runtime.block_on(patient.create(&key, document)).unwrap();
    etcd.kill(0);
    etcd.kill(1);
    etcd.wait_until(|etcd| !etcd.has_leader(2)).unwrap();
    let read = runtime.block_on(store.get(&key));
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    // The member that is left says that it has no leader before it takes anything.
    let write = runtime.block_on(store.update(&key, &token, version("lonely", 2)));
    assert!(matches!(write, Err(StoreError::Unavailable { .. })), "{write:?}");
    etcd.restart_all().unwrap();
    assert_eq!(runtime.block_on(patient.get(&key)).unwrap().unwrap().token, token);
}

#[test]
fn a_member_that_is_cut_off_shows_nothing_old() {
    let Some(etcd) = etcd("cut off", 3) else { return };
    let runtime = runtime();
    let all = config(&etcd);
    let leader = etcd.leader().unwrap();
    let alone = format!("etcd://{}{}", etcd.client_address(leader), all.url.prefix());
    let alone = EtcdConfig::at(alone.parse().unwrap()).with_timeout(SHORT);
    let (store, alone) = runtime.block_on(async { (connect(&all).await, connect(&alone).await) });
    let store = Retrying::new(Arc::new(store));
    let Sample { key, document } = sample("seen", 1);
    let token = runtime.block_on(store.create(&key, document)).unwrap();
    assert_eq!(runtime.block_on(alone.get(&key)).unwrap().unwrap().token, token);
    etcd.partition(leader).unwrap();
    // The others go on; the old leader must not answer from before, though for a second it takes itself for one.
    let newer = runtime.block_on(store.update(&key, &token, version("seen", 2))).unwrap();
    let read = runtime.block_on(alone.get(&key));
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    let write = runtime.block_on(alone.update(&key, &token, version("seen", 3)));
    let is_honest = matches!(write, Err(StoreError::Unavailable { .. } | StoreError::UnknownOutcome { .. }));
    assert!(is_honest, "{write:?}");
    etcd.heal();
    etcd.wait_until(|etcd| etcd.has_leader(leader)).unwrap();
    assert_eq!(runtime.block_on(store.get(&key)).unwrap().unwrap().token, newer);
}
