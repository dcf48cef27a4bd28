//! The annotations of pods and namespaces.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::{Map, Value, json};
use spiderpool_core::api::{Violations, Warning, keys};
use spiderpool_core::model::{PoolRef, Reclaim, Route};
use spiderpool_core::name::{Namespace, NamespacedName};
use spiderpool_core::validate::annotations::{
    NetworkAttachment, PoolItem, Pools, SubnetItem, check_namespace, check_pod, default_network, ip_number,
    namespace_pools, networks, pool, pools, reclaim, routes, subnet, subnets,
};

/// Any text as the value of every annotation.
///
/// Laws: what is read can be written in a form that reads as the same; whatever is wrong or odd is said of its own
/// annotation, and the first mistake says how to write it right; the check of a whole object finds what the single
/// readers find.
pub fn annotations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(home) = Namespace::new("home") else { unreachable!("`home` is a name") };
    let mut all = Told::default();
    all.pod(keys::IP_NUMBER, text, |text, _| ip_number(text), ToString::to_string);
    all.pod(keys::RECLAIM, text, |text, _| reclaim(text), |it| (*it == Reclaim::WithApplication).to_string());
    all.pod(keys::POOL, text, pool, |it| pool_item(it).to_string());
    if let Some(read) = all.pod(keys::POOLS, text, pools, write_pools) {
        pools_name_all_or_none(&read);
    }
    all.pod(keys::ROUTES, text, routes, |it| it.iter().map(route).collect::<Value>().to_string());
    if let Some(read) = all.pod(keys::SUBNET, text, subnet, |it| subnet_item(it).to_string()) {
        subnets_are_apart(&[read]);
    }
    let write = |it: &Vec<SubnetItem>| it.iter().map(subnet_item).collect::<Value>().to_string();
    if let Some(read) = all.pod(keys::SUBNETS, text, subnets, write) {
        subnets_are_apart(&read);
    }
    let read = |text: &str, _: &mut Vec<Warning>| default_network(text, &home);
    let write =
        |it: &NamespacedName| write_networks(&[NetworkAttachment { network: it.clone(), interface: None }]);
    all.pod(keys::MULTUS_DEFAULT_NETWORK, text, read, write);
    let read = |text: &str, _: &mut Vec<Warning>| networks(text, &home);
    all.pod(keys::MULTUS_NETWORKS, text, read, |it| write_networks(it));

    let whole = check_pod(&all.annotations, &home);
    assert_eq!((sorted(&whole.0), whole.1.len()), (sorted(&all.violations), all.warnings.len()), "{text:?}");

    let mut defaults = Told::default();
    for key in [keys::DEFAULT_IPV4_POOL, keys::DEFAULT_IPV6_POOL] {
        let read = |text: &str, warnings: &mut Vec<Warning>| namespace_pools(key, text, warnings);
        defaults.pod(key, text, read, |it| names(it).to_string());
    }
    let whole = check_namespace(&defaults.annotations);
    assert_eq!((whole.0, whole.1), (defaults.violations, defaults.warnings), "{text:?}");
}

/// What was said of all annotations together.
#[derive(Default)]
struct Told {
    annotations: BTreeMap<String, String>,
    violations: Violations,
    warnings: Vec<Warning>,
}

impl Told {
    /// Reads one annotation, writes what was read and reads that.
    fn pod<T: PartialEq + Debug>(
        &mut self,
        key: &'static str,
        text: &str,
        read: impl Fn(&str, &mut Vec<Warning>) -> Result<T, Violations>,
        write: impl Fn(&T) -> String,
    ) -> Option<T> {
        let mut warnings = Vec::new();
        let outcome = read(text, &mut warnings);
        let place = format!("metadata.annotations[{key}]");
        for warning in &warnings {
            assert!(warning.field.starts_with(&place) && !warning.message.is_empty(), "{warning}");
        }
        self.annotations.insert(key.to_owned(), text.to_owned());
        self.warnings.append(&mut warnings);
        match outcome {
            Ok(read_once) => {
                let written = write(&read_once);
                let mut odd = Vec::new();
                assert_eq!(read(&written, &mut odd).as_ref(), Ok(&read_once), "{key}: {text:?} as {written}");
                // Whether nothing is asked for is the only thing that may still be odd about it.
                assert!(odd.iter().all(|odd| odd.message.contains("no pool is named")), "{written}: {odd:?}");
                Some(read_once)
            }
            Err(found) => {
                assert!(!found.is_empty(), "{key}: {text:?} refused without a reason");
                // What is refused is quoted, and may look like a remedy itself.
                let quotes_a_remedy = text.contains("; write") || text.contains('\\');
                let remedy =
                    |message: &str| message.split_once("; write `").map(|(_, remedy)| remedy.to_owned());
                let first = found.iter().next().and_then(|violation| remedy(&violation.message));
                for (i, violation) in found.iter().enumerate() {
                    assert!(violation.field.starts_with(&place), "{violation}");
                    // Said once; a later mistake may have another remedy, of its own.
                    let own = remedy(&violation.message);
                    let right = if i == 0 { own.is_some() } else { own.is_none() || own != first };
                    assert!(quotes_a_remedy || right, "{violation}");
                }
                self.violations.extend(found);
                None
            }
        }
    }
}

fn sorted(violations: &Violations) -> Vec<String> {
    let mut lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

fn pools_name_all_or_none(pools: &Pools) {
    let (items, named) = match pools {
        Pools::Named(items) => (items, true),
        Pools::Unnamed(items) => (items, false),
    };
    assert!(!items.is_empty());
    assert!(items.iter().all(|item| item.interface.is_some() == named), "{items:?}");
    for (i, item) in items.iter().enumerate().filter(|_| named) {
        assert!(items[..i].iter().all(|other| other.interface != item.interface), "{items:?}");
    }
}

fn subnets_are_apart(items: &[SubnetItem]) {
    assert!(!items.is_empty());
    for (i, item) in items.iter().enumerate() {
        assert!(item.ipv4.is_some() || item.ipv6.is_some(), "{item:?}");
        for other in &items[..i] {
            assert_ne!(other.interface, item.interface);
            assert!(item.ipv4.is_none() || other.ipv4 != item.ipv4, "{items:?}");
            assert!(item.ipv6.is_none() || other.ipv6 != item.ipv6, "{items:?}");
        }
    }
}

fn names(pools: &[PoolRef]) -> Value {
    pools.iter().map(ToString::to_string).collect()
}

fn pool_item(item: &PoolItem) -> Value {
    let mut object = Map::new();
    if let Some(interface) = &item.interface {
        object.insert("interface".into(), interface.to_string().into());
    }
    if let Some(clean) = item.clean_gateway {
        object.insert("cleangateway".into(), clean.into());
    }
    for (key, pools) in [("ipv4", &item.choice.ipv4), ("ipv6", &item.choice.ipv6)] {
        if !pools.is_empty() {
            object.insert(key.into(), names(pools));
        }
    }
    object.into()
}

fn write_pools(pools: &Pools) -> String {
    let (Pools::Named(items) | Pools::Unnamed(items)) = pools;
    items.iter().map(pool_item).collect::<Value>().to_string()
}

fn subnet_item(item: &SubnetItem) -> Value {
    let name = |name: &Option<_>| Value::from_iter(name.iter().map(ToString::to_string));
    json!({ "interface": item.interface.to_string(), "ipv4": name(&item.ipv4), "ipv6": name(&item.ipv6) })
}

fn route(route: &Route) -> Value {
    json!({ "dst": route.destination.to_string(), "gw": route.gateway.to_string() })
}

fn network(network: &NamespacedName) -> String {
    format!("{}/{}", network.namespace, network.name)
}

/// In the short form, unless a name has a character that this form cannot say.
fn write_networks(attachments: &[NetworkAttachment]) -> String {
    let short: Vec<_> = attachments
        .iter()
        .map(|attachment| {
            let interface = attachment.interface.as_ref().map(|interface| format!("@{interface}"));
            network(&attachment.network) + &interface.unwrap_or_default()
        })
        .collect();
    let items = attachments.iter().map(|attachment| {
        let NamespacedName { namespace, name } = &attachment.network;
        let interface = attachment.interface.as_ref().map(ToString::to_string);
        json!({ "name": name.to_string(), "namespace": namespace.to_string(), "interface": interface })
    });
    let unsayable = |it: &NetworkAttachment| network(&it.network).contains('@');
    let parted = short.iter().any(|text| text.contains([',', '[', '{', '"']));
    match parted || attachments.iter().any(unsayable) {
        true => items.collect::<Value>().to_string(),
        false => short.join(", "),
    }
}
