//! The kinds that people write and read: upstream's fields, and what upstream lacks.

use serde_json::{Value, json};

use super::{
    Column, Definition, rules,
    schema::{
        ip_version, keyed_list, label_selector, list, long_text, number, object, one_of, optional_truth,
        root, ruled, text, truth,
    },
};

/// The most entries of a list of ranges. A pool with more holes than this is better written as several.
const MOST_RANGES: u32 = 4096;
const MOST_ROUTES: u32 = 256;
const MOST_NAMES: u32 = 4096;
const LARGEST_VLAN: i64 = 4094;

fn ranges(description: &str) -> Value {
    let entry = text("One address, or a range first-last.", rules::LONGEST_RANGE);
    list(description, ruled(entry, rules::range()), MOST_RANGES)
}

fn address(description: &str) -> Value {
    ruled(text(description, rules::LONGEST_ADDRESS), rules::address())
}

fn routes(description: &str) -> Value {
    let destination = text("The destination, a network.", rules::LONGEST_NETWORK);
    let route = object(
        "A route.",
        &["dst", "gw"],
        vec![
            ("dst", ruled(destination, rules::destination())),
            ("gw", address("The gateway, an address of the subnet.")),
        ],
    );
    keyed_list(description, route, MOST_ROUTES, "dst")
}

/// The fields that pools and Subnets share.
fn network_fields() -> Vec<(&'static str, Value)> {
    let version = ip_version("4 or 6. It follows from subnet where it is left out.");
    let subnet = text("The network in CIDR notation, 10.6.0.0/16.", rules::LONGEST_NETWORK);
    vec![
        ("ipVersion", ruled(version, [rules::fixed("it cannot be changed: create another object instead")])),
        ("subnet", ruled(subnet, rules::network())),
        ("ips", ranges("The addresses: single ones, or ranges 10.6.0.10-10.6.0.20. None where empty.")),
        ("excludeIPs", ranges("Addresses taken out of ips again.")),
        ("gateway", address("The gateway, an address of subnet. It is never handed out.")),
        ("vlan", number("The VLAN of older manifests, 0 to 4094.", 0, Some(LARGEST_VLAN))),
    ]
}

fn count(description: &str) -> Value {
    number(description, 0, None)
}

/// metav1.Condition, as far as it is used.
fn conditions() -> Value {
    let condition = object(
        "What people should know.",
        &["type", "status"],
        vec![
            ("type", text("Which: Ready, Exhausted, Narrowing, Overlapping.", 316)),
            ("status", one_of("Whether it holds.", &["True", "False", "Unknown"])),
            ("reason", text("Why, in one word.", 1024)),
            ("message", text("Why, and what to do.", 32_768)),
            (
                "lastTransitionTime",
                json!({ "type": "string", "format": "date-time", "description": "When status last changed." }),
            ),
        ],
    );
    keyed_list("What people should know of it, with reasons.", condition, 32, "type")
}

fn fence() -> Value {
    text("A value that Spiderpool changes to make an edit in flight impossible.", 64)
}

pub(super) fn pool() -> Definition {
    let name = |what: &str, longest| text(what, longest);
    let mut fields = network_fields();
    fields.extend([
        ("routes", routes("Routes for the pod. Those of the Subnet where left out, none where empty.")),
        (
            "podAffinity",
            ruled(
                label_selector("Which pods may use the pool, by their labels. All where left out."),
                rules::selects_something(),
            ),
        ),
        (
            "namespaceAffinity",
            label_selector(
                "Which namespaces may use the pool, by their labels. Without effect beside namespaceName.",
            ),
        ),
        ("namespaceName", list("Which namespaces may use the pool.", name("A namespace.", 253), MOST_NAMES)),
        (
            "nodeAffinity",
            label_selector(
                "On which nodes the pool may be used, by their labels. Without effect beside nodeName.",
            ),
        ),
        ("nodeName", list("On which nodes the pool may be used.", name("A node.", 253), MOST_NAMES)),
        (
            "multusName",
            list(
                "For which network attachments the pool may be used.",
                name("namespace/name, or name in Spiderpool's own namespace.", 317),
                MOST_NAMES,
            ),
        ),
        ("default", truth("Whether the pool serves pods that name no pool.")),
        ("disable", truth("Whether the pool grants nothing any more. Releases still work.")),
    ]);
    let spec = object("What is wanted.", &["subnet"], fields);
    let status = object(
        "What is the case, as Spiderpool last wrote it.",
        &[],
        vec![
            (
                "allocatedIPs",
                long_text(
                    "JSON text: addresses that are held, each with interface, pod and podUid. By default the \
                     first 100 of them.",
                ),
            ),
            ("totalIPCount", count("How many addresses the pool has: ips without excludeIPs.")),
            ("allocatedIPCount", count("How many of them are held.")),
            ("conditions", conditions()),
            ("fence", fence()),
        ],
    );
    let description = "A pool: addresses of one network, and who may use them.";
    let spec = ruled(spec, rules::of_one_network());
    Definition {
        schema: root(description, &["spec"], vec![("spec", spec), ("status", status)]),
        columns: vec![
            Column::number("VERSION", ".spec.ipVersion"),
            Column::text("SUBNET", ".spec.subnet"),
            Column::number("ALLOCATED-IP-COUNT", ".status.allocatedIPCount"),
            Column::number("TOTAL-IP-COUNT", ".status.totalIPCount"),
            Column::truth("DEFAULT", ".spec.default"),
            Column::truth("DISABLE", ".spec.disable"),
            Column::text(
                "APP-NAMESPACE",
                r".spec.podAffinity.matchLabels['ipam\.spidernet\.io/app-namespace']",
            ),
            Column::text("NODENAME", ".spec.nodeName").wide(),
            Column::text("MULTUSNAME", ".spec.multusName").wide(),
        ],
        selectable: &[],
    }
}

pub(super) fn subnet() -> Definition {
    let mut fields = network_fields();
    fields.push(("routes", routes("Routes that pools without routes of their own inherit.")));
    let spec = object("What is wanted.", &["subnet"], fields);
    let status = object(
        "What is the case, as Spiderpool last wrote it.",
        &[],
        vec![
            (
                "controlledIPPools",
                long_text("JSON text: for each pool of the Subnet its addresses and its application."),
            ),
            ("totalIPCount", count("How many addresses the Subnet has: ips without excludeIPs.")),
            ("allocatedIPCount", count("How many of them are given to pools.")),
            ("conditions", conditions()),
        ],
    );
    let description = "A Subnet: the addresses that pools of one network are carved from.";
    let spec = ruled(spec, rules::of_one_network());
    Definition {
        schema: root(description, &["spec"], vec![("spec", spec), ("status", status)]),
        columns: vec![
            Column::number("VERSION", ".spec.ipVersion"),
            Column::text("SUBNET", ".spec.subnet"),
            Column::number("ALLOCATED-IP-COUNT", ".status.allocatedIPCount"),
            Column::number("TOTAL-IP-COUNT", ".status.totalIPCount"),
        ],
        selectable: &[],
    }
}

pub(super) fn reserved_ip() -> Definition {
    let version = ip_version("4 or 6. It follows from the first entry of ips where it is left out.");
    let spec = object(
        "What is reserved.",
        &[],
        vec![
            (
                "ipVersion",
                ruled(version, [rules::fixed("it cannot be changed: create another object instead")]),
            ),
            ("ips", ranges("The addresses: single ones, or ranges 10.6.0.10-10.6.0.20.")),
        ],
    );
    let status = object("Written by Spiderpool.", &[], vec![("fence", fence())]);
    let description = "Addresses that no pool may grant.";
    let spec = ruled(spec, rules::of_one_reservation());
    Definition {
        schema: root(description, &["spec"], vec![("spec", spec), ("status", status)]),
        columns: vec![Column::number("VERSION", ".spec.ipVersion")],
        selectable: &[],
    }
}

/// Written by agents for every pod, so nothing here costs an evaluation.
pub(super) fn endpoint() -> Definition {
    let name = |what: &str| text(what, 253);
    let route =
        object("A route.", &["dst", "gw"], vec![("dst", name("Destination.")), ("gw", name("Gateway."))]);
    let interface = object(
        "The addresses of one interface.",
        &["interface"],
        vec![
            ("interface", name("The interface. Empty until its own ADD.")),
            ("ipv4", name("The IPv4 address with its prefix length.")),
            ("ipv6", name("The IPv6 address with its prefix length.")),
            ("ipv4Pool", name("The pool of ipv4.")),
            ("ipv6Pool", name("The pool of ipv6.")),
            ("vlan", number("The VLAN.", 0, Some(LARGEST_VLAN))),
            ("ipv4Gateway", name("The IPv4 gateway.")),
            ("ipv6Gateway", name("The IPv6 gateway.")),
            ("cleanGateway", optional_truth("Whether the pod gets no default route from the gateways.")),
            ("routes", list("The routes of the pod.", route, 1024)),
            ("mac", name("The MAC address, where one was given.")),
        ],
    );
    let current = object(
        "The present incarnation of the pod.",
        &["uid", "node", "ips"],
        vec![
            ("uid", name("The pod's uid.")),
            ("node", name("The node it runs on.")),
            ("ips", list("One entry per interface.", interface, 1024)),
        ],
    );
    let claim = object(
        "The claim of one address.",
        &["interface", "ipVersion", "address", "state"],
        vec![
            ("interface", name("The interface, or #N for the N-th of them.")),
            ("ipVersion", ip_version("The family.")),
            ("address", name("The address.")),
            ("state", one_of("Whether the address is kept or being given up.", &["holds", "leaving"])),
        ],
    );
    let status = object(
        "What the pod holds.",
        &["ownerControllerType", "ownerControllerName"],
        vec![
            ("current", current),
            ("ownerControllerType", name("Kind of the top controller, Pod where there is none.")),
            ("ownerControllerName", name("Name of the top controller.")),
            ("claims", list("Addresses that a stateful owner keeps, also without a pod.", claim, 1024)),
        ],
    );
    Definition {
        schema: root("What one pod holds. Written by Spiderpool.", &[], vec![("status", status)]),
        columns: vec![
            Column::text("INTERFACE", ".status.current.ips[0].interface"),
            Column::text("IPV4POOL", ".status.current.ips[0].ipv4Pool"),
            Column::text("IPV4", ".status.current.ips[0].ipv4"),
            Column::text("IPV6POOL", ".status.current.ips[0].ipv6Pool"),
            Column::text("IPV6", ".status.current.ips[0].ipv6"),
            Column::text("NODE", ".status.current.node"),
        ],
        selectable: &[".status.current.node"],
    }
}
