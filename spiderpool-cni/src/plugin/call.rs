//! What the commands share: the checked configuration, the log, the deadline.

use super::Deadline;
use super::log::{Fields, Log};
use crate::api::Attachment;
use crate::cni::{AttachmentEnv, Command, NetConf, RequestedIp};

/// A command about one interface: ADD, DEL, CHECK.
pub(super) struct AttachmentCall {
    /// The configuration.
    pub(super) conf: NetConf,
    /// The interface.
    pub(super) attachment: Attachment,
    /// Addresses asked for in `CNI_ARGS`.
    pub(super) args_ips: Vec<RequestedIp>,
    /// When to stop waiting.
    pub(super) deadline: Deadline,
    /// The log.
    pub(super) log: Log,
}

/// A command about a network: GC, STATUS.
pub(super) struct NetworkCall {
    /// The configuration.
    pub(super) conf: NetConf,
    /// When to stop waiting.
    pub(super) deadline: Deadline,
    /// The log.
    pub(super) log: Log,
}

impl AttachmentCall {
    pub(super) fn new(command: Command, env: AttachmentEnv, conf: NetConf, deadline: Deadline) -> Self {
        let AttachmentEnv { container_id, if_name, netns, args } = env;
        let (pod_namespace, pod_name) = args.pod.map(|pod| (pod.namespace, pod.name)).unzip();
        let attachment = Attachment {
            container_id,
            if_name,
            net_namespace: netns,
            pod_namespace,
            pod_name,
            pod_uid: args.pod_uid,
            network_name: conf.name.clone(),
        };
        let log = Log::new(conf.ipam.log.clone(), Fields::of_attachment(command, &attachment), deadline);
        if let Some(infra) = args.infra_container_id.filter(|infra| infra != attachment.container_id.as_str())
        {
            log.debug(&format!("K8S_POD_INFRA_CONTAINER_ID is another container, {infra}; it is not used"));
        }
        Self { conf, attachment, args_ips: args.ips, deadline, log }
    }
}

impl NetworkCall {
    pub(super) fn new(command: Command, conf: NetConf, deadline: Deadline) -> Self {
        let log = Log::new(conf.ipam.log.clone(), Fields::of_network(command, &conf.name), deadline);
        Self { conf, deadline, log }
    }
}
