//! A store that is open, and what the commands do with it.

use std::{path::Path, sync::Arc};

use spiderpool_cni::client::{AgentClient, AgentSandboxes, AgentStore, ApiAddress};
use spiderpool_core::{
    alloc::{Allocator, AllocatorConfig, OpenError},
    env::Env,
    inspect::Inspect,
    name::{NodeName, ScopeName},
    store::{MemoryStore, Store, StoreError},
    sweep::{NoSandboxes, Sandboxes},
};

use crate::{
    args::Target,
    failure::{Exit, Failure},
};

/// Whether a store that does not exist is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opening {
    /// It has to exist: a mistyped path would otherwise become an empty store.
    Existing,
    /// It is made.
    OrNew,
}

/// A store that is open. All commands run on this, whatever the store is.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    store: Arc<dyn Store>,
    env: Env,
    /// The agent that the store is reached through.
    agent: Option<AgentClient>,
}

impl Session {
    /// Opens `target`.
    pub(crate) async fn open(target: &Target, opening: Opening) -> Result<Self, Failure> {
        let env = Env::system();
        let (store, agent) = match target {
            Target::Store(url) => (open_url(url, &env, opening).await?, None),
            Target::Agent(socket) => (open_agent(socket).await?, Some(AgentClient::new(socket))),
            Target::Controller(address) => (open_controller(address).await?, None),
        };
        Ok(Self { store, env, agent })
    }

    /// A session on a store that is open already.
    #[cfg(test)]
    pub(crate) fn on(store: Arc<dyn Store>, env: Env) -> Self {
        Self { store, env, agent: None }
    }

    /// The store.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The node of the agent that the store is reached through; none where there is no agent.
    pub(crate) async fn agent_node(&self) -> Result<Option<String>, Failure> {
        let Some(agent) = &self.agent else { return Ok(None) };
        match agent.status().await {
            Ok(status) => Ok(Some(status.node)),
            Err(error) => {
                Err(Failure::new(Exit::Unreachable, "the agent does not say which node is its")
                    .because(error))
            }
        }
    }

    /// Who can tell whether a container's sandbox is gone.
    pub(crate) async fn sandboxes(&self) -> Result<Arc<dyn Sandboxes>, Failure> {
        match (&self.agent, self.agent_node().await?) {
            (Some(agent), Some(node)) => Ok(Arc::new(AgentSandboxes::new(agent.clone(), node))),
            _ => Ok(Arc::new(NoSandboxes)),
        }
    }

    /// The clock and the random source.
    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    /// The views; writes nothing.
    pub(crate) async fn inspect(&self) -> Result<Inspect, Failure> {
        Inspect::open(self.store.clone(), &self.env, ScopeName::default_scope()).await.map_err(store_failure)
    }

    /// The allocator, for what changes something.
    pub(crate) async fn allocator(&self) -> Result<Allocator, Failure> {
        let opened = Allocator::open(self.store.clone(), self.env.clone(), Self::config()?).await;
        opened.map_err(open_failure)
    }

    /// How this program opens an allocator.
    pub(crate) fn config() -> Result<AllocatorConfig, Failure> {
        let node = NodeName::new("spiderpoolctl").map_err(|error| Failure::usage(error.to_string()))?;
        Ok(AllocatorConfig::new(node))
    }
}

/// A scope that cannot be opened.
pub(crate) fn open_failure(error: OpenError) -> Failure {
    match error {
        OpenError::Store(error) => store_failure(error),
        error => Failure::new(Exit::Unreachable, error.to_string()),
    }
}

/// A failure of the store as a command tells it.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    match &error {
        StoreError::NotFound { .. } => Failure::not_found(error.to_string()),
        StoreError::Conflict { .. } | StoreError::AlreadyExists { .. } => {
            Failure::refused(error.to_string()).remedy("look at it again, then repeat the command")
        }
        StoreError::Unavailable { .. } | StoreError::UnknownOutcome { .. } => {
            Failure::new(Exit::Unreachable, "the store cannot be used").because(error)
        }
        StoreError::Unsupported { .. } => Failure::refused(error.to_string()),
        _ => Failure::refused("the store cannot be used").because(error),
    }
}

async fn open_url(url: &str, env: &Env, opening: Opening) -> Result<Arc<dyn Store>, Failure> {
    let _ = (env, opening);
    #[cfg(feature = "kube")]
    if url == "kube" {
        return crate::kube::open().await;
    }
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("memory") => Ok(Arc::new(MemoryStore::new())),
        #[cfg(feature = "sled")]
        Some("sled") => crate::sled::open(url, env, opening),
        #[cfg(feature = "etcd")]
        Some("etcd") => crate::etcd::open(url, env).await,
        _ => Err(Failure::usage(format!("{url:?} is not the URL of a store"))
            .remedy("--store sled:///var/lib/spiderpool, or --agent SOCKET")),
    }
}

async fn open_controller(address: &str) -> Result<Arc<dyn Store>, Failure> {
    let connected = AgentStore::connect(AgentClient::new(ApiAddress::Http(address.to_owned()))).await;
    connected.map(|store| Arc::new(store) as Arc<dyn Store>).map_err(|error| {
        Failure::new(Exit::Unreachable, format!("the controller at {address} cannot be used")).because(error)
    })
}

async fn open_agent(socket: &Path) -> Result<Arc<dyn Store>, Failure> {
    let connected = AgentStore::connect(AgentClient::new(socket)).await;
    connected.map(|store| Arc::new(store) as Arc<dyn Store>).map_err(|error| {
        let message = format!("the agent at {} cannot be used", socket.display());
        Failure::new(Exit::Unreachable, message).because(error).remedy(
            "check that spiderpool-agent runs and that this is its --socket; or open its database: --store",
        )
    })
}
