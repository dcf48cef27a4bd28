//! Nothing lost, nothing twice: what the pods have against what the store says. Pure.

use std::collections::{BTreeMap, HashMap};

use spiderpool_core::{
    addr::Address,
    model::{Attachment, Record},
};

/// A pod as far as the audit cares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Claimed {
    /// `namespace/name`.
    pub(crate) pod: String,
    /// The pod's uid.
    pub(crate) uid: String,
    /// Its container.
    pub(crate) container: String,
    /// Its addresses.
    pub(crate) addresses: Vec<String>,
}

/// Compares pods and records; every difference in words.
pub(crate) fn audit<'r>(
    pods: &[Claimed],
    records: impl IntoIterator<Item = (Address, &'r Record)>,
) -> Vec<String> {
    let records: BTreeMap<Address, &Record> = records.into_iter().collect();
    let mut problems = Vec::new();
    let mut seen: HashMap<Address, &str> = HashMap::new();
    for Claimed { pod, uid, container, addresses } in pods {
        for text in addresses {
            let Ok(address) = text.parse::<Address>() else {
                problems.push(format!("{pod} has {text}, which is no address"));
                continue;
            };
            if let Some(other) = seen.insert(address, pod) {
                problems.push(format!("{address} is twice: {other} and {pod} have it"));
            }
            match records.get(&address) {
                None => {
                    problems.push(format!("{address} is lost: {pod} has it, and the store says it is free"))
                }
                Some(record) if record.owner.uid.as_str() != uid => {
                    problems
                        .push(format!("{address}: {pod} has it, and the store says {} does", record.owner));
                }
                Some(record) if !is_of(record, container) => problems.push(format!(
                    "{address}: {pod} has it in container {container}, and the store says {}",
                    record.attachment
                )),
                Some(_) => {}
            }
        }
    }
    for (address, record) in records {
        // Kept for a stateful owner's name: nobody has to have it now.
        if record.attachment != Attachment::Detached && !seen.contains_key(&address) {
            problems.push(format!("{address} is leaked: {} does not have it", record.owner));
        }
    }
    problems
}

fn is_of(record: &Record, container: &str) -> bool {
    matches!(&record.attachment, Attachment::Container(own) if own.as_str() == container)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(uid: &str, attachment: serde_json::Value) -> Record {
        serde_json::from_value(json!({
            "pool": "p", "owner": {"uid": uid}, "slot": "eth0", "attachment": attachment,
            "node": "n", "binding": if attachment == "detached" { "stateful" } else { "stateless" }, "since": 0
        }))
        .unwrap()
    }

    fn pod(name: &str, uid: &str, container: &str, addresses: &[&str]) -> Claimed {
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        Claimed { pod: name.into(), uid: uid.into(), container: container.into(), addresses }
    }

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn what_agrees_is_fine_and_bound_addresses_need_nobody() {
        let (held, bound) = (record("u1", json!({"container": "c1"})), record("u2", json!("detached")));
        let records = [(address("10.0.0.1"), &held), (address("fd00::1"), &bound)];
        assert_eq!(audit(&[pod("a", "u1", "c1", &["10.0.0.1"])], records), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_named() {
        let other = record("u9", json!({"container": "c9"}));
        let old = record("u3", json!({"container": "c-old"}));
        let records =
            [(address("10.0.0.1"), &other), (address("10.0.0.3"), &old), (address("10.0.0.4"), &other)];
        let pods = [
            pod("a", "u1", "c1", &["10.0.0.1", "10.0.0.2"]),
            pod("b", "u2", "c2", &["10.0.0.2"]),
            pod("c", "u3", "c3", &["10.0.0.3"]),
        ];
        insta::assert_snapshot!(audit(&pods, records).join("\n"), @"
        10.0.0.1: a has it, and the store says sandbox u9 does
        10.0.0.2 is lost: a has it, and the store says it is free
        10.0.0.2 is twice: a and b have it
        10.0.0.2 is lost: b has it, and the store says it is free
        10.0.0.3: c has it in container c3, and the store says container c-old
        10.0.0.4 is leaked: sandbox u9 does not have it
        ");
    }
}
