//! The columns of each kind, those that `kubectl get` shows.

use std::collections::BTreeMap;

use serde_json::Value;
use spiderpool_core::{
    api::{Resource, SpiderEndpoint, SpiderIPPool, SpiderReservedIP, SpiderSubnet, keys, manifest::Object},
    time::Timestamp,
};

use crate::{
    args::Format,
    output::{Table, age},
};

/// What a table needs besides the objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// [`Format::Table`] or [`Format::Wide`].
    pub(crate) format: Format,
    /// Whether objects of several namespaces are among them.
    pub(crate) namespaces: bool,
    /// Now.
    pub(crate) now: Timestamp,
    /// Endpoints by `namespace/name`, for the addresses of pods.
    pub(crate) endpoints: &'a BTreeMap<String, SpiderEndpoint>,
}

/// A table of `objects`, all of one kind.
pub(crate) fn table(objects: &[Object], rows: Rows<'_>) -> Table {
    let wide = rows.format == Format::Wide;
    let mut header: Vec<&str> = match objects.first() {
        Some(Object::Pool(_)) => pool_header(wide),
        Some(Object::Subnet(_)) => vec!["NAME", "VERSION", "SUBNET", "ALLOCATED-IP-COUNT", "TOTAL-IP-COUNT"],
        Some(Object::Endpoint(_)) => {
            vec!["NAME", "INTERFACE", "IPV4POOL", "IPV4", "IPV6POOL", "IPV6", "NODE"]
        }
        Some(Object::Reservation(_)) if wide => vec!["NAME", "VERSION", "IPS"],
        Some(Object::Reservation(_)) => vec!["NAME", "VERSION"],
        Some(Object::Resource(resource)) if resource.kind == "Pod" => pod_header(wide),
        _ => vec!["NAME", "AGE"],
    };
    if rows.namespaces && objects.first().is_some_and(Object::is_namespaced) {
        header.insert(0, "NAMESPACE");
    }
    let mut table = Table::new(header);
    for object in objects {
        let mut cells = match object {
            Object::Pool(pool) => pool_row(pool, wide),
            Object::Subnet(subnet) => subnet_row(subnet),
            Object::Endpoint(endpoint) => endpoint_row(endpoint),
            Object::Reservation(reservation) => reservation_row(reservation, wide),
            Object::Resource(resource) if resource.kind == "Pod" => pod_row(resource, rows, wide),
            Object::Resource(resource) => {
                vec![resource.metadata.name.clone(), since(&resource.metadata.creation_timestamp, rows.now)]
            }
        };
        if rows.namespaces && object.is_namespaced() {
            cells.insert(0, object.metadata().namespace.clone().unwrap_or_default());
        }
        table.row(cells);
    }
    table
}

fn text(value: &Option<impl ToString>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn count(value: Option<i64>) -> String {
    value.unwrap_or(0).to_string()
}

/// 4 or 6: as written, else by the CIDR or address that tells it.
fn version(written: Option<i64>, told_by: &str) -> String {
    match written {
        Some(version) => version.to_string(),
        None if told_by.is_empty() => String::new(),
        None => if told_by.contains(':') { "6" } else { "4" }.into(),
    }
}

fn pool_header(wide: bool) -> Vec<&'static str> {
    let mut header = vec![
        "NAME",
        "VERSION",
        "SUBNET",
        "ALLOCATED-IP-COUNT",
        "TOTAL-IP-COUNT",
        "DEFAULT",
        "DISABLE",
        "APP-NAMESPACE",
    ];
    if wide {
        header.splice(7..7, ["NODENAME", "MULTUSNAME"]);
    }
    header
}

fn pool_row(pool: &SpiderIPPool, wide: bool) -> Vec<String> {
    let spec = &pool.spec;
    let app = spec.pod_affinity.as_ref().and_then(|affinity| affinity.match_labels.get(keys::APP_NAMESPACE));
    let mut row = vec![
        pool.metadata.name.clone(),
        version(spec.ip_version, &spec.subnet),
        spec.subnet.clone(),
        count(pool.status.allocated_ip_count),
        count(pool.status.total_ip_count),
        spec.default.unwrap_or(false).to_string(),
        spec.disable.unwrap_or(false).to_string(),
        text(&app),
    ];
    if wide {
        row.splice(7..7, [spec.node_name.join(","), spec.multus_name.join(",")]);
    }
    row
}

fn subnet_row(subnet: &SpiderSubnet) -> Vec<String> {
    vec![
        subnet.metadata.name.clone(),
        version(subnet.spec.ip_version, &subnet.spec.subnet),
        subnet.spec.subnet.clone(),
        count(subnet.status.allocated_ip_count),
        count(subnet.status.total_ip_count),
    ]
}

/// The first interface, as upstream's columns have it.
fn endpoint_row(endpoint: &SpiderEndpoint) -> Vec<String> {
    let current = &endpoint.status.current;
    let first = current.ips.first().cloned().unwrap_or_default();
    vec![
        endpoint.metadata.name.clone(),
        first.interface,
        text(&first.ipv4_pool),
        text(&first.ipv4),
        text(&first.ipv6_pool),
        text(&first.ipv6),
        current.node.clone(),
    ]
}

fn reservation_row(reservation: &SpiderReservedIP, wide: bool) -> Vec<String> {
    let ips = &reservation.spec.ips;
    let first = ips.first().map_or("", String::as_str);
    let mut row = vec![reservation.metadata.name.clone(), version(reservation.spec.ip_version, first)];
    if wide {
        row.push(ips.join(","));
    }
    row
}

fn pod_header(wide: bool) -> Vec<&'static str> {
    let mut header = vec!["NAME", "STATUS", "AGE"];
    if wide {
        header.extend(["IP", "NODE"]);
    }
    header
}

fn pod_row(pod: &Resource, rows: Rows<'_>, wide: bool) -> Vec<String> {
    let at = |path: [&str; 2]| pod.rest.get(path[0]).and_then(|value| value.get(path[1]));
    let status = match at(["status", "reason"]).or(at(["status", "phase"])) {
        _ if pod.metadata.deletion_timestamp.is_some() => "Terminating",
        Some(Value::String(phase)) => phase,
        _ => "Unknown",
    };
    let mut row =
        vec![pod.metadata.name.clone(), status.to_owned(), since(&pod.metadata.creation_timestamp, rows.now)];
    if wide {
        let node = at(["spec", "nodeName"]).and_then(Value::as_str);
        row.extend([
            or_none(addresses(pod, rows.endpoints).join(",")),
            or_none(node.unwrap_or_default().into()),
        ]);
    }
    row
}

fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".into() } else { text }
}

/// A pod's addresses: those that its status names, else those that its endpoint shows.
fn addresses(pod: &Resource, endpoints: &BTreeMap<String, SpiderEndpoint>) -> Vec<String> {
    let listed = pod.rest.get("status").and_then(|status| status.get("podIPs")).and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(|ip| ip.get("ip")?.as_str().map(str::to_owned));
    let listed: Vec<String> = listed.collect();
    if !listed.is_empty() {
        return listed;
    }
    let name = format!("{}/{}", pod.metadata.namespace.as_deref().unwrap_or("default"), pod.metadata.name);
    let endpoint = endpoints
        .get(&name)
        .filter(|endpoint| Some(&endpoint.status.current.uid) == pod.metadata.uid.as_ref());
    let ips = endpoint.into_iter().flat_map(|endpoint| &endpoint.status.current.ips);
    let bare = |address: &String| address.split('/').next().unwrap_or_default().to_owned();
    ips.flat_map(|ip| [ip.ipv4.as_ref(), ip.ipv6.as_ref()]).flatten().map(bare).collect()
}

fn since(created: &Option<String>, now: Timestamp) -> String {
    let created = created.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match created {
        Some(at) => age(now.since(Timestamp::from_millis(at.as_millisecond()))),
        None => "<unknown>".into(),
    }
}
