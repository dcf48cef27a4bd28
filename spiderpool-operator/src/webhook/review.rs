//! `AdmissionReview` of `admission.k8s.io/v1`, as far as it matters.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Deserialize, Debug)]
pub(super) struct Review {
    pub(super) request: Request,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) uid: String,
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) name: String,
    pub(super) operation: Operation,
    #[serde(default)]
    pub(super) user_info: User,
    /// `null` for a deletion.
    #[serde(default)]
    pub(super) object: Value,
    /// `null` for a creation.
    #[serde(default)]
    pub(super) old_object: Value,
    #[serde(default)]
    pub(super) dry_run: Option<bool>,
}

#[derive(Deserialize, Debug)]
pub(super) struct Kind {
    pub(super) kind: String,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct User {
    pub(super) username: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Operation {
    Create,
    Update,
    Delete,
    #[serde(other)]
    Other,
}

/// One change of a JSON patch (RFC 6902): `add`, which replaces what is there.
#[derive(Serialize, PartialEq, Debug)]
pub(super) struct Change {
    op: &'static str,
    path: String,
    value: Value,
}

impl Change {
    pub(super) fn add(path: String, value: Value) -> Self {
        Self { op: "add", path, value }
    }
}

/// Why an edit is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// As HTTP has it.
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Response,
}

#[derive(Serialize, Debug, Default)]
#[serde(rename_all = "camelCase")]
struct Response {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

#[derive(Serialize, Debug)]
struct Status {
    code: u16,
    reason: &'static str,
    message: String,
}

impl Answer {
    fn of(response: Response) -> Self {
        Self { api_version: "admission.k8s.io/v1", kind: "AdmissionReview", response }
    }

    pub(super) fn yes(uid: String, warnings: Vec<String>) -> Self {
        Self::of(Response { uid, allowed: true, warnings, ..Response::default() })
    }

    pub(super) fn no(uid: String, refusal: Refusal) -> Self {
        let Refusal { code, reason, message } = refusal;
        let status = Some(Status { code, reason, message });
        Self::of(Response { uid, status, ..Response::default() })
    }

    pub(super) fn patched(uid: String, patch: Option<Vec<Change>>) -> Self {
        let patch = patch.filter(|patch| !patch.is_empty());
        let patch = patch.and_then(|patch| serde_json::to_vec(&patch).ok()).map(|text| STANDARD.encode(text));
        let patch_type = patch.as_ref().map(|_| "JSONPatch");
        Self::of(Response { uid, allowed: true, patch_type, patch, ..Response::default() })
    }
}
