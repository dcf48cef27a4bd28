//! A request in core's types.

use super::failure::bad_name;
use crate::api::{Attachment, ErrorBody, ErrorCode};
use spiderpool_core::name::{
    ContainerId, InterfaceName, Namespace, NamespacedName, NetworkName, ObjectName, OwnerUid,
};
use std::fmt;

/// Whose interface a request is about.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) container: ContainerId,
    pub(super) interface: InterfaceName,
    pub(super) network: NetworkName,
    pub(super) pod: Option<NamespacedName>,
    pub(super) pod_uid: Option<OwnerUid>,
}

impl Ask {
    pub(super) fn read(attachment: &Attachment) -> Result<Self, ErrorBody> {
        let pod = match (&attachment.pod_namespace, &attachment.pod_name) {
            (Some(namespace), Some(name)) => Some(pod_name(namespace, name)?),
            (None, None) => None,
            _ => {
                return Err(ErrorBody::new(
                    ErrorCode::WrongInput,
                    "podNamespace and podName are given one without the other",
                    "Give both, or neither for a container that is no pod.",
                ));
            }
        };
        Ok(Self {
            container: ContainerId::new(attachment.container_id.as_str()).map_err(bad_name)?,
            interface: InterfaceName::new(attachment.if_name.as_str()).map_err(bad_name)?,
            network: NetworkName::new(attachment.network_name.as_str()).map_err(bad_name)?,
            pod,
            pod_uid: attachment.pod_uid.as_ref().map(OwnerUid::new).transpose().map_err(bad_name)?,
        })
    }
}

/// A pod's name from its two parts.
pub(super) fn pod_name(namespace: &str, name: &str) -> Result<NamespacedName, ErrorBody> {
    Ok(NamespacedName {
        namespace: Namespace::new(namespace).map_err(bad_name)?,
        name: ObjectName::new(name).map_err(bad_name)?,
    })
}

impl fmt::Display for Ask {
    /// `pod default/web-0, interface eth0`, or `container 3b9e, interface eth0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pod {
            Some(pod) => write!(f, "pod {pod}, interface {}", self.interface),
            None => write!(f, "container {}, interface {}", self.container, self.interface),
        }
    }
}
