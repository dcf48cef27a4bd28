//! Objects that are kept at hand.

use serde_json::{Value, json};
use spiderpool_core::name::{Namespace, NodeName};
use spiderpool_store_kube::{Follow, Followed, Known, KubeStore};

use crate::cluster::{apply, delete, shared, start, until};

fn pod(name: &str, node: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "team", "labels": labels },
        "spec": {
            "nodeName": node, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "c", "image": "none.invalid/c" }],
        },
    })
}

fn path(name: &str) -> String {
    format!("/api/v1/namespaces/team/pods/{name}")
}

fn team() -> Namespace {
    "team".parse().unwrap()
}

/// Waits until what is known of the object is so.
async fn known(followed: &Followed, namespace: Option<&Namespace>, name: &str, so: impl Fn(&Known) -> bool) {
    until(&format!("{name} is not known as it is"), async || so(&followed.get(namespace, name))).await;
}

fn labelled(known: &Known, value: &str) -> bool {
    matches!(known, Known::Object(object) if object.metadata.labels.get("l").is_some_and(|l| l == value))
}

#[test]
fn pods_of_one_node_are_followed() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (store, client) = (cluster.store().await, cluster.client().await);
        apply(&client, &path("before"), &pod("before", "f1", &json!({ "l": "1" }))).await.unwrap();
        let followed = store.follow(&Follow::PodsOn(NodeName::new("f1").unwrap()));
        let team = team();
        known(&followed, Some(&team), "before", |known| labelled(known, "1")).await;

        apply(&client, &path("other"), &pod("other", "f2", &json!({}))).await.unwrap();
        apply(&client, &path("later"), &pod("later", "f1", &json!({ "l": "1" }))).await.unwrap();
        known(&followed, Some(&team), "later", |known| labelled(known, "1")).await;
        // By now another node's would be known.
        assert_eq!(followed.get(Some(&team), "other"), Known::Absent);
        assert_eq!(followed.get(None, "later"), Known::Absent);
        let Known::Object(later) = followed.get(Some(&team), "later") else { panic!("it was there") };
        let kept = json!({ "spec": { "restartPolicy": "Never" }, "status": { "phase": "Pending" } });
        assert_eq!(Value::Object(later.rest.clone()), kept, "no more than is needed");

        apply(&client, &path("later"), &pod("later", "f1", &json!({ "l": "2" }))).await.unwrap();
        known(&followed, Some(&team), "later", |known| labelled(known, "2")).await;
        delete(&client, &format!("{}?gracePeriodSeconds=0", path("later"))).await.unwrap();
        known(&followed, Some(&team), "later", |known| *known == Known::Absent).await;
        for name in ["before", "other"] {
            delete(&client, &format!("{}?gracePeriodSeconds=0", path(name))).await.unwrap();
        }
    });
}

#[test]
fn a_node_that_is_not_there_yet_is_followed() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (store, client) = (cluster.store().await, cluster.client().await);
        let followed = store.follow(&Follow::Node(NodeName::new("f3").unwrap()));
        known(&followed, None, "f3", |known| *known == Known::Absent).await;
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "f3", "labels": { "l": "1" } } });
        apply(&client, "/api/v1/nodes/f3", &node).await.unwrap();
        known(&followed, None, "f3", |known| labelled(known, "1")).await;
        delete(&client, "/api/v1/nodes/f3").await.unwrap();
        known(&followed, None, "f3", |known| *known == Known::Absent).await;
    });
}

fn namespace(value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tea", "labels": { "l": value } } })
}

async fn label(store: &KubeStore, value: &str) {
    apply(&store.client(), "/api/v1/namespaces/tea", &namespace(value)).await.unwrap();
}

#[test]
fn nothing_is_known_while_the_api_server_is_away() {
    let Some(mut cluster) = start("store-kube: following") else { return };
    let runtime = cluster.runtime.clone();
    let (store, followed) = runtime.block_on(async {
        let store = cluster.store().await;
        label(&store, "1").await;
        let followed = store.follow(&Follow::Namespaces);
        known(&followed, None, "tea", |known| labelled(known, "1")).await;
        (store, followed)
    });
    cluster.plane.kill_apiserver();
    runtime.block_on(known(&followed, None, "tea", |known| *known == Known::Unsure));
    cluster.plane.restart_apiserver().unwrap();
    runtime.block_on(async {
        label(&store, "2").await;
        known(&followed, None, "tea", |known| labelled(known, "2")).await;
    });
}
