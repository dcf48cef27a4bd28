//! `prevResult`: what the last ADD answered, as the runtime kept it.

use super::field::{Object, invalid};
use super::{CniError, IfName, RequestedIp};
use serde_json::Value;

/// The part of `prevResult` that is about one interface of the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrevResult {
    /// Its addresses, with prefix length.
    pub ips: Vec<RequestedIp>,
}

impl PrevResult {
    /// Reads the addresses of `if_name`: those that name no interface, as an IPAM plugin answers them, and those
    /// whose interface is in the container's namespace and has this name.
    pub(super) fn read(value: &Value, if_name: &IfName) -> Result<Self, CniError> {
        const DETAILS: &str = "The runtime keeps the result of ADD and gives it back; it must be unchanged.";
        let error = |msg: String| invalid(format!("prevResult: {msg}"), DETAILS);
        let Some(map) = value.as_object() else { return Err(error("it is not an object".into())) };
        let top = Object::top(map);
        let interfaces = top.array("interfaces")?;
        let mut ips = Vec::new();
        for ip in top.array("ips")? {
            let Some(address) = ip.get("address").and_then(Value::as_str) else {
                return Err(error("an entry of ips has no address".into()));
            };
            let address: RequestedIp = address.parse().map_err(|cause| error(format!("ips: {cause}")))?;
            let ours = match ip.get("interface").filter(|index| !index.is_null()) {
                None => true,
                Some(index) => {
                    let interface =
                        index.as_u64().and_then(|index| interfaces.get(usize::try_from(index).ok()?));
                    let Some(interface) = interface else {
                        return Err(error(format!("{address} names an interface that is not listed")));
                    };
                    let field = |key| interface.get(key).and_then(Value::as_str).unwrap_or_default();
                    field("name") == if_name.as_str() && !field("sandbox").is_empty()
                }
            };
            if ours {
                ips.push(address);
            }
        }
        Ok(Self { ips })
    }
}
