//! Sets that shrink, and what their pods kept.

use std::sync::Arc;

use spiderpool_core::{
    alloc::{Allocator, AllocatorConfig, DelRequest},
    env::Env,
    inspect::RecordFilter,
    model::{Binding, Controller},
    name::{NodeName, Uid},
    store::Store,
};
use spiderpool_store_kube::{KubeConfig, KubeStore};

use crate::{
    support::Cluster,
    sweep::{HANGS, POOL, pod, request},
    third_party::definition,
};

/// An agent, and a set whose pods it serves.
struct Kept<'a> {
    cluster: &'a Cluster,
    agent: Allocator,
    set: Arc<Controller>,
}

impl<'a> Kept<'a> {
    async fn of(cluster: &'a Cluster, api_version: &str, kind: &str, object: &str) -> Self {
        let config = KubeConfig::from_file(cluster.plane.kubeconfig(), None).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(KubeStore::connect(&config).unwrap());
        let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
        let agent = Allocator::open(store, Env::system(), config).await.unwrap();
        let uid = cluster.says(&["get", object, "-o", "jsonpath={.metadata.uid}"]);
        let set = Controller {
            api_version: api_version.into(),
            kind: kind.into(),
            name: "db".parse().unwrap(),
            uid: Uid::new(&uid).unwrap(),
        };
        Self { cluster, agent, set: Arc::new(set) }
    }

    /// A pod comes, its sandbox ends, and its address stays with its name.
    async fn keep(&self, pod: &str) {
        let pool = self.agent.pool(&"office".parse().unwrap()).await.unwrap();
        let mut request = request(self.cluster, &pool, pod);
        request.binding = Binding::Stateful;
        request.controller = Some(Arc::clone(&self.set));
        request.timeout = HANGS;
        self.agent.add(&request).await.unwrap();
        self.agent.del(&DelRequest::of_container(&request.container)).await.unwrap();
    }

    /// Waits until the addresses of these pods are held, and no others.
    async fn until(&self, wanted: &[&str]) {
        let held = async || {
            let records = self.agent.inspect().records(&RecordFilter::default()).await.unwrap();
            let pods = records.into_iter().map(|(_, record)| record.owner.pod.clone().unwrap());
            let mut pods: Vec<_> = pods.map(|pod| pod.name.to_string()).collect();
            pods.sort();
            pods
        };
        let left = async {
            while held().await != wanted {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(HANGS, left).await.is_err() {
            panic!("not {wanted:?}: {:?}", held().await);
        }
    }

    /// Nothing runs these pods: whoever deletes them says so.
    fn end(&self, pod: &str) {
        self.cluster.says(&["delete", "pod", pod, "--grace-period=0", "--force", "--ignore-not-found"]);
    }
}

const SET: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default}
spec:
  replicas: REPLICAS
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: none.invalid/c}]}
";

/// Long before the next full pass.
#[test]
fn what_the_names_of_a_statefulset_kept_is_free_soon_after_it_wants_them_no_more() {
    let Some(cluster) = Cluster::start("operator: a StatefulSet shrinks") else { return };
    cluster.apply(POOL);
    let controller = cluster.controller("one", &["--sweep-interval", "86400"]);
    controller.until("the sweep has passed over everything");
    cluster.apply(&SET.replace("REPLICAS", "3"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let kept = Kept::of(&cluster, "apps/v1", "StatefulSet", "sts/db").await;
        for pod in ["db-0", "db-1", "db-2"] {
            cluster.says(&["wait", "--for=create", &format!("pod/{pod}"), "--timeout=120s"]);
            kept.keep(pod).await;
        }
        kept.until(&["db-0", "db-1", "db-2"]).await;
        cluster.apply(&SET.replace("REPLICAS", "1"));
        for pod in ["db-1", "db-2"] {
            kept.end(pod);
        }
        kept.until(&["db-0"]).await;
        cluster.says(&["delete", "sts", "db", "--cascade=orphan"]);
        kept.end("db-0");
        kept.until(&[]).await;
    });
    controller.stopped();
}

const KIND: &str = "apps.kruise.io/StatefulSet";

/// Its pods are made by hand, as its controller would.
fn declared(spec: &str) -> String {
    format!(
        "{{apiVersion: apps.kruise.io/v1alpha1, kind: StatefulSet, metadata: {{name: db, namespace: default}}, spec: {spec}}}"
    )
}

/// Also of a kind that is only declared to be like a StatefulSet, and passes numbers over.
#[test]
fn what_the_names_of_a_declared_set_kept_is_free_soon_after_it_wants_them_no_more() {
    let Some(cluster) = Cluster::start("operator: a declared set shrinks") else { return };
    cluster.apply(POOL);
    cluster.apply(&definition("apps.kruise.io", "StatefulSet", "statefulsets", ""));
    cluster.says(&[
        "wait",
        "--for=condition=Established",
        "crd/statefulsets.apps.kruise.io",
        "--timeout=60s",
    ]);
    let controller = cluster.controller("one", &["--sweep-interval", "86400", "--stateful-kinds", KIND]);
    controller.until("the sweep has passed over everything");
    cluster.apply(&declared("{replicas: 3, reserveOrdinals: [1]}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let kept =
            Kept::of(&cluster, "apps.kruise.io/v1alpha1", "StatefulSet", "statefulsets.apps.kruise.io/db");
        let kept = kept.await;
        for name in ["db-0", "db-2", "db-3"] {
            cluster.apply(&pod(name, "n1"));
            kept.keep(name).await;
            kept.end(name);
        }
        // It wants another one instead of the middle one.
        cluster.apply(&declared("{replicas: 3, reserveOrdinals: [\"1-2\"]}"));
        kept.until(&["db-0", "db-3"]).await;
        cluster.says(&["delete", "statefulsets.apps.kruise.io", "db"]);
        kept.until(&[]).await;
    });
    controller.stopped();
}
