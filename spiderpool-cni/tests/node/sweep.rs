//! The sweep on a store without Kubernetes: what the node's namespaces and the declared pods say together.

use crate::world::{World, add, of_pod, pod, sandbox};
use serde_json::json;
use spiderpool_cni::agent::{Budget, Ipam};
use spiderpool_cni::api::{Attachment, SandboxRequest, SandboxState};
use spiderpool_cni::cni::ContainerId;
use spiderpool_cni::node::Reach;
use spiderpool_core::store::Key;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory of files that stand for network namespaces.
struct Namespaces(TempDir);

impl Namespaces {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `attachment` in a namespace of its own, called `name`.
    fn give(&self, name: &str, attachment: Attachment) -> Attachment {
        fs::write(self.path(name), "").unwrap();
        Attachment { net_namespace: Some(self.path(name).to_str().unwrap().to_owned()), ..attachment }
    }

    fn end(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }
}

/// What a pass says of each held address: `10.6.0.10: keep: its pod …`, IPv4 only.
async fn pass(world: &World) -> Vec<String> {
    let swept = world.node.sweep(Reach::Everything).await.unwrap();
    let v4 = swept.judged.iter().filter(|judged| judged.address.to_string().contains('.'));
    v4.map(|judged| format!("{}: {}", judged.address, judged.verdict)).collect()
}

async fn forget_pod(world: &World, name: &str) {
    let key = Key::pod(&format!("default/{name}").parse().unwrap());
    let found = world.store.get(&key).await.unwrap().unwrap();
    world.store.delete(&key, &found.token).await.unwrap();
}

#[tokio::test]
async fn a_sandbox_that_ended_without_a_del_is_freed_and_no_other() {
    let (world, namespaces) = (World::with_default_pools().await, Namespaces::new());
    let ended = namespaces.give("ended", of_pod("web", "u1", "c1", "eth0"));
    let alive = namespaces.give("alive", sandbox("c2"));
    let unseen = Attachment { net_namespace: Some("/nowhere/at/all".into()), ..sandbox("c3") };
    for attachment in [&ended, &alive, &unseen] {
        world.granted(add(attachment.clone())).await;
    }
    assert!(world.endpoint("web").await.is_ok());
    assert!(pass(&world).await.iter().all(|line| line.contains(": keep: ")));
    namespaces.end("ended");
    assert_eq!(
        pass(&world).await,
        [
            "10.6.0.10: free: no pod of that name exists, and the sandbox of its container is gone",
            "10.6.0.11: keep: no pod stands for its sandbox, and nothing says that the sandbox is gone",
            "10.6.0.12: keep: no pod stands for its sandbox, and nothing says that the sandbox is gone",
        ]
    );
    assert_eq!(world.endpoint("web").await.unwrap_err().code.as_str(), "NotFound");
    // A request of that container that was late comes to nothing, and its address is somebody else's.
    assert_eq!(world.refused(add(ended.clone())).await.0.as_str(), "Gone");
    assert_eq!(world.granted(add(sandbox("c4"))).await[0], "10.6.0.10/16");
    world.del(&ended).await;
    assert_eq!(pass(&world).await.len(), 3);
    // A bare sandbox has nobody else to speak for it.
    namespaces.end("alive");
    let told = pass(&world).await;
    assert_eq!(
        told[1],
        "10.6.0.11: free: no pod stands for its sandbox, and the sandbox of its container is gone"
    );
}

#[tokio::test]
async fn a_declared_pod_has_to_be_gone_too() {
    let (world, namespaces) = (World::with_default_pools().await, Namespaces::new());
    world.pod("web", "u1", &[]).await;
    let first = namespaces.give("first", of_pod("web", "u1", "c1", "eth0"));
    let granted = world.granted(add(first)).await;
    namespaces.end("first");
    assert_eq!(pass(&world).await, ["10.6.0.10: keep: its pod has not started yet"]);
    // Its next sandbox takes the address over.
    let second = namespaces.give("second", of_pod("web", "u1", "c2", "eth0"));
    assert_eq!(world.granted(add(second)).await, granted);
    forget_pod(&world, "web").await;
    let expected = "10.6.0.10: keep: the sandbox of its container is there, on node n1";
    assert_eq!(pass(&world).await, [expected]);
    namespaces.end("second");
    let expected = "10.6.0.10: free: no pod of that name exists, and the sandbox of its container is gone";
    assert_eq!(pass(&world).await, [expected]);
    assert_eq!(pass(&world).await, [""; 0]);
}

#[tokio::test]
async fn what_is_known_of_sandboxes_outlives_the_agent() {
    let (mut world, namespaces) = (World::with_default_pools().await, Namespaces::new());
    world.keep_state(namespaces.path("state")).await;
    for name in ["c1", "c2"] {
        world.granted(add(namespaces.give(name, sandbox(name)))).await;
    }
    namespaces.end("c1");
    world.restart().await;
    let told = pass(&world).await;
    assert_eq!(
        told[0],
        "10.6.0.10: free: no pod stands for its sandbox, and the sandbox of its container is gone"
    );
    assert_eq!(
        told[1],
        "10.6.0.11: keep: no pod stands for its sandbox, and nothing says that the sandbox is gone"
    );
    let noted = |name: &str| Path::new(&namespaces.path("state")).join("sandboxes").join(name).exists();
    assert!(noted("c2.json"));
}

/// Neither pods nor nodes need to be declared: that some node is not says nothing of what runs there.
#[tokio::test]
async fn another_nodes_sandboxes_are_left_alone() {
    let (mut world, namespaces) = (World::with_default_pools().await, Namespaces::new());
    world.granted(add(namespaces.give("ns", of_pod("web", "u1", "c1", "eth0")))).await;
    namespaces.end("ns");
    let node = |name: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    world.declare(node("n2")).await;
    world.move_to("n2").await;
    let expected = "10.6.0.10: keep: node n1 does not answer, and nothing says that it is gone";
    assert_eq!(pass(&world).await, [expected]);
    // Somebody vouches for it.
    let mut out = node("n1");
    out["spec"] = json!({"taints": [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]});
    world.declare(out).await;
    let expected = "10.6.0.10: free: no pod of that name exists, and its node is out of service";
    assert_eq!(pass(&world).await, [expected]);
}

#[tokio::test]
async fn a_stateful_pod_takes_its_address_from_a_sandbox_that_ended() {
    let (world, namespaces) = (World::with_default_pools().await, Namespaces::new());
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default", "uid": "s"}, "spec": {"replicas": 1},
    });
    world.declare(set).await;
    let declare = async |uid: &str| {
        let mut object = pod("db-0", uid, &[]);
        object["metadata"]["ownerReferences"] = json!([
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s", "controller": true}]);
        world.declare(object).await;
    };
    declare("u1").await;
    let granted = world.granted(add(namespaces.give("first", of_pod("db-0", "u1", "c1", "eth0")))).await;
    declare("u2").await;
    let again = add(namespaces.give("second", of_pod("db-0", "u2", "c2", "eth0")));
    // How long it takes to come to know it is the machine's affair; it is never granted meanwhile.
    let mut milliseconds = 50;
    loop {
        let refused = world.node.add(again.clone(), Budget::from_now(Some(milliseconds))).await.unwrap_err();
        if refused.code.as_str() == "Busy" {
            assert!(refused.message.contains("still attached"), "{refused}");
            break;
        }
        assert!(refused.message.contains("in time"), "{refused}");
        milliseconds *= 2;
        assert!(milliseconds < 60_000, "{refused}");
    }
    namespaces.end("first");
    assert_eq!(world.granted(add(again.attachment)).await, granted);
    // Its name is in use, whatever becomes of the sandbox.
    namespaces.end("second");
    let expected = "10.6.0.10: keep: it is bound to its owner's name, and a pod of that name exists";
    assert_eq!(pass(&world).await, [expected]);
}

#[tokio::test]
async fn whoever_sweeps_elsewhere_is_told_the_same() {
    let (world, namespaces) = (World::with_default_pools().await, Namespaces::new());
    world.granted(add(namespaces.give("ns", sandbox("c1")))).await;
    let ask = async |node: &str, container: &str| {
        let request =
            SandboxRequest { node: node.into(), container_id: ContainerId::new(container).unwrap() };
        world.node.sandbox(request).await.unwrap().sandbox
    };
    assert_eq!(ask("n1", "c1").await, SandboxState::Alive);
    namespaces.end("ns");
    assert_eq!(ask("n1", "c1").await, SandboxState::Gone);
    assert_eq!(ask("n1", "stranger").await, SandboxState::Alive);
    assert_eq!(ask("n2", "c1").await, SandboxState::OtherNode);
}
