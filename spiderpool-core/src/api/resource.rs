//! Any other object: Pod, Node, Namespace, Deployment, CloneSet. Read for its metadata and a few fields.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::meta::ObjectMeta;

/// An object of any kind, with everything but its metadata kept as JSON.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resource {
    /// Group and version, `apps/v1`.
    pub api_version: String,
    /// Kind, `Deployment`.
    pub kind: String,
    /// Name, namespace, labels, annotations, owners.
    pub metadata: ObjectMeta,
    /// Everything else, `spec` and `status` among it.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, Value>,
}
