//! POST `/v1/ipam/check`: a CHECK.

use super::Attachment;
use crate::cni::RequestedIp;
use serde::{Deserialize, Serialize};

/// Asks whether an interface still holds what it was granted. 200 without a body if so; else error `NotFound`
/// (nothing is held) or `Mismatch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRequest {
    /// Whose.
    #[serde(flatten)]
    pub attachment: Attachment,
    /// The addresses that the last ADD answered. Held and expected must be the same set.
    #[serde(rename = "expectedIPs", default)]
    pub expected_ips: Vec<RequestedIp>,
}
