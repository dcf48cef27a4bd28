//! Error objects of the specification (section 5, "Error") and the numbers this plugin uses.

use serde::Serialize;
use std::fmt;

/// What went wrong, as the number a runtime reads.
///
/// Numbers below 100 belong to the specification; those from 100 are ours:
///
/// | code | name | meaning |
/// |---|---|---|
/// | 1 | `IncompatibleVersion` | the network asks for a CNI version that is not spoken |
/// | 2 | `UnsupportedField` | a field of the network configuration is not supported |
/// | 3 | `UnknownContainer` | no container ID was given |
/// | 4 | `InvalidEnvironment` | a `CNI_*` variable is missing or malformed |
/// | 5 | `Io` | reading or writing failed |
/// | 6 | `Decoding` | the network configuration is not JSON |
/// | 7 | `InvalidConfig` | the network configuration says something that cannot be |
/// | 11 | `TryAgainLater` | nothing is wrong with the request; repeat it |
/// | 50 | `NotAvailable` | STATUS: an ADD would fail now |
/// | 51 | `LimitedConnectivity` | STATUS: never used, addresses held stay good without the agent |
/// | 100 | `Exhausted` | every pool that may serve the pod is full |
/// | 101 | `NoPool` | no pool may serve the pod |
/// | 102 | `WrongInput` | an annotation or another input of the pod or the request is malformed |
/// | 103 | `AddressTaken` | the address that was asked for cannot be had |
/// | 104 | `Gone` | the container or the pod was deleted already |
/// | 105 | `Mismatch` | CHECK: what is held is not what `prevResult` says |
/// | 106 | `Refused` | the agent refused for another reason, which the message names |
/// | 107 | `Protocol` | what answered on the socket is not a Spiderpool agent |
/// | 199 | `Internal` | a defect of the plugin; please report it |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The network asks for a CNI version that is not spoken.
    IncompatibleVersion,
    /// A field of the network configuration is not supported.
    UnsupportedField,
    /// No container ID was given.
    UnknownContainer,
    /// A `CNI_*` variable is missing or malformed.
    InvalidEnvironment,
    /// Reading or writing failed.
    Io,
    /// The network configuration is not JSON.
    Decoding,
    /// The network configuration says something that cannot be.
    InvalidConfig,
    /// Nothing is wrong with the request; repeat it.
    TryAgainLater,
    /// STATUS: an ADD would fail now.
    NotAvailable,
    /// STATUS: never used, addresses held stay good without the agent.
    LimitedConnectivity,
    /// Every pool that may serve the pod is full.
    Exhausted,
    /// No pool may serve the pod.
    NoPool,
    /// An annotation or another input of the pod or the request is malformed.
    WrongInput,
    /// The address that was asked for cannot be had.
    AddressTaken,
    /// The container or the pod was deleted already.
    Gone,
    /// CHECK: what is held is not what `prevResult` says.
    Mismatch,
    /// The agent refused for another reason, which the message names.
    Refused,
    /// What answered on the socket is not a Spiderpool agent.
    Protocol,
    /// A defect of the plugin; please report it.
    Internal,
}

impl Code {
    /// The number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::IncompatibleVersion => 1,
            Self::UnsupportedField => 2,
            Self::UnknownContainer => 3,
            Self::InvalidEnvironment => 4,
            Self::Io => 5,
            Self::Decoding => 6,
            Self::InvalidConfig => 7,
            Self::TryAgainLater => 11,
            Self::NotAvailable => 50,
            Self::LimitedConnectivity => 51,
            Self::Exhausted => 100,
            Self::NoPool => 101,
            Self::WrongInput => 102,
            Self::AddressTaken => 103,
            Self::Gone => 104,
            Self::Mismatch => 105,
            Self::Refused => 106,
            Self::Protocol => 107,
            Self::Internal => 199,
        }
    }
}

/// A failure as a runtime is told: which object and why (`msg`), and what to do next (`details`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniError {
    /// The kind of failure.
    pub code: Code,
    /// Names the object and the reason; one line.
    pub msg: String,
    /// The next step for a person; may be empty.
    pub details: String,
}

impl CniError {
    /// An error of kind `code`.
    pub fn new(code: Code, msg: impl Into<String>, details: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), details: details.into() }
    }

    /// The error object as JSON with a line end. `cni_version` is what the configuration asked for, known or not.
    pub fn to_json(&self, cni_version: &str) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Object<'a> {
            cni_version: &'a str,
            code: u32,
            msg: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            details: &'a str,
        }
        let object = Object { cni_version, code: self.code.number(), msg: &self.msg, details: &self.details };
        super::result::to_line(&object)
    }
}

impl fmt::Display for CniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.msg, self.code.number())?;
        if !self.details.is_empty() {
            write!(f, ": {}", self.details)?;
        }
        Ok(())
    }
}

impl std::error::Error for CniError {}
