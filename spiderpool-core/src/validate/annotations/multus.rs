//! Multus' annotations: through which network each interface is attached (Kubernetes Network Custom Resource
//! Definition De-facto Standard, section 4.1).

use super::{
    Violations,
    reader::{Annotation, Reader},
};
use crate::{
    api::{ViolationKind, keys},
    name::{InterfaceName, NameError, Namespace, NamespacedName, ObjectName},
};

/// One attachment of a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkAttachment {
    /// The NetworkAttachmentDefinition.
    pub network: NamespacedName,
    /// The interface, where one is asked for.
    pub interface: Option<InterfaceName>,
}

const NETWORKS: Annotation =
    Annotation { key: keys::MULTUS_NETWORKS, example: "`kube-system/vlan6, kube-system/vlan7@net2`" };
const DEFAULT: Annotation =
    Annotation { key: keys::MULTUS_DEFAULT_NETWORK, example: "`kube-system/macvlan`" };

/// Parses [`keys::MULTUS_NETWORKS`], in its short form or as a JSON list. Names without a namespace are in
/// `namespace`, the pod's.
///
/// # Errors
/// Everything that is wrong with it.
pub fn networks(text: &str, namespace: &Namespace) -> Result<Vec<NetworkAttachment>, Violations> {
    read(NETWORKS, text, namespace)
}

/// Parses [`keys::MULTUS_DEFAULT_NETWORK`]. A name without a namespace is in `namespace`, that of the installation.
///
/// # Errors
/// It does not name exactly one network.
pub fn default_network(text: &str, namespace: &Namespace) -> Result<NamespacedName, Violations> {
    match <[_; 1]>::try_from(read(DEFAULT, text, namespace)?) {
        Ok([attachment]) => Ok(attachment.network),
        Err(other) => Err(DEFAULT.refused(format!("one network is wanted, not {}", other.len()))),
    }
}

fn read(
    annotation: Annotation,
    text: &str,
    namespace: &Namespace,
) -> Result<Vec<NetworkAttachment>, Violations> {
    if text.contains(['[', '{', '"']) {
        return from_json(annotation, text, namespace);
    }
    let mut found = Violations::none();
    let mut attachments = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        match short(item, namespace) {
            Ok(attachment) => attachments.push(attachment),
            Err(error) => annotation.refuse(ViolationKind::Invalid, "", error.to_string(), &mut found),
        }
    }
    found.into_result(attachments)
}

/// `name`, `namespace/name`, either with `@interface` behind it.
fn short(text: &str, namespace: &Namespace) -> Result<NetworkAttachment, NameError> {
    let (name, interface) = match text.split_once('@') {
        Some((name, interface)) => (name, Some(InterfaceName::new(interface.trim())?)),
        None => (text, None),
    };
    let network = match name.trim().split_once('/') {
        Some((namespace, name)) => {
            NamespacedName { namespace: Namespace::new(namespace)?, name: ObjectName::new(name)? }
        }
        None => NamespacedName { namespace: namespace.clone(), name: ObjectName::new(name.trim())? },
    };
    Ok(NetworkAttachment { network, interface })
}

/// The JSON form; keys other than these three are Multus' business.
fn from_json(
    annotation: Annotation,
    text: &str,
    namespace: &Namespace,
) -> Result<Vec<NetworkAttachment>, Violations> {
    let mut warnings = Vec::new();
    let mut reader = Reader::new(annotation, &mut warnings);
    let value = reader.json(text).unwrap_or_default();
    let mut attachments = Vec::new();
    for (i, value) in reader.list(&value, "").iter().enumerate() {
        let at = format!("[{i}]");
        let Some(object) = reader.object(value, &at) else { continue };
        let [name, own, interface] = reader.fields(object, &at, ["name", "namespace", "interface"]);
        let Some(name) = name else {
            reader.violation(ViolationKind::Required, &format!("{at}.name"), "the network's name is missing");
            continue;
        };
        let name = reader.parsed(name, &format!("{at}.name"), "the name of a network");
        let own = match own.filter(|value| value.as_str() != Some("")) {
            Some(own) => reader.parsed(own, &format!("{at}.namespace"), "a namespace"),
            None => Some(namespace.clone()),
        };
        let interface = interface.filter(|value| value.as_str() != Some(""));
        let interface = interface
            .and_then(|value| reader.parsed(value, &format!("{at}.interface"), "the name of an interface"));
        if let Some((name, namespace)) = name.zip(own) {
            attachments.push(NetworkAttachment { network: NamespacedName { namespace, name }, interface });
        }
    }
    reader.found.into_result(attachments)
}
