//! An agent in this process, and an `Ipam` without any rules.

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::json;
use spiderpool_cni::agent::{
    Agent, Bound, Budget, Diagnostics, Ipam, ListenAddr, LogFormat, LogVerbosity, Metered, Metrics,
    ServeError, Services, Settings, SweepInterval,
};
use spiderpool_cni::api::{
    AddRequest, AddResponse, Attachment, CheckRequest, Endpoint, EndpointQuery, ErrorBody, ErrorCode,
    ExplainRequest, Explanation, Freed, GcRequest, GcResponse, SandboxRequest, SandboxResponse, SandboxState,
    StatusResponse,
};
use spiderpool_cni::client::AgentClient;
use spiderpool_cni::cni::{ContainerId, IfName, NetworkName};
use spiderpool_cni::node::{Endpoints, Reach};
use spiderpool_cni::spool::EntryName;
use spiderpool_core::alloc::Conflicts;
use spiderpool_core::env::Env;
use spiderpool_core::store::MemoryStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;

/// Answers what it is told to, and keeps the calls.
#[derive(Debug)]
pub(crate) struct FakeIpam {
    calls: Mutex<Vec<String>>,
    /// What every call is refused with, if anything.
    refuse: Mutex<Option<ErrorCode>>,
    /// Whether only a restart would help.
    pub(crate) stopped: Mutex<bool>,
    /// One permit for each grant or release that may end.
    gate: Semaphore,
    /// Told of when a grant begins.
    pub(crate) begun: Notify,
}

impl FakeIpam {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            refuse: Mutex::default(),
            stopped: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            begun: Notify::new(),
        })
    }

    /// One whose grants and releases wait for [`Self::open`].
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            refuse: Mutex::default(),
            stopped: Mutex::default(),
            gate: Semaphore::new(0),
            begun: Notify::new(),
        })
    }

    pub(crate) fn open(&self, permits: usize) {
        self.gate.add_permits(permits);
    }

    pub(crate) fn refuse(&self, code: Option<ErrorCode>) {
        *self.refuse.lock() = code;
    }

    /// The calls that ended, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().clone()
    }

    async fn run(&self, call: String) -> Result<(), ErrorBody> {
        self.begun.notify_one();
        self.gate.acquire().await.unwrap().forget();
        self.done(call)
    }

    fn done(&self, call: String) -> Result<(), ErrorBody> {
        if let Some(code) = self.refuse.lock().clone() {
            return Err(ErrorBody::new(code, "refused", "because the test wants it"));
        }
        self.calls.lock().push(call);
        Ok(())
    }
}

/// The same, shared with the test.
pub(crate) struct Handle(pub(crate) Arc<FakeIpam>);

#[async_trait]
impl Ipam for Handle {
    async fn add(&self, request: AddRequest, budget: Budget) -> Result<AddResponse, ErrorBody> {
        assert!(budget.remaining() <= Budget::DEFAULT);
        let Attachment { container_id, if_name, .. } = &request.attachment;
        self.0.run(format!("add {container_id}/{if_name}")).await?;
        let ip = json!({"version": 4, "address": "10.6.0.5/16", "nic": if_name, "ipPool": "p4", "cleanGateway": false});
        Ok(serde_json::from_value(json!({"ips": [ip]})).unwrap())
    }

    async fn del(&self, attachment: &Attachment, _: Budget) -> Result<(), ErrorBody> {
        self.0.run(format!("del {}/{}", attachment.container_id, attachment.if_name)).await
    }

    async fn del_by_name(&self, name: &EntryName, _: Budget) -> Result<(), ErrorBody> {
        self.0.run(format!("del by name {}/{}", name.container_id, name.if_name)).await
    }

    async fn check(&self, request: CheckRequest) -> Result<(), ErrorBody> {
        self.0.done(format!(
            "check {:?}",
            request.expected_ips.iter().map(ToString::to_string).collect::<Vec<_>>()
        ))
    }

    async fn gc(&self, request: GcRequest) -> Result<GcResponse, ErrorBody> {
        self.0.done(format!("gc {} {}", request.network_name, request.valid_attachments.len()))?;
        let freed = Freed {
            address: "10.6.0.9".parse().unwrap(),
            ip_pool: "p4".into(),
            container_id: None,
            if_name: IfName::new("eth0").unwrap(),
        };
        Ok(GcResponse { freed: vec![freed], kept: Vec::new() })
    }

    async fn sandbox(&self, request: SandboxRequest) -> Result<SandboxResponse, ErrorBody> {
        self.0.done(format!("sandbox {} {}", request.node, request.container_id))?;
        Ok(SandboxResponse { sandbox: SandboxState::Gone })
    }

    async fn alive(&self) -> Result<(), ErrorBody> {
        match *self.0.stopped.lock() {
            true => Err(ErrorBody::new(ErrorCode::Unavailable, "the store has stopped", "restart the agent")),
            false => Ok(()),
        }
    }

    async fn status(&self) -> Result<StatusResponse, ErrorBody> {
        self.0.done("status".into())?;
        let word = String::from;
        Ok(StatusResponse { version: word("0"), node: word("n1"), store: word("fake"), pending_releases: 0 })
    }

    fn conflicts(&self) -> Conflicts {
        Conflicts { grants: 3, releases: 2, ..Conflicts::default() }
    }

    async fn endpoint(&self, query: EndpointQuery) -> Result<Endpoint, ErrorBody> {
        self.0.done(format!("endpoint {}/{}", query.pod_namespace, query.pod_name))?;
        Ok(Endpoint {
            pod_namespace: query.pod_namespace,
            pod_name: query.pod_name,
            pod_uid: "u".into(),
            node: "n1".into(),
            interfaces: Vec::new(),
        })
    }

    async fn explain(&self, request: ExplainRequest) -> Result<Explanation, ErrorBody> {
        self.0.done(format!("explain {}/{}", request.pod_namespace, request.pod_name))?;
        Ok(Explanation::default())
    }
}

/// A directory in which agents run one after the other.
pub(crate) struct Node {
    dir: TempDir,
}

/// An agent that serves.
pub(crate) struct Running {
    pub(crate) bound: Bound,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    /// Tells the agent to stop; the handle ends when it has.
    pub(crate) fn tell_to_stop(self) -> JoinHandle<Result<(), ServeError>> {
        self.stop.send(()).unwrap();
        self.served
    }

    /// Stops the agent and waits until it has.
    pub(crate) async fn stop(self) {
        self.tell_to_stop().await.unwrap().unwrap();
    }
}

impl Node {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("agent.sock")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.path("spool")
    }

    pub(crate) fn client(&self) -> AgentClient {
        AgentClient::new(self.socket())
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            command: None,
            store: "memory://".parse().unwrap(),
            socket: self.socket(),
            node_name: Some("n1".into()),
            spool_dir: None,
            state_dir: None,
            lease_duration: "15".parse().unwrap(),
            sweep_interval: SweepInterval::Off,
            health_addr: "0".parse().unwrap(),
            metrics_addr: "0".parse::<ListenAddr>().unwrap(),
            diagnostics_addr: "0".parse::<ListenAddr>().unwrap(),
            config_path: None,
            stateful_kinds: Vec::new(),
            enable_spider_subnet: true,
            log_level: LogVerbosity::Error,
            log_format: LogFormat::Text,
            enable_ipv4: true,
            enable_ipv6: true,
            enable_statefulset: true,
            endpoints: Endpoints::All,
            sweep_reach: Reach::Everything,
            auto_pool_patience: 50,
            namespace: "kube-system".into(),
            multus_cluster_network: None,
        }
    }

    pub(crate) async fn bind(&self) -> Agent {
        Agent::bind(&self.settings()).await.unwrap()
    }

    pub(crate) async fn start(&self, ipam: &Arc<FakeIpam>) -> Running {
        serve(self.bind().await, ipam)
    }

    pub(crate) fn names(&self, dir: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Lets an agent that listens serve.
pub(crate) fn serve(agent: Agent, ipam: &Arc<FakeIpam>) -> Running {
    let bound = agent.bound();
    let (stop, told) = oneshot::channel();
    let metrics = Arc::new(Metrics::new());
    let metered = Arc::new(Metered::new(Arc::new(Handle(Arc::clone(ipam))), Arc::clone(&metrics)));
    let clock = Env::system().clock;
    let diagnostics = Diagnostics::new("agent", "0", clock, || [("store", "memory".into())].into());
    let services = Services { ipam: metered, store: Arc::new(MemoryStore::new()), metrics, diagnostics };
    let told = async move {
        // A test that fails drops the sender; the agent stops then too.
        let _ = told.await;
    };
    let served = tokio::spawn(agent.serve(services, told));
    Running { bound, stop, served }
}

pub(crate) fn attachment(container: &str, interface: &str) -> Attachment {
    Attachment {
        container_id: ContainerId::new(container).unwrap(),
        if_name: IfName::new(interface).unwrap(),
        net_namespace: None,
        pod_namespace: None,
        pod_name: None,
        pod_uid: None,
        network_name: NetworkName::new("net").unwrap(),
    }
}

pub(crate) fn add_request(container: &str, interface: &str) -> AddRequest {
    AddRequest {
        attachment: attachment(container, interface),
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
