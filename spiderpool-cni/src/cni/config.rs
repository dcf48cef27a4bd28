//! The network configuration on standard input (specification, section 1).

use super::field::{Object, invalid};
use super::{
    CniError, CniVersion, Code, ContainerId, IfName, IpamConf, NetworkName, Parent, PrevResult, RequestedIp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A configuration that is a JSON object, nothing more known.
#[derive(Clone, Debug)]
pub struct DecodedConf {
    map: Map<String, Value>,
    /// `cniVersion` as it was asked for, spoken or not.
    asked: String,
}

/// One entry of `cni.dev/valid-attachments` (specification 1.1.0, GC).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValidAttachment {
    /// The container.
    #[serde(rename = "containerID")]
    pub container_id: ContainerId,
    /// Its interface.
    pub ifname: IfName,
}

/// A checked network configuration. Keys that are not known are passed over, as the specification demands.
#[derive(Clone, Debug)]
pub struct NetConf {
    /// `cniVersion`.
    pub version: CniVersion,
    /// `name`.
    pub name: NetworkName,
    /// `ipam`.
    pub ipam: IpamConf,
    /// Addresses asked for by capability `ips` (`runtimeConfig.ips`) and by `args.cni.ips`.
    pub ips: Vec<RequestedIp>,
    conf: DecodedConf,
}

impl DecodedConf {
    /// Decodes JSON. The error has code 6.
    pub fn decode(bytes: &[u8]) -> Result<Self, CniError> {
        const DETAILS: &str =
            "The runtime gives the network configuration on standard input as one JSON object.";
        let error = |msg: String| {
            CniError::new(Code::Decoding, format!("network configuration cannot be decoded: {msg}"), DETAILS)
        };
        let map = match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => map,
            Ok(_) => return Err(error("it is JSON, but no object".into())),
            Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => return Err(error("it is empty".into())),
            Err(cause) => return Err(error(cause.to_string())),
        };
        let asked = match map.get("cniVersion") {
            // The specification: without the key it is 0.1.0.
            None | Some(Value::Null) => "0.1.0".into(),
            Some(Value::String(version)) => version.clone(),
            Some(_) => return Err(error("cniVersion is not a string".into())),
        };
        Ok(Self { map, asked })
    }

    /// `cniVersion` as it was asked for, spoken or not.
    pub fn asked_version(&self) -> &str {
        &self.asked
    }

    /// The version that is asked for, if it is spoken (else code 1) and not older than `needed`, the version
    /// that brought `command`.
    pub fn version(&self, needed: CniVersion, command: &str) -> Result<CniVersion, CniError> {
        let supported = CniVersion::ALL.map(CniVersion::as_str).join(", ");
        let asked: String = self.asked.chars().take(80).collect();
        let Some(version) = CniVersion::parse(&self.asked) else {
            let msg = format!("cniVersion {asked:?} is not supported, these are: {supported}");
            return Err(CniError::new(
                Code::IncompatibleVersion,
                msg,
                "Set cniVersion in the CNI configuration to one of the supported versions.",
            ));
        };
        if version < needed {
            return Err(CniError::new(
                Code::IncompatibleVersion,
                format!("cniVersion {version} has no {command}, it came with {needed}"),
                format!("Set cniVersion in the CNI configuration to {needed} or newer."),
            ));
        }
        Ok(version)
    }

    /// Checks everything a command needs of the configuration. Errors have code 2 or 7.
    pub fn check(self, version: CniVersion) -> Result<NetConf, CniError> {
        let top = Object::top(&self.map);
        let Some(name) = top.text("name")?.filter(|name| !name.is_empty()) else {
            return Err(invalid(
                "name is missing".into(),
                "Give the network a name; it is part of every record.",
            ));
        };
        let name = NetworkName::new(name).map_err(|error| {
            invalid(format!("name: {error}"), "Rename the network in the CNI configuration.")
        })?;
        let Some(ipam) = top.object("ipam", "ipam")? else {
            return Err(invalid("ipam is missing".into(), r#"Add "ipam": {"type": "spiderpool"}."#));
        };
        let ipam = IpamConf::read(ipam)?;

        let mut ips = Vec::new();
        if let Some(runtime) = top.object("runtimeConfig", "runtimeConfig")? {
            requested(runtime, &mut ips)?;
        }
        if let Some(args) = top.object("args", "args")?
            && let Some(cni) = args.object("cni", "args.cni")?
        {
            requested(cni, &mut ips)?;
        }
        Ok(NetConf { version, name, ipam, ips, conf: self })
    }
}

fn requested(from: Object<'_>, into: &mut Vec<RequestedIp>) -> Result<(), CniError> {
    for ip in from.texts("ips")?.into_iter().filter(|ip| !ip.is_empty()) {
        let ip = ip.parse().map_err(|error| {
            invalid(
                format!("{}: {error}", from.path("ips")),
                "Write an address such as 10.6.0.5 or 10.6.0.5/24.",
            )
        })?;
        into.push(ip);
    }
    Ok(())
}

impl NetConf {
    /// The parent interface, as far as it is named.
    pub fn parent(&self) -> Result<Parent, CniError> {
        Parent::read(Object::top(&self.conf.map))
    }

    /// `prevResult`, which CHECK must be given; the part about `if_name`.
    pub fn prev_result(&self, if_name: &IfName) -> Result<PrevResult, CniError> {
        match Object::top(&self.conf.map).get("prevResult") {
            None => Err(invalid(
                "prevResult is missing".into(),
                "The runtime gives CHECK the result of the last ADD; without it there is nothing to compare.",
            )),
            Some(value) => PrevResult::read(value, if_name),
        }
    }

    /// `cni.dev/valid-attachments`, which GC must be given: without the list everything would be freed.
    ///
    /// `cni.dev/attachments`, an earlier spelling that `libcni` still sends, is read where the first is absent.
    pub fn valid_attachments(&self) -> Result<Vec<ValidAttachment>, CniError> {
        let top = Object::top(&self.conf.map);
        let Some(key) = ["cni.dev/valid-attachments", "cni.dev/attachments"].into_iter().find(|key| {
            // An empty list is written `null` by Go.
            self.conf.map.contains_key(*key)
        }) else {
            return Err(invalid(
                "cni.dev/valid-attachments is missing".into(),
                "The runtime gives GC the attachments that are still valid; nothing was freed.",
            ));
        };
        let item = |item| {
            ValidAttachment::deserialize(item).map_err(|error: serde_json::Error| {
                let details = r#"Each entry is {"containerID": "…", "ifname": "…"}; nothing was freed."#;
                // The decoder repeats what it was given, however long that is.
                let error: String = error.to_string().chars().take(200).collect();
                invalid(format!("{key}: {error}"), details)
            })
        };
        top.array(key)?.iter().map(item).collect()
    }
}
