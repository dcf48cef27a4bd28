//! `describe`.

use std::fmt::Write as _;

use serde_json::Value;
use spiderpool_core::{
    api::{ObjectMeta, Resource, SpiderEndpoint, SpiderIPPool, SpiderSubnet, manifest::Object},
    inspect::{Inspect, RecordFilter},
    name::{Namespace, NamespacedName, ObjectName, Uid},
    store::Selector,
};

use super::ip::inspect_failure;
use crate::{
    answer::Answer,
    args::{DescribeArgs, Format},
    failure::Failure,
    kinds::KindName,
    output::Table,
    session::{Session, store_failure},
};

/// How many ranges or holders are listed before the rest is only counted.
const SHOWN: usize = 20;

/// Tells all about one object.
pub(super) async fn describe(
    session: &Session,
    args: &DescribeArgs,
    format: Format,
) -> Result<Answer, Failure> {
    let kind = KindName::read(&args.kind);
    let listing = session.store().list(&Selector::Kind(kind.stored())).await.map_err(store_failure)?;
    kind.check(&args.kind, listing.items.iter().map(|item| &item.key))?;
    let existing = listing.items.iter().map(|item| &item.key);
    let key = kind.key(&args.namespace.namespace, &args.name, existing)?;
    let inspect = session.inspect().await?;
    let object = inspect.object(&key, SHOWN).await.map_err(store_failure)?;
    let object = object.ok_or_else(|| {
        Failure::not_found(format!("{key} does not exist"))
            .remedy(format!("spiderpoolctl get {} -A lists those that do", args.kind))
    })?;
    if matches!(format, Format::Json | Format::Yaml) {
        return Answer::data(&object, format);
    }
    let mut sheet = Sheet::default();
    metadata(&mut sheet, &object);
    match &object {
        Object::Pool(pool) => describe_pool(&mut sheet, &inspect, pool).await?,
        Object::Subnet(subnet) => describe_subnet(&mut sheet, &inspect, subnet).await?,
        Object::Reservation(reservation) => sheet.list("IPs", &reservation.spec.ips),
        Object::Endpoint(endpoint) => describe_endpoint(&mut sheet, endpoint),
        Object::Resource(pod) if pod.kind == "Pod" => describe_pod(&mut sheet, &inspect, pod).await?,
        Object::Resource(resource) => sheet.yaml(resource)?,
    }
    Ok(Answer::text(sheet.0.trim_end()))
}

/// Lines of `Label:  value`, nested by indentation.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    fn line(&mut self, label: &str, value: impl std::fmt::Display) {
        let value = value.to_string();
        if !value.is_empty() {
            let _ = writeln!(self.0, "{:<20}{value}", format!("{label}:"));
        }
    }

    /// One value a line, the first next to the label.
    fn list<T: std::fmt::Display>(&mut self, label: &str, values: &[T]) {
        for (i, value) in values.iter().enumerate() {
            let label = if i == 0 { format!("{label}:") } else { String::new() };
            let _ = writeln!(self.0, "{label:<20}{value}");
        }
    }

    fn table(&mut self, label: &str, table: &Table) {
        let _ = writeln!(self.0, "{label}:");
        for line in table.to_string().lines() {
            let _ = writeln!(self.0, "  {line}");
        }
    }

    fn yaml(&mut self, resource: &Resource) -> Result<(), Failure> {
        if !resource.rest.is_empty() {
            self.0.push_str(&Answer::data(&resource.rest, Format::Yaml)?.text);
        }
        Ok(())
    }
}

fn metadata(sheet: &mut Sheet, object: &Object) {
    let ObjectMeta { name, namespace, uid, labels, annotations, owner_references, .. } = object.metadata();
    sheet.line("Name", name);
    sheet.line("Namespace", namespace.as_deref().unwrap_or_default());
    sheet.line("Kind", object.kind());
    sheet.line("UID", uid.as_deref().unwrap_or_default());
    sheet.line("Created", object.metadata().creation_timestamp.as_deref().unwrap_or_default());
    sheet.line("Deleting since", object.metadata().deletion_timestamp.as_deref().unwrap_or_default());
    let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
        pairs.iter().map(|(key, value)| format!("{key}={}", value.replace('\n', " "))).collect::<Vec<_>>()
    };
    sheet.list("Labels", &pairs(labels));
    sheet.list("Annotations", &pairs(annotations));
    let owners: Vec<_> =
        owner_references.iter().map(|owner| format!("{} {}", owner.kind, owner.name)).collect();
    sheet.list("Owners", &owners);
}

async fn describe_pool(sheet: &mut Sheet, inspect: &Inspect, pool: &SpiderIPPool) -> Result<(), Failure> {
    let spec = &pool.spec;
    sheet.line("Subnet", &spec.subnet);
    sheet.list("IPs", &spec.ips);
    sheet.list("Excluded", &spec.exclude_ips);
    sheet.line("Gateway", spec.gateway.as_deref().unwrap_or_default());
    let routes = spec.routes.iter().flatten().map(|route| format!("{} via {}", route.dst, route.gw));
    sheet.list("Routes", &routes.collect::<Vec<_>>());
    sheet.line("Default", spec.default.unwrap_or(false));
    sheet.line("Disabled", spec.disable.unwrap_or(false));
    sheet.list("Nodes", &spec.node_name);
    sheet.list("Namespaces", &spec.namespace_name);
    sheet.list("Attachments", &spec.multus_name);
    for (label, affinity) in [
        ("Pod affinity", &spec.pod_affinity),
        ("Namespace affinity", &spec.namespace_affinity),
        ("Node affinity", &spec.node_affinity),
    ] {
        if let Some(affinity) = affinity {
            sheet.line(label, serde_json::to_string(affinity).unwrap_or_default());
        }
    }
    let counts = inspect.pool_counts(pool).await.map_err(inspect_failure)?;
    let mut table =
        Table::new(["TOTAL", "HELD", "BOUND", "ELSEWHERE", "WITHHELD", "RESERVED", "COOLING", "FREE"]);
    table.row(
        [
            counts.total,
            counts.held,
            counts.bound,
            counts.elsewhere,
            counts.withheld,
            counts.reserved,
            counts.cooling,
            counts.free,
        ]
        .map(|count| count.to_string()),
    );
    sheet.table("Addresses", &table);
    let free = inspect.free_ranges(pool).await.map_err(inspect_failure)?;
    let mut ranges: Vec<String> = free.ranges().take(SHOWN).map(|range| range.to_string()).collect();
    let more = free.ranges().skip(SHOWN).count();
    if more > 0 {
        ranges.push(format!("and {more} more ranges: spiderpoolctl ip free {}", pool.metadata.name));
    }
    sheet.list("Free", &ranges);
    let uid = pool.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok());
    holders(sheet, inspect, RecordFilter { pool: uid, ..RecordFilter::default() }).await
}

async fn describe_subnet(sheet: &mut Sheet, inspect: &Inspect, subnet: &SpiderSubnet) -> Result<(), Failure> {
    sheet.line("Subnet", &subnet.spec.subnet);
    sheet.list("IPs", &subnet.spec.ips);
    sheet.list("Excluded", &subnet.spec.exclude_ips);
    sheet.line("Gateway", subnet.spec.gateway.as_deref().unwrap_or_default());
    let counts = inspect.subnet_counts(subnet).await.map_err(inspect_failure)?;
    let mut table = Table::new(["TOTAL", "CLAIMED", "UNCLAIMED", "HELD", "RESERVED"]);
    table.row(
        [counts.total, counts.claimed, counts.unclaimed, counts.held, counts.reserved]
            .map(|count| count.to_string()),
    );
    sheet.table("Addresses", &table);
    let pools = subnet.status.controlled_ip_pools.as_deref().unwrap_or_default();
    if let Ok(Value::Object(pools)) = serde_json::from_str(pools) {
        let mut table = Table::new(["POOL", "IPS", "APPLICATION"]);
        for (name, entry) in pools {
            let ips =
                entry.get("ips").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let ips = ips.collect::<Vec<_>>().join(",");
            let application = entry.get("application").and_then(Value::as_str).unwrap_or_default();
            table.row([name, ips, application.to_owned()]);
        }
        sheet.table("Pools", &table);
    }
    Ok(())
}

fn describe_endpoint(sheet: &mut Sheet, endpoint: &SpiderEndpoint) {
    let status = &endpoint.status;
    sheet.line("Pod UID", &status.current.uid);
    sheet.line("Node", &status.current.node);
    sheet.line(
        "Controller",
        format!("{} {}", status.owner_controller_type, status.owner_controller_name).trim(),
    );
    let mut table = Table::new(["INTERFACE", "ADDRESS", "POOL", "GATEWAY"]);
    for ip in &status.current.ips {
        let families =
            [(&ip.ipv4, &ip.ipv4_pool, &ip.ipv4_gateway), (&ip.ipv6, &ip.ipv6_pool, &ip.ipv6_gateway)];
        for (address, pool, gateway) in families {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            if address.is_some() {
                table.row([ip.interface.clone(), text(address), text(pool), text(gateway)]);
            }
        }
    }
    sheet.table("Addresses", &table);
    let claims = status
        .claims
        .iter()
        .map(|claim| format!("{} on {} ({:?})", claim.address, claim.interface, claim.state).to_lowercase());
    sheet.list("Claims", &claims.collect::<Vec<_>>());
}

async fn describe_pod(sheet: &mut Sheet, inspect: &Inspect, pod: &Resource) -> Result<(), Failure> {
    let text = |path: [&str; 2]| {
        pod.rest.get(path[0]).and_then(|value| value.get(path[1])).and_then(Value::as_str).unwrap_or_default()
    };
    sheet.line("Node", text(["spec", "nodeName"]));
    sheet.line("Status", text(["status", "phase"]));
    sheet.line("Message", text(["status", "message"]));
    let name = (
        Namespace::new(pod.metadata.namespace.as_deref().unwrap_or("default")),
        ObjectName::new(&pod.metadata.name),
    );
    let (Ok(namespace), Ok(name)) = name else { return Ok(()) };
    let filter = RecordFilter { pod: Some(NamespacedName { namespace, name }), ..RecordFilter::default() };
    holders(sheet, inspect, filter).await
}

/// The records that `filter` lets through.
async fn holders(sheet: &mut Sheet, inspect: &Inspect, filter: RecordFilter) -> Result<(), Failure> {
    let records = inspect.records(&filter).await.map_err(store_failure)?;
    if records.is_empty() {
        sheet.line("Held", "nothing");
        return Ok(());
    }
    let mut table = Table::new(["ADDRESS", "OWNER", "INTERFACE", "ATTACHED-TO", "NODE", "SINCE"]);
    for (address, record) in records.iter().take(SHOWN) {
        let owner =
            record.owner.pod.as_ref().map_or_else(|| record.owner.uid.to_string(), ToString::to_string);
        let interface =
            record.interface.as_ref().map_or_else(|| record.slot.to_string(), ToString::to_string);
        table.row([
            address.to_string(),
            owner,
            interface,
            record.attachment.to_string(),
            record.node.to_string(),
            record.since.to_string(),
        ]);
    }
    sheet.table("Held", &table);
    if records.len() > SHOWN {
        let _ = writeln!(sheet.0, "  and {} more", records.len() - SHOWN);
    }
    Ok(())
}
