//! A node over a memory store, with whatever objects a test declares.

use serde_json::{Value, json};
use spiderpool_cni::agent::{Budget, Ipam};
use spiderpool_cni::api::{
    AddRequest, AddResponse, Attachment, Endpoint, EndpointQuery, ErrorBody, ErrorCode, GcRequest, GcResponse,
};
use spiderpool_cni::node::{Endpoints, Node, NodeConfig, Offer, StorePods};
use spiderpool_core::admin::Mode;
use spiderpool_core::api::{Resource, SpiderIPPool};
use spiderpool_core::env::Env;
use spiderpool_core::model::Families;
use spiderpool_core::name::{Namespace, NodeName, ObjectName, ScopeName};
use spiderpool_core::select::{AutoPools, StatefulKinds};
use spiderpool_core::store::{Document, Key, MemoryStore, ResourceName, Store};
use spiderpool_core::sweep::SweepPolicy;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) node: Node,
    name: &'static str,
    state: Option<PathBuf>,
    endpoints: Endpoints,
    patience: Duration,
}

async fn open(
    store: &Arc<dyn Store>,
    name: &str,
    state: Option<PathBuf>,
    endpoints: Endpoints,
    auto_pool_patience: Duration,
) -> Node {
    let config = NodeConfig {
        node: NodeName::new(name).unwrap(),
        scope: ScopeName::default_scope(),
        offer: Offer {
            families: Families::Both,
            stateful: StatefulKinds::default(),
            auto_pools: AutoPools::Enabled,
        },
        home: Namespace::new("kube-system").unwrap(),
        cluster_network: None,
        auto_pool_patience,
        state,
        endpoints,
        log: None,
        policy: SweepPolicy::default(),
    };
    Node::open(store.clone(), Arc::new(StorePods(store.clone())), Env::system(), config).await.unwrap()
}

impl World {
    /// Without any object.
    pub(crate) async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let patience = Duration::ZERO;
        let node = open(&store, "n1", None, Endpoints::All, patience).await;
        Self { node, store, name: "n1", state: None, endpoints: Endpoints::All, patience }
    }

    /// With pools `p4` (10.6.0.10 to .12, gateway .1) and `p6` (fd00::10 to ::12), which are default.
    pub(crate) async fn with_default_pools() -> Self {
        let world = Self::new().await;
        let gateway = json!({"default": true, "gateway": "10.6.0.1"});
        world.pool("p4", "10.6.0.0/16", &["10.6.0.10-10.6.0.12"], gateway).await;
        world.pool("p6", "fd00::/64", &["fd00::10-fd00::12"], json!({"default": true})).await;
        world
    }

    /// The agent's process ends and begins again.
    pub(crate) async fn restart(&mut self) {
        self.node.settle_endpoints().await;
        self.node = open(&self.store, self.name, self.state.clone(), self.endpoints, self.patience).await;
    }

    /// The agent is given a directory for what it has to know after a restart.
    pub(crate) async fn keep_state(&mut self, dir: PathBuf) {
        self.state = Some(dir);
        self.restart().await;
    }

    /// The agent waits so long for pools of applications.
    pub(crate) async fn wait_for_pools(&mut self, patience: Duration) {
        self.patience = patience;
        self.restart().await;
    }

    /// The agent is told whose endpoints to write.
    pub(crate) async fn show(&mut self, endpoints: Endpoints) {
        self.endpoints = endpoints;
        self.restart().await;
    }

    /// The store is taken to another node, whose agent goes on with it.
    pub(crate) async fn move_to(&mut self, node: &'static str) {
        self.name = node;
        self.restart().await;
    }

    pub(crate) async fn pool(&self, name: &str, subnet: &str, ips: &[&str], more: Value) {
        let mut spec = json!({"subnet": subnet, "ips": ips});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let pool: SpiderIPPool =
            serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap();
        self.node.allocator().apply_pool(&pool, Mode::Real).await.unwrap();
    }

    /// Declares an object, in place of one of its name.
    pub(crate) async fn declare(&self, object: Value) {
        let resource: Resource = serde_json::from_value(object).unwrap();
        let name = |text: &str| ObjectName::new(text).unwrap();
        let group = resource.api_version.split_once('/').map(|(group, _)| name(group));
        let namespace = resource.metadata.namespace.as_deref().map(|text| Namespace::new(text).unwrap());
        let key = Key::Resource(ResourceName {
            kind: name(&resource.kind),
            group,
            namespace,
            name: name(&resource.metadata.name),
        });
        match self.store.get(&key).await.unwrap() {
            None => drop(self.store.create(&key, Document::from(resource)).await.unwrap()),
            Some(old) => drop(self.store.update(&key, &old.token, Document::from(resource)).await.unwrap()),
        }
    }

    /// Declares pod default/`name` with uid `uid` and these annotations (`ipam.spidernet.io/` in front of each key).
    pub(crate) async fn pod(&self, name: &str, uid: &str, annotations: &[(&str, &str)]) {
        self.declare(pod(name, uid, annotations)).await;
    }

    pub(crate) async fn add(&self, request: AddRequest) -> Result<AddResponse, ErrorBody> {
        self.node.add(request, Budget::from_now(None)).await
    }

    /// The addresses granted, as text.
    pub(crate) async fn granted(&self, request: AddRequest) -> Vec<String> {
        let response = self.add(request).await.unwrap();
        response.ips.iter().map(|ip| ip.address.to_string()).collect()
    }

    /// What an ADD is refused with.
    pub(crate) async fn refused(&self, request: AddRequest) -> (ErrorCode, String) {
        let error = self.add(request).await.unwrap_err();
        assert!(!error.details.is_empty(), "the next step is named: {error:?}");
        (error.code, error.message)
    }

    pub(crate) async fn del(&self, attachment: &Attachment) {
        self.node.del(attachment, Budget::from_now(None)).await.unwrap();
    }

    pub(crate) async fn gc(&self, network: &str, valid: &[(&str, &str)]) -> GcResponse {
        let valid: Vec<_> = valid.iter().map(|(c, i)| json!({"containerID": c, "ifname": i})).collect();
        let request: GcRequest =
            serde_json::from_value(json!({"networkName": network, "validAttachments": valid})).unwrap();
        self.node.gc(request).await.unwrap()
    }

    pub(crate) async fn endpoint(&self, pod: &str) -> Result<Endpoint, ErrorBody> {
        let query = EndpointQuery { pod_namespace: "default".into(), pod_name: pod.into() };
        self.node.endpoint(query).await
    }
}

pub(crate) fn pod(name: &str, uid: &str, annotations: &[(&str, &str)]) -> Value {
    let full =
        |key: &str| if key.contains('/') { key.to_owned() } else { format!("ipam.spidernet.io/{key}") };
    let annotations: Value = annotations.iter().map(|(key, text)| (full(key), json!(text))).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": uid, "annotations": annotations},
    })
}

/// `container`'s `eth0` in network `net`, of no pod.
pub(crate) fn sandbox(container: &str) -> Attachment {
    serde_json::from_value(json!({"containerID": container, "ifName": "eth0", "networkName": "net"})).unwrap()
}

/// `container`'s `interface`, of pod default/`pod` with uid `uid`.
pub(crate) fn of_pod(pod: &str, uid: &str, container: &str, interface: &str) -> Attachment {
    serde_json::from_value(json!({
        "containerID": container, "ifName": interface, "networkName": "net",
        "podNamespace": "default", "podName": pod, "podUID": uid,
    }))
    .unwrap()
}

/// An ADD with everything else left open.
pub(crate) fn add(attachment: Attachment) -> AddRequest {
    AddRequest {
        attachment,
        net_namespace_id: None,
        ipv4_pools: Vec::new(),
        ipv6_pools: Vec::new(),
        clean_gateway: false,
        match_master_subnet: false,
        master_addresses: Vec::new(),
        requested_ips: Vec::new(),
        deadline_millis: None,
    }
}
