//! Objects and their status subresource, deletion and finalizers, sizes and versions.

use serde_json::json;
use spiderpool_core::{
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
    name::ObjectName,
    store::{Key, Store, StoreError, StoreExt, Token},
};
use spiderpool_store_kube::FINALIZER;

use crate::cluster::{apply, delete, get, put, shared};

fn pool(name: &str) -> (Key, SpiderIPPool) {
    let spec =
        IPPoolSpec { subnet: "10.0.0.0/24".into(), ips: vec!["10.0.0.2".into()], ..IPPoolSpec::default() };
    let metadata = ObjectMeta { name: name.into(), ..ObjectMeta::default() };
    (Key::Pool(ObjectName::new(name).unwrap()), SpiderIPPool { metadata, spec, ..SpiderIPPool::default() })
}

const PATH: &str = "/apis/spiderpool.spidernet.io/v2beta1/spiderippools";

#[test]
fn status_is_written_apart_and_by_the_same_token() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let store = cluster.store().await;
        let (key, mut object) = pool("status");
        object.status.total_ip_count = Some(1);
        let first = store.create(&key, object.into()).await.unwrap();
        let (found, token) = store.pool(&"status".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((found.status.total_ip_count, &token), (Some(1), &first));
        let generation = found.metadata.generation;

        // Rule 5c: a fence moves the token and nothing that is wanted.
        let mut fenced = found.as_ref().clone();
        fenced.status.fence = Some("f".into());
        let second = store.update(&key, &token, fenced.clone().into()).await.unwrap();
        assert_ne!(second, token);
        let (found, _) = store.pool(&"status".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((found.status.fence.as_deref(), found.metadata.generation), (Some("f"), generation));
        // The edit that was judged before it is dead, whichever part it writes.
        let mut edited = fenced.clone();
        edited.spec.ips.push("10.0.0.3".into());
        for late in [edited.clone(), fenced.clone()] {
            let answer = store.update(&key, &token, late.into()).await;
            assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
        }

        // Both at once, and the status taken back.
        edited.status = Default::default();
        let third = store.update(&key, &second, edited.into()).await.unwrap();
        let (found, token) = store.pool(&"status".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(token, third);
        assert_eq!((found.spec.ips.len(), found.status == Default::default()), (2, true));
        store.delete(&key, &third).await.unwrap();
    });
}

#[test]
fn a_pool_that_terminates_stays_until_it_is_deleted_for_good() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let store = cluster.store().await;
        let (key, object) = pool("ends");
        let token = store.create(&key, object.into()).await.unwrap();
        let name = "ends".parse().unwrap();
        let (found, _) = store.pool(&name).await.unwrap().unwrap();
        let mut ending = found.as_ref().clone();
        ending.metadata.deletion_timestamp = Some("2026-01-01T00:00:00Z".into());
        ending.status.fence = Some("f".into());
        let ended = store.update(&key, &token, ending.into()).await.unwrap();
        let (found, token) = store.pool(&name).await.unwrap().unwrap();
        assert_eq!(token, ended);
        assert!(found.metadata.deletion_timestamp.is_some());
        assert_eq!(
            (&*found.metadata.finalizers, found.status.fence.as_deref()),
            (&[FINALIZER.to_owned()][..], Some("f"))
        );
        store.delete(&key, &ended).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap(), None);
    });
}

/// Whoever put another finalizer there has something to do first.
#[test]
fn finalizers_of_others_are_left_alone() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (store, client) = (cluster.store().await, cluster.client().await);
        let (key, mut object) = pool("guarded");
        object.metadata.finalizers = vec![FINALIZER.into(), "example.org/backup".into()];
        let token = store.create(&key, object.into()).await.unwrap();
        let answer = store.delete(&key, &token).await;
        let Err(StoreError::UnknownOutcome { message, .. }) = answer else { panic!("{answer:?}") };
        assert!(message.contains("example.org/backup"), "{message}");
        let path = format!("{PATH}/guarded");
        let mut left = get(&client, &path).await.unwrap();
        assert_eq!(left["metadata"]["finalizers"], json!(["example.org/backup"]));
        left["metadata"]["finalizers"] = json!([]);
        put(&client, &path, &left).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap(), None);
    });
}

/// The API server takes an empty version, and 0, for leave to overwrite whatever is there.
#[test]
fn a_token_that_is_none_overwrites_nothing() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let store = cluster.store().await;
        let (key, object) = pool("token");
        let token = store.create(&key, object.clone().into()).await.unwrap();
        for bad in ["", "0", "00", "x", "-1", "1 "] {
            let answer = store.update(&key, &Token::new(bad), object.clone().into()).await;
            assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{bad:?}: {answer:?}");
            let answer = store.delete(&key, &Token::new(bad)).await;
            assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{bad:?}: {answer:?}");
        }
        store.delete(&key, &token).await.unwrap();
    });
}

#[test]
fn a_document_against_the_schema_is_refused_in_the_servers_words() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let store = cluster.store().await;
        let (key, mut object) = pool("wrong");
        object.spec.ips.push("10.9.0.1".into());
        let answer = store.create(&key, object.into()).await;
        let Err(StoreError::Refused { message, .. }) = answer else { panic!("{answer:?}") };
        assert!(message.contains("not inside subnet"), "{message}");
        let (key, object) = pool("Wrong_Name");
        let answer = store.create(&key, object.into()).await;
        assert!(matches!(answer, Err(StoreError::Refused { .. })), "{answer:?}");
        assert_eq!(store.get(&key).await.unwrap(), None);
    });
}

/// What the schema fills in is not what somebody wrote.
#[test]
fn defaults_of_the_schema_do_not_look_like_an_edit() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (store, client) = (cluster.store().await, cluster.client().await);
        let (key, object) = pool("plain");
        let token = store.create(&key, object.clone().into()).await.unwrap();
        let path = format!("{PATH}/plain");
        assert_eq!(get(&client, &path).await.unwrap()["spec"]["default"], json!(false));
        let (found, _) = store.pool(&"plain".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(found.spec, object.spec);
        // A field of somebody else's is kept.
        let body = json!({
            "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool",
            "metadata": { "name": "plain", "labels": { "team": "blue" } },
        });
        apply(&client, &path, &body).await.unwrap();
        let (found, newer) = store.pool(&"plain".parse().unwrap()).await.unwrap().unwrap();
        assert_ne!(newer, token);
        let mut edited = found.as_ref().clone();
        edited.spec.ips.push("10.0.0.9".into());
        store.update(&key, &newer, edited.into()).await.unwrap();
        let left = get(&client, &path).await.unwrap();
        assert_eq!(left["metadata"]["labels"]["team"], json!("blue"));
        let managers = left["metadata"]["managedFields"].as_array().unwrap().len();
        assert_eq!(managers, 2, "one for the store, one for the applier");
        delete(&client, &path).await.unwrap();
    });
}
