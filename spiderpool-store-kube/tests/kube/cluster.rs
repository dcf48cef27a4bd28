//! One control plane for all tests of this program that do not hurt it. Each test has it for itself while it runs; it
//! ends with the last of those that run or wait.

use std::{
    ops::Deref,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use http::{Method, Request};
use kube::Client;
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use spiderpool_store_kube::{CustomResource, KubeConfig, KubeStore, crd};
use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, or_skip};
use tokio::runtime::Runtime;

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
static TURN: Mutex<()> = Mutex::new(());

/// The namespaces that the conformance kit writes to.
const NAMESPACES: [&str; 7] = ["a", "a-b", "b", "ab", "tea", "team", "team-b"];

/// A control plane with the custom resources installed.
pub(crate) struct Cluster {
    pub(crate) plane: ControlPlane,
    pub(crate) runtime: Arc<Runtime>,
}

/// The shared one, for as long as a test needs it.
pub(crate) struct Turn {
    _turn: MutexGuard<'static, ()>,
    cluster: Arc<Cluster>,
}

impl Deref for Turn {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

/// The shared one, started if no other test has it.
pub(crate) fn shared() -> Option<Turn> {
    let cluster = {
        let mut shared = SHARED.lock();
        match shared.upgrade() {
            Some(cluster) => cluster,
            None => {
                let cluster = Arc::new(start("store-kube")?);
                *shared = Arc::downgrade(&cluster);
                cluster
            }
        }
    };
    Some(Turn { _turn: TURN.lock(), cluster })
}

/// A fresh one, for a test that hurts it.
pub(crate) fn start(name: &str) -> Option<Cluster> {
    let plane = or_skip(name, ControlPlane::start(&ControlPlaneOptions::default()))?;
    let runtime =
        Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap());
    let cluster = Cluster { plane, runtime };
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        install(&client).await;
        for namespace in NAMESPACES {
            let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            apply(&client, &format!("/api/v1/namespaces/{namespace}"), &body).await.unwrap();
        }
    });
    Some(cluster)
}

impl Cluster {
    pub(crate) async fn config(&self) -> KubeConfig {
        config(self.plane.kubeconfig()).await
    }

    pub(crate) async fn store(&self) -> KubeStore {
        KubeStore::connect(&self.config().await).unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        self.store().await.client()
    }
}

pub(crate) async fn config(kubeconfig: &Path) -> KubeConfig {
    let mut config = KubeConfig::from_file(kubeconfig, None).await.unwrap();
    // How slow the machine is proves nothing.
    config.timeout = Duration::from_secs(120);
    config
}

async fn install(client: &Client) {
    for resource in CustomResource::ALL {
        let path =
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", resource.definition_name());
        apply(client, &path, &crd::definition(&resource)).await.unwrap();
    }
    for resource in CustomResource::ALL {
        let path =
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", resource.definition_name());
        until(&format!("{} is not served", resource.kind), async || {
            let found = get(client, &path).await.unwrap();
            let holds = |kind: &str| {
                let conditions = found["status"]["conditions"].as_array().into_iter().flatten();
                conditions.into_iter().any(|one| one["type"] == kind && one["status"] == "True")
            };
            let refused = found["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|one| one["type"] == "NonStructuralSchema" && one["status"] == "True");
            assert!(refused.is_none(), "{}: {refused:?}", resource.kind);
            holds("Established") && get(client, &resource.collection_path()).await.is_ok()
        })
        .await;
    }
}

/// Waits for a condition of a server, asking again and again.
pub(crate) async fn until(otherwise: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), asking).await.unwrap_or_else(|_| panic!("{otherwise}"));
}

/// Why a request was refused: code and message.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) message: String,
}

pub(crate) async fn send(
    client: &Client,
    method: Method,
    path: &str,
    media: &str,
    body: Option<&Value>,
) -> Result<Value, Refusal> {
    let bytes = body.map(|body| serde_json::to_vec(body).unwrap()).unwrap_or_default();
    let request =
        Request::builder().method(method).uri(path).header("Content-Type", media).body(bytes).unwrap();
    match client.request::<Value>(request).await {
        Ok(value) => Ok(value),
        Err(kube::Error::Api(status)) => Err(Refusal { code: status.code, message: status.message.clone() }),
        Err(error) => panic!("{path}: {error:?}"),
    }
}

pub(crate) async fn get(client: &Client, path: &str) -> Result<Value, Refusal> {
    send(client, Method::GET, path, "application/json", None).await
}

pub(crate) async fn post(client: &Client, path: &str, body: &Value) -> Result<Value, Refusal> {
    send(client, Method::POST, path, "application/json", Some(body)).await
}

pub(crate) async fn put(client: &Client, path: &str, body: &Value) -> Result<Value, Refusal> {
    send(client, Method::PUT, path, "application/json", Some(body)).await
}

/// Server-side apply.
pub(crate) async fn apply(client: &Client, path: &str, body: &Value) -> Result<Value, Refusal> {
    let path = format!("{path}?fieldManager=test&force=true");
    send(client, Method::PATCH, &path, "application/apply-patch+yaml", Some(body)).await
}

pub(crate) async fn delete(client: &Client, path: &str) -> Result<Value, Refusal> {
    send(client, Method::DELETE, path, "application/json", None).await
}
