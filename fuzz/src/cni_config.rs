//! The network configuration that a runtime gives the plugin.

use serde_json::Value;
use spiderpool_cni::cni::{CniError, CniVersion, Code, Command, DecodedConf, IfName, NetConf};

/// Any bytes as a network configuration, for every command.
///
/// Laws: each step refuses with the codes it promises, in an error object that a runtime can read; an accepted
/// configuration has absolute paths and no empty names; keys that nobody knows change nothing.
pub fn cni_config(data: &[u8]) {
    let conf = match DecodedConf::decode(data) {
        Ok(conf) => conf,
        Err(error) => return refused(&error, "1.1.0", &[Code::Decoding]),
    };
    let mut spoken = None;
    for command in Command::ALL {
        let needed = match command {
            Command::Gc | Command::Status => CniVersion::V1_1_0,
            Command::Check => CniVersion::V0_4_0,
            Command::Add | Command::Del | Command::Version => CniVersion::V0_3_0,
        };
        match conf.version(needed, command.as_str()) {
            Ok(version) => {
                assert!(version >= needed);
                assert_eq!(version.as_str(), conf.asked_version());
                spoken = Some(version);
            }
            Err(error) => refused(&error, conf.asked_version(), &[Code::IncompatibleVersion]),
        }
    }
    let Some(version) = spoken else { return };
    let strange = with_a_strange_key(data);
    match conf.check(version) {
        Ok(conf) => {
            accepted(&conf);
            let again = DecodedConf::decode(&strange).and_then(|conf| conf.check(version));
            let again = again.unwrap_or_else(|error| panic!("a strange key made it wrong: {error}"));
            let known =
                |conf: &NetConf| (conf.version, conf.name.clone(), conf.ipam.clone(), conf.ips.clone());
            assert_eq!(known(&again), known(&conf));
        }
        Err(error) => refused(&error, version.as_str(), &[Code::UnsupportedField, Code::InvalidConfig]),
    }
}

fn accepted(conf: &NetConf) {
    assert!(conf.ipam.socket.is_absolute() && conf.ipam.spool_dir.is_absolute());
    assert!(conf.ipam.log.max_megabytes > 0);
    assert!(!conf.name.as_str().is_empty());
    assert!(conf.ipam.ipv4_pools.iter().chain(&conf.ipam.ipv6_pools).all(|pool| !pool.trim().is_empty()));
    let Ok(interface) = IfName::new("eth0") else { unreachable!("`eth0` is a name") };
    if let Err(error) = conf.prev_result(&interface) {
        refused(&error, conf.version.as_str(), &[Code::InvalidConfig]);
    }
    match conf.valid_attachments() {
        Ok(attachments) => {
            let written = serde_json::to_value(&attachments).unwrap_or_default();
            assert_eq!(written.as_array().map(Vec::len), Some(attachments.len()));
        }
        Err(error) => refused(&error, conf.version.as_str(), &[Code::InvalidConfig]),
    }
}

/// One object on one line, with one of `codes`, and of a length that a person reads.
pub(crate) fn refused(error: &CniError, version: &str, codes: &[Code]) {
    const LONGEST: usize = 2000;
    assert!(codes.contains(&error.code), "{error}");
    let line = error.to_json(version);
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "one line");
    let object: Value = serde_json::from_slice(&line).unwrap_or_else(|error| panic!("no JSON: {error}"));
    assert_eq!(object["cniVersion"], version);
    assert_eq!(object["code"], error.code.number());
    assert!(object["msg"].as_str().is_some_and(|msg| !msg.is_empty() && msg.len() < LONGEST), "{error}");
    assert!(object["details"].as_str().is_some_and(|details| details.len() < LONGEST), "{error}");
}

/// The same configuration with a key for somebody else at the top and in `ipam`.
fn with_a_strange_key(data: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(data).unwrap_or_default();
    value["strange.example/key"] = Value::from(vec![1, 2]);
    if let Some(ipam) = value.get_mut("ipam").and_then(Value::as_object_mut) {
        ipam.insert("strange".into(), Value::Null);
    }
    value.to_string().into_bytes()
}
