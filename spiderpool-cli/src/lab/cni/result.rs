//! What a plugin answers to ADD.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One address that a sandbox was given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Given {
    /// With prefix length.
    pub(crate) address: String,
    /// The gateway, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gateway: Option<String>,
}

impl Given {
    /// The address without its prefix length.
    pub(crate) fn ip(&self) -> &str {
        self.address.split_once('/').map_or(self.address.as_str(), |(address, _)| address)
    }
}

/// An interface that is attached, with what its DEL and CHECK need.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Attached {
    /// The addresses.
    pub(crate) given: Vec<Given>,
    /// The result as it came, for `prevResult`.
    pub(crate) result: Value,
}

impl Attached {
    /// Reads a result of version 0.3.0 or later.
    pub(crate) fn read(result: Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Result {
            #[serde(default)]
            ips: Vec<Given>,
        }
        let Result { ips } = Deserialize::deserialize(&result)?;
        Ok(Self { given: ips, result })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_read_from_old_and_new_results() {
        let old = json!({"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.0.0.5/24", "interface": 0}]});
        let new = json!({"cniVersion": "1.0.0", "ips": [{"address": "fd00::5/64", "gateway": "fd00::1"}]});
        assert_eq!(Attached::read(old).unwrap().given[0].ip(), "10.0.0.5");
        let new = Attached::read(new).unwrap();
        assert_eq!((new.given[0].ip(), new.given[0].gateway.as_deref()), ("fd00::5", Some("fd00::1")));
    }
}
