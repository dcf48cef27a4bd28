//! A pool of exactly as many addresses as pods, on a real etcd: one agent with 16 requests at once, 20 agents with 8 each,
//! and all pods deleted and created again; beside etcd's own puts and deletes. Then a /16 that is filled to its last address.
//!
//! `cargo bench -p spiderpool-benches --features etcd --bench etcd [-- ROUNDS]`; with `--test` few pods, to see that it
//! runs. Each agent is a task with a client, a cache and an intent log (in memory) of its own.

use std::{process::ExitCode, sync::Arc};

use async_trait::async_trait;
use etcd_client::Client;
use spiderpool_benches::crowd::{self, Alone, Outcome, Server};
use spiderpool_core::{env::Env, store::Store};
use spiderpool_store_etcd::{EtcdConfig, EtcdStore};
use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};

/// About what a record takes as JSON, in bytes.
const RECORD: usize = 500;

struct OnEtcd(Etcd);

#[async_trait]
impl Server for OnEtcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    async fn store(&self, place: &str) -> Outcome<Arc<dyn Store>> {
        let config = EtcdConfig::at(format!("{}/{place}", self.0.url()).parse()?);
        Ok(Arc::new(EtcdStore::connect(&config, &Env::system()).await?))
    }

    async fn client(&self, place: &str) -> Outcome<Arc<dyn Alone>> {
        let client = Client::connect([self.0.client_address(0).to_string()], None).await?;
        Ok(Arc::new(Keys { client, prefix: format!("/{place}") }))
    }
}

struct Keys {
    client: Client,
    prefix: String,
}

#[async_trait]
impl Alone for Keys {
    async fn put(&self, pod: u64) -> Outcome<()> {
        self.client.kv_client().put(format!("{}/{pod}", self.prefix), "x".repeat(RECORD), None).await?;
        Ok(())
    }

    async fn delete(&self, pod: u64) -> Outcome<()> {
        self.client.kv_client().delete(format!("{}/{pod}", self.prefix), None).await?;
        Ok(())
    }
}

fn main() -> ExitCode {
    crowd::main(|_| {
        // Unlike in tests, it waits for the disk.
        let options = EtcdOptions { args: Vec::new(), ..EtcdOptions::members(1) };
        Some(Ok(OnEtcd(or_skip("benches::etcd", Etcd::start(&options))?)))
    })
}
