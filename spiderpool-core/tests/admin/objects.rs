//! Plain objects: pods, nodes, controllers.

use std::sync::Arc;

use pollster::block_on;
use serde_json::json;
use spiderpool_core::{
    admin::{AdminError, Applied, Deletion, Mode},
    alloc::Allocator,
    api::{Resource, manifest},
    store::{Fault, FaultPlan, FaultStore, Key, MemoryStore, Store, StoreExt},
};

use super::world::{open, still_env};

fn pod(labels: serde_json::Value) -> Resource {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-0", "labels": labels},
        "spec": {"nodeName": "n"},
    }))
    .unwrap()
}

async fn find(allocator: &Allocator) -> Option<Arc<Resource>> {
    allocator.store().pod(&"default/web-0".parse().unwrap()).await.unwrap().map(|(pod, _)| pod)
}

#[test]
fn a_pod_keeps_its_uid_until_it_is_deleted() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
        let dry = allocator.apply_resource(&pod(json!({})), Mode::DryRun).await.unwrap();
        assert!(matches!(dry, Applied::Created { .. }));
        assert_eq!(find(&allocator).await, None);
        allocator.apply_resource(&pod(json!({})), Mode::Real).await.unwrap();
        let first = find(&allocator).await.unwrap();
        let uid = first.metadata.uid.clone().unwrap();
        assert_eq!(first.metadata.namespace.as_deref(), Some("default"));
        assert!(first.metadata.creation_timestamp.is_some());
        let again = allocator.apply_resource(&pod(json!({})), Mode::Real).await.unwrap();
        assert_eq!(again, Applied::Unchanged);

        let mut running = pod(json!({}));
        running.rest.insert("status".into(), json!({"phase": "Running"}));
        allocator.apply_resource(&running, Mode::Real).await.unwrap();
        let changed = allocator.apply_resource(&pod(json!({"app": "web"})), Mode::Real).await.unwrap();
        assert!(matches!(changed, Applied::Configured { .. }));
        let second = find(&allocator).await.unwrap();
        assert_eq!(second.metadata.uid.as_ref(), Some(&uid));
        assert_eq!(second.rest["status"]["phase"], "Running");
        assert_eq!(second.metadata.generation, Some(3));

        let mut other = pod(json!({}));
        other.metadata.uid = Some("other".into());
        let refused = allocator.apply_resource(&other, Mode::Real).await.unwrap_err();
        assert!(matches!(refused, AdminError::Invalid { .. }), "{refused}");
        let key = Key::pod(&"default/web-0".parse().unwrap());
        assert_eq!(allocator.delete(&key, Deletion::Guarded, Mode::DryRun).await.unwrap(), Applied::Deleted);
        assert_eq!(allocator.delete(&key, Deletion::Guarded, Mode::Real).await.unwrap(), Applied::Deleted);
        let gone = allocator.delete(&key, Deletion::Guarded, Mode::Real).await.unwrap_err();
        assert!(matches!(gone, AdminError::NotFound { .. }), "{gone}");
        allocator.apply_resource(&other, Mode::Real).await.unwrap();
        assert_eq!(find(&allocator).await.unwrap().metadata.uid.as_deref(), Some("other"));
    });
}

#[test]
fn a_manifest_is_applied_by_its_kind() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
        let apply = async |value| allocator.apply(&manifest::parse(value).unwrap(), Mode::Real).await;
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "namespace": "x"}});
        assert!(matches!(apply(node).await.unwrap(), Applied::Created { .. }));
        let pool = json!({
            "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool", "metadata": {"name": "p"},
            "spec": {"subnet": "10.0.0.0/24", "ips": ["10.0.0.1"], "colour": "blue"},
        });
        let Applied::Created { warnings } = apply(pool).await.unwrap() else { panic!() };
        assert!(warnings.iter().any(|warning| warning.contains("spec.colour")), "{warnings:?}");
        let endpoint = json!({
            "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderEndpoint",
            "metadata": {"name": "p", "namespace": "default"},
        });
        assert!(matches!(apply(endpoint).await.unwrap_err(), AdminError::NotApplied { .. }));
        for key in ["node", "pool"].map(|what| match what {
            "node" => Key::Resource(spiderpool_core::store::ResourceName {
                kind: "Node".parse().unwrap(),
                group: None,
                namespace: None,
                name: "n".parse().unwrap(),
            }),
            _ => Key::Pool("p".parse().unwrap()),
        }) {
            let shown = allocator.inspect().object(&key, 100).await.unwrap().unwrap();
            assert_eq!(shown.key().unwrap(), key);
            allocator.delete(&key, Deletion::Guarded, Mode::Real).await.unwrap();
            assert!(allocator.inspect().object(&key, 100).await.unwrap().is_none());
        }
    });
}

#[test]
fn a_conflict_is_tried_again_and_a_lost_reply_is_reported() {
    block_on(async {
        let (env, _) = still_env();
        let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
        let allocator = open(store.clone(), &env, 4).await;
        store.fail_write(1, Fault::After);
        let lost = allocator.apply_resource(&pod(json!({})), Mode::Real).await.unwrap_err();
        assert!(matches!(lost, AdminError::Store(_)), "{lost}");
        assert_eq!(allocator.apply_resource(&pod(json!({})), Mode::Real).await.unwrap(), Applied::Unchanged);
        // Somebody else's write between the read and the write: the late one of this very process.
        store.fail_write(1, Fault::Late(2));
        allocator.apply_resource(&pod(json!({"a": "1"})), Mode::Real).await.unwrap_err();
        let applied = allocator.apply_resource(&pod(json!({"a": "2"})), Mode::Real).await.unwrap();
        assert!(matches!(applied, Applied::Configured { .. }));
        assert_eq!(find(&allocator).await.unwrap().metadata.labels["a"], "2");
        assert_eq!(store.capabilities().name, "memory");
    });
}
