//! Objects of others, read by kind and name.

use serde_json::json;
use spiderpool_core::{
    name::ObjectName,
    store::{Key, ResourceName, Store, StoreError, StoreExt},
};

use crate::cluster::{apply, shared};

fn key(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> Key {
    Key::Resource(ResourceName {
        kind: ObjectName::new(kind).unwrap(),
        group: (!group.is_empty()).then(|| ObjectName::new(group).unwrap()),
        namespace: namespace.map(|namespace| namespace.parse().unwrap()),
        name: ObjectName::new(name).unwrap(),
    })
}

#[test]
fn any_kind_that_is_served_is_found() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (store, client) = (cluster.store().await, cluster.client().await);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "c", "image": "localhost/none:1" }] },
        });
        let written = apply(&client, "/api/v1/namespaces/default/pods/web-0", &pod).await.unwrap();
        let (found, token) = store.pod(&"default/web-0".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(found.metadata.uid.as_deref(), written["metadata"]["uid"].as_str());
        assert_eq!(Some(token.as_str()), written["metadata"]["resourceVersion"].as_str());
        assert_eq!(
            (found.metadata.labels["app"].as_str(), found.rest["spec"]["containers"][0]["name"].as_str()),
            ("web", Some("c"))
        );

        let settings = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" } });
        apply(&client, "/api/v1/namespaces/default/configmaps/settings", &settings).await.unwrap();

        // Kinds that only discovery knows, of the core group, of a group, and of a custom resource.
        for (key, there) in [
            (key("", "ConfigMap", Some("default"), "settings"), true),
            (key("", "Namespace", None, "kube-system"), true),
            (key("rbac.authorization.k8s.io", "ClusterRole", None, "system:node"), true),
            (key("rbac.authorization.k8s.io", "ClusterRole", None, "no-such"), false),
            (
                key(
                    "apiextensions.k8s.io",
                    "CustomResourceDefinition",
                    None,
                    "spiderippools.spiderpool.spidernet.io",
                ),
                true,
            ),
            (key("apps", "Deployment", Some("default"), "no-such"), false),
            // In a place where no object of the kind can be.
            (key("", "Pod", None, "web-0"), false),
            (key("", "Node", Some("default"), "n"), false),
            (key("", "Pod", Some("default"), ".."), false),
            (key("", "Pod", Some("default"), "web-0?x"), false),
        ] {
            assert_eq!(store.get(&key).await.unwrap().is_some(), there, "{key}");
        }
        // A kind that is not served is no proof that its object is gone.
        for key in [
            key("apps.kruise.io", "CloneSet", Some("default"), "x"),
            key("apps", "Deploiment", Some("default"), "x"),
        ] {
            let answer = store.get(&key).await;
            assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
        }
    });
}
