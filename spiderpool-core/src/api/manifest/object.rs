//! An object of any kind, and how it is written.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    api::{API_VERSION, ObjectMeta, Resource, SpiderEndpoint, SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    name::{NameError, Namespace, NamespacedName, ObjectName},
    store::{Document, Key, ResourceName},
};

/// An object that a manifest describes. Boxed, for they are large and of very different sizes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Object {
    /// A subnet.
    Subnet(Box<SpiderSubnet>),
    /// A pool.
    Pool(Box<SpiderIPPool>),
    /// A reservation.
    Reservation(Box<SpiderReservedIP>),
    /// An endpoint.
    Endpoint(Box<SpiderEndpoint>),
    /// Any other object.
    Resource(Box<Resource>),
}

/// Kinds without a namespace, among those that clusters commonly have.
const CLUSTER_SCOPED: [&str; 19] = [
    "APIService",
    "CSIDriver",
    "CSINode",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "FlowSchema",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

impl Object {
    /// The kind as written.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Subnet(_) => "SpiderSubnet",
            Self::Pool(_) => "SpiderIPPool",
            Self::Reservation(_) => "SpiderReservedIP",
            Self::Endpoint(_) => "SpiderEndpoint",
            Self::Resource(resource) => &resource.kind,
        }
    }

    /// Group and version as written.
    #[must_use]
    pub fn api_version(&self) -> &str {
        match self {
            Self::Resource(resource) => &resource.api_version,
            _ => API_VERSION,
        }
    }

    /// The metadata.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Subnet(object) => &object.metadata,
            Self::Pool(object) => &object.metadata,
            Self::Reservation(object) => &object.metadata,
            Self::Endpoint(object) => &object.metadata,
            Self::Resource(object) => &object.metadata,
        }
    }

    /// The metadata, to be changed.
    pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Subnet(object) => &mut object.metadata,
            Self::Pool(object) => &mut object.metadata,
            Self::Reservation(object) => &mut object.metadata,
            Self::Endpoint(object) => &mut object.metadata,
            Self::Resource(object) => &mut object.metadata,
        }
    }

    /// Whether objects of this kind are in a namespace. Kinds that are not known are taken to be.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        match self {
            Self::Endpoint(_) => true,
            Self::Resource(resource) => !CLUSTER_SCOPED.contains(&resource.kind.as_str()),
            Self::Subnet(_) | Self::Pool(_) | Self::Reservation(_) => false,
        }
    }

    /// Puts an object of a namespaced kind that names no namespace into `namespace`, and takes the namespace of one
    /// that cannot have any away.
    pub fn place_in(&mut self, namespace: &Namespace) {
        let namespaced = self.is_namespaced();
        let own = &mut self.metadata_mut().namespace;
        if !namespaced {
            *own = None;
        } else if own.as_deref().is_none_or(str::is_empty) {
            *own = Some(namespace.to_string());
        }
    }

    /// The key that it is stored under. An object of a namespaced kind without a namespace has its own key, so
    /// [`Object::place_in`] comes first; an endpoint must have one.
    ///
    /// # Errors
    /// Kind, group, namespace or name is not a name.
    pub fn key(&self) -> Result<Key, NameError> {
        let metadata = self.metadata();
        let name = ObjectName::new(&metadata.name)?;
        Ok(match self {
            Self::Subnet(_) => Key::Subnet(name),
            Self::Pool(_) => Key::Pool(name),
            Self::Reservation(_) => Key::Reservation(name),
            Self::Endpoint(_) => {
                let namespace = Namespace::new(metadata.namespace.as_deref().unwrap_or_default())?;
                Key::Endpoint(NamespacedName { namespace, name })
            }
            Self::Resource(resource) => Key::Resource(ResourceName {
                kind: ObjectName::new(&resource.kind)?,
                group: match resource.api_version.split_once('/') {
                    Some((group, _)) => Some(ObjectName::new(group)?),
                    None => None,
                },
                namespace: metadata.namespace.as_deref().map(Namespace::new).transpose()?,
                name,
            }),
        })
    }

    /// The object as a stored document.
    #[must_use]
    pub fn into_document(self) -> Document {
        match self {
            Self::Subnet(object) => Document::from(*object),
            Self::Pool(object) => Document::from(*object),
            Self::Reservation(object) => Document::from(*object),
            Self::Endpoint(object) => Document::from(*object),
            Self::Resource(object) => Document::from(*object),
        }
    }

    /// The object of a stored document; none for those that are no objects (blocks, plans, scopes). Copies it.
    #[must_use]
    pub fn of_document(document: &Document) -> Option<Self> {
        Some(match document {
            Document::Subnet(object) => Self::Subnet(Box::new(object.as_ref().clone())),
            Document::Pool(object) => Self::Pool(Box::new(object.as_ref().clone())),
            Document::Reservation(object) => Self::Reservation(Box::new(object.as_ref().clone())),
            Document::Endpoint(object) => Self::Endpoint(Box::new(object.as_ref().clone())),
            Document::Resource(object) => Self::Resource(Box::new(object.as_ref().clone())),
            Document::Scope(_) | Document::Plan(_) | Document::Block(_) => return None,
        })
    }

    /// The object as JSON, keys sorted. To keep `apiVersion` and `kind` in front, serialize the object itself.
    ///
    /// # Errors
    /// None in practice: all keys are texts.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

/// An object of our own kinds with what tells its kind in front.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a, T> {
    api_version: &'a str,
    kind: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

impl Serialize for Object {
    /// As a manifest: `apiVersion`, `kind`, `metadata`, `spec`, `status`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (api_version, kind) = (self.api_version(), self.kind());
        match self {
            Self::Subnet(body) => Written { api_version, kind, body: body.as_ref() }.serialize(serializer),
            Self::Pool(body) => Written { api_version, kind, body: body.as_ref() }.serialize(serializer),
            Self::Reservation(body) => {
                Written { api_version, kind, body: body.as_ref() }.serialize(serializer)
            }
            Self::Endpoint(body) => Written { api_version, kind, body: body.as_ref() }.serialize(serializer),
            Self::Resource(body) => body.as_ref().serialize(serializer),
        }
    }
}
