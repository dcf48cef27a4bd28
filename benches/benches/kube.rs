//! A pool of exactly as many addresses as pods, on a real API server: one agent with 16 requests at once, 20 agents with 8
//! each, with endpoints, and all pods deleted and created again; beside the creation and deletion of small custom resources. Then
//! a /16 that is filled to its last address.
//!
//! `cargo bench -p spiderpool-benches --features kube --bench kube [-- ROUNDS]`; with `--test` few pods, to see that it
//! runs. Each agent is a task with a client, a cache and an intent log (in memory) of its own.

use std::{path::Path, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use spiderpool_benches::crowd::{self, Alone, Outcome, Server};
use spiderpool_core::store::Store;
use spiderpool_store_kube::{KubeConfig, KubeStore};
use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, or_skip};

const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/spiderpool/files/crds");

struct OnKubernetes(ControlPlane);

impl OnKubernetes {
    async fn connect(&self) -> Outcome<KubeStore> {
        Ok(KubeStore::connect(&KubeConfig::from_file(self.0.kubeconfig(), None).await?)?)
    }
}

#[async_trait]
impl Server for OnKubernetes {
    fn name(&self) -> &'static str {
        "API server"
    }

    async fn store(&self, _: &str) -> Outcome<Arc<dyn Store>> {
        Ok(Arc::new(self.connect().await?))
    }

    async fn client(&self, place: &str) -> Outcome<Arc<dyn Alone>> {
        Ok(Arc::new(Objects { client: self.connect().await?.client(), place: place.to_owned() }))
    }
}

/// Endpoints with little in them, as the smallest of the custom resources.
struct Objects {
    client: kube::Client,
    place: String,
}

const COLLECTION: &str = "/apis/spiderpool.spidernet.io/v2beta1/namespaces/default/spiderendpoints";

impl Objects {
    fn name(&self, pod: u64) -> String {
        format!("{}-{pod}", self.place)
    }

    async fn send(&self, request: http::request::Builder, body: Vec<u8>) -> Outcome<()> {
        let request = request.header("Content-Type", "application/json").body(body)?;
        self.client.request_text(request).await?;
        Ok(())
    }
}

#[async_trait]
impl Alone for Objects {
    async fn put(&self, pod: u64) -> Outcome<()> {
        let body = serde_json::json!({
            "apiVersion": "spiderpool.spidernet.io/v2beta1",
            "kind": "SpiderEndpoint",
            "metadata": { "name": self.name(pod), "namespace": "default" },
            "status": {
                "current": { "uid": format!("00000000-0000-4000-8000-{pod:012x}"), "node": "n", "ips": [] },
                "ownerControllerType": "Deployment", "ownerControllerName": "web",
            },
        });
        self.send(http::Request::post(COLLECTION), serde_json::to_vec(&body)?).await
    }

    async fn delete(&self, pod: u64) -> Outcome<()> {
        let path = format!("{COLLECTION}/{}", self.name(pod));
        self.send(http::Request::delete(path), Vec::new()).await
    }
}

fn main() -> ExitCode {
    crowd::main(|_| {
        // Unlike in tests, etcd waits for the disk.
        let etcd_args = vec!["--unsafe-no-fsync=false".into()];
        let options = ControlPlaneOptions { etcd_args, ..ControlPlaneOptions::default() };
        let plane = or_skip("benches::kube", ControlPlane::start(&options))?;
        Some(plane.install(Path::new(DEFINITIONS)).map(|()| OnKubernetes(plane)).map_err(Into::into))
    })
}
