//! What a kubelet and a container runtime do for one pod: a sandbox, and the CNI calls for its interfaces.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use spiderpool_core::{api::Resource, env::Env};

use super::{
    cni::{Attached, Attachment, Chain, CniFailure, Network, PodArgs},
    network::{Namespace, Namespaces, quicken},
    networks::Networks,
    process::{RunError, Runner},
    workload::pod_name,
};
use crate::failure::Failure;

/// Where sandboxes live.
#[derive(Clone, Debug)]
pub(crate) enum Site {
    /// In network namespaces.
    Network(Namespaces),
    /// Nowhere: a file stands for each, in this directory.
    Files(PathBuf),
}

/// A pod's sandbox with its interfaces.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    /// The container ID.
    pub(crate) container: String,
    /// Its network namespace, where there is one.
    pub(crate) namespace: Option<Namespace>,
    /// Its interfaces, in order.
    pub(crate) interfaces: Vec<Interface>,
    path: PathBuf,
}

/// One interface of a sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    /// Its name.
    pub(crate) name: String,
    /// The network.
    pub(crate) network: Network,
    /// What it was given.
    pub(crate) attached: Attached,
}

/// An address that a pod has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct PodAddress {
    /// The interface.
    pub(crate) interface: String,
    /// The address, without its prefix length.
    pub(crate) address: String,
}

impl Sandbox {
    /// All addresses.
    pub(crate) fn addresses(&self) -> Vec<PodAddress> {
        let of = |interface: &Interface| {
            let name = interface.name.clone();
            let given = interface.attached.given.clone().into_iter();
            given.map(move |given| PodAddress { interface: name.clone(), address: given.ip().to_owned() })
        };
        self.interfaces.iter().flat_map(of).collect()
    }
}

/// Why a pod did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Its annotations are wrong.
    #[error(transparent)]
    Pod(Failure),
    /// The sandbox cannot be made.
    #[error(transparent)]
    Sandbox(#[from] RunError),
    /// A plugin refused.
    #[error(transparent)]
    Cni(#[from] CniFailure),
}

impl StartError {
    /// Whether the lab was told to stop.
    pub(crate) fn is_interrupt(&self) -> bool {
        match self {
            Self::Sandbox(RunError::Interrupted) => true,
            Self::Cni(failure) => failure.is_interrupt(),
            _ => false,
        }
    }

    /// Whether it may work later without anybody doing anything.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Cni(failure) if failure.is_transient())
    }
}

/// Starts and ends pods.
#[derive(Clone, Debug)]
pub(crate) struct Kubelet {
    pub(crate) site: Site,
    pub(crate) chain: Chain,
    pub(crate) networks: Networks,
    pub(crate) runner: Runner,
    pub(crate) env: Env,
}

impl Kubelet {
    /// Makes a sandbox for `pod` and attaches its interfaces; after a failure nothing of it is left.
    pub(crate) async fn start(&self, pod: &Resource) -> Result<Sandbox, StartError> {
        let wanted = self.networks.of(pod).map_err(StartError::Pod)?;
        let container = container_id(&self.env);
        let (path, namespace) = self.make_sandbox(pod, &container).await?;
        let mut sandbox = Sandbox { container, namespace, interfaces: Vec::new(), path };
        for (name, network) in wanted {
            match self.chain.add(&network, &self.attachment(pod, &sandbox, &name)).await {
                Ok(attached) => sandbox.interfaces.push(Interface { name, network, attached }),
                Err(failure) => {
                    if !failure.is_interrupt() {
                        // Its own failure would hide the reason; what is left is found by the next GC.
                        let _ = self.end(pod, &sandbox).await;
                    }
                    return Err(failure.into());
                }
            }
        }
        Ok(sandbox)
    }

    /// Detaches the interfaces, last first, and removes the sandbox.
    pub(crate) async fn end(&self, pod: &Resource, sandbox: &Sandbox) -> Result<(), StartError> {
        for interface in sandbox.interfaces.iter().rev() {
            let attachment = self.attachment(pod, sandbox, &interface.name);
            self.chain.del(&interface.network, &attachment, Some(&interface.attached)).await?;
        }
        self.lose(sandbox).await?;
        Ok(())
    }

    /// Removes the sandbox without a word to anybody, as the loss of a machine would.
    pub(crate) async fn lose(&self, sandbox: &Sandbox) -> Result<(), RunError> {
        match (&self.site, &sandbox.namespace) {
            (Site::Network(namespaces), Some(namespace)) => {
                namespaces.remove(&self.runner, namespace).await?;
            }
            // It is only a mark; one that is gone already is fine.
            _ => drop(fs::remove_file(&sandbox.path)),
        }
        Ok(())
    }

    /// CNI CHECK of every interface.
    pub(crate) async fn check(&self, pod: &Resource, sandbox: &Sandbox) -> Result<(), CniFailure> {
        for interface in &sandbox.interfaces {
            let attachment = self.attachment(pod, sandbox, &interface.name);
            self.chain.check(&interface.network, &attachment, &interface.attached).await?;
        }
        Ok(())
    }

    async fn make_sandbox(
        &self,
        pod: &Resource,
        container: &str,
    ) -> Result<(PathBuf, Option<Namespace>), RunError> {
        // The container makes the name unique: a pod may have an old sandbox while it gets a new one.
        let name = format!("{}.{}", pod_name(pod).replace('/', "."), &container[..6]);
        match &self.site {
            Site::Network(namespaces) => {
                let namespace = namespaces.make(&self.runner, &name).await?;
                quicken(&self.runner, &namespace).await?;
                Ok((namespace.path().to_owned(), Some(namespace)))
            }
            Site::Files(dir) => {
                let path = dir.join(name);
                let made = fs::create_dir_all(dir).and_then(|()| fs::write(&path, container));
                made.map_err(|source| RunError::Pipe { job: path.display().to_string(), source })?;
                Ok((path, None))
            }
        }
    }

    fn attachment(&self, pod: &Resource, sandbox: &Sandbox, interface: &str) -> Attachment {
        Attachment {
            container: sandbox.container.clone(),
            netns: Path::to_owned(&sandbox.path),
            interface: interface.to_owned(),
            pod: PodArgs {
                namespace: pod.metadata.namespace.clone().unwrap_or_else(|| "default".into()),
                name: pod.metadata.name.clone(),
                uid: pod.metadata.uid.clone().unwrap_or_default(),
            },
        }
    }
}

/// 64 hexadecimal digits, as containerd draws them.
fn container_id(env: &Env) -> String {
    (0..4).map(|_| format!("{:016x}", env.entropy.next_u64())).collect()
}
