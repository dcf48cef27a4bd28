//! A network's plugins one after another (specification, section 3).

use std::{ffi::OsString, path::PathBuf};

use serde_json::Value;

use super::{
    network::Network,
    plugin::{Call, CniFailure, Plugins},
    result::Attached,
};
use crate::lab::process::Runner;

/// The pod, as Kubernetes' runtimes name it in `CNI_ARGS`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PodArgs {
    /// `K8S_POD_NAMESPACE`.
    pub(crate) namespace: String,
    /// `K8S_POD_NAME`.
    pub(crate) name: String,
    /// `K8S_POD_UID`.
    pub(crate) uid: String,
}

/// One interface of one sandbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Attachment {
    /// `CNI_CONTAINERID`.
    pub(crate) container: String,
    /// `CNI_NETNS`.
    pub(crate) netns: PathBuf,
    /// `CNI_IFNAME`.
    pub(crate) interface: String,
    /// The pod.
    pub(crate) pod: PodArgs,
}

impl Attachment {
    /// `CNI_ARGS`.
    pub(super) fn args(&self) -> OsString {
        let PodArgs { namespace, name, uid } = &self.pod;
        let container = &self.container;
        format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME={name};\
             K8S_POD_INFRA_CONTAINER_ID={container};K8S_POD_UID={uid}"
        )
        .into()
    }
}

/// Runs a network's plugins for an attachment.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    runner: Runner,
    plugins: Plugins,
}

impl Chain {
    /// A chain whose plugins are found and run by `plugins`.
    pub(crate) fn new(runner: Runner, plugins: Plugins) -> Self {
        Self { runner, plugins }
    }

    /// Attaches. After a failure everything is detached again, as a runtime does.
    pub(crate) async fn add(
        &self,
        network: &Network,
        attachment: &Attachment,
    ) -> Result<Attached, CniFailure> {
        let mut previous = None;
        for index in self.indices(network) {
            match self.call("ADD", network, attachment, index, previous.as_ref()).await {
                Ok(result) => previous = Some(result),
                Err(failure) => {
                    if !failure.is_interrupt() {
                        // What is said here would hide why the ADD failed; the sandbox's end frees what is left.
                        let _ = self.del(network, attachment, None).await;
                    }
                    return Err(failure);
                }
            }
        }
        let result = previous.unwrap_or_default();
        let words = result.to_string();
        Attached::read(result).map_err(|_| CniFailure::Garbled {
            plugin: network.name.clone(),
            command: "ADD",
            words,
        })
    }

    /// Checks that all is as the ADD left it.
    pub(crate) async fn check(
        &self,
        network: &Network,
        attachment: &Attachment,
        attached: &Attached,
    ) -> Result<(), CniFailure> {
        for index in self.indices(network) {
            self.call("CHECK", network, attachment, index, Some(&attached.result)).await?;
        }
        Ok(())
    }

    /// Detaches, last plugin first.
    pub(crate) async fn del(
        &self,
        network: &Network,
        attachment: &Attachment,
        attached: Option<&Attached>,
    ) -> Result<(), CniFailure> {
        let previous = attached.map(|attached| &attached.result);
        for index in self.indices(network).rev() {
            self.call("DEL", network, attachment, index, previous).await?;
        }
        Ok(())
    }

    /// Calls the IPAM plugin of `network` itself with a command of CNI 1.1.0 that is about no attachment: `STATUS`, or
    /// `GC` with the attachments that are in use.
    pub(crate) async fn ask(
        &self,
        command: &'static str,
        network: &Network,
        valid: Option<Vec<(String, String)>>,
    ) -> Result<Value, CniFailure> {
        let mut config = network.config(0, None);
        config.insert("cniVersion".into(), "1.1.0".into());
        if let Some(valid) = valid {
            let valid = valid.into_iter();
            let valid = valid.map(|(id, name)| serde_json::json!({"containerID": id, "ifname": name}));
            config.insert("cni.dev/valid-attachments".into(), valid.collect());
        }
        let call = Call { command, attachment: None, plugin: "spiderpool", config: &config };
        self.plugins.call(&self.runner, call).await
    }

    /// The plugins that are run: all of them, or without a network only the first, in whose place its IPAM plugin
    /// is called.
    fn indices(&self, network: &Network) -> std::ops::Range<usize> {
        if self.plugins.node.is_some() { 0..network.plugins.len() } else { 0..1 }
    }

    async fn call(
        &self,
        command: &'static str,
        network: &Network,
        attachment: &Attachment,
        index: usize,
        previous: Option<&Value>,
    ) -> Result<Value, CniFailure> {
        let config = network.config(index, previous);
        let kind = |config: Option<&Value>| {
            config.and_then(|own| own.get("type")).and_then(Value::as_str).map(str::to_owned)
        };
        let plugin = match &self.plugins.node {
            Some(_) => config.get("type").and_then(Value::as_str).map(str::to_owned),
            None => kind(config.get("ipam")),
        };
        let plugin = plugin.unwrap_or_default();
        let call = Call { command, attachment: Some(attachment), plugin: &plugin, config: &config };
        self.plugins.call(&self.runner, call).await
    }
}
