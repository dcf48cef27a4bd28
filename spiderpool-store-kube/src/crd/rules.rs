//! Validation rules in CEL. Each message says what to write instead.
//!
//! A rule that looks at several fields lets malformed ones pass: their own rules report them, and a rule that cannot
//! be evaluated would only say so. Lists are short enough for the API server's limits on the cost of rules; ends of a
//! range are taken by index, because it reckons with the longest list that a split could give.

use serde_json::{Value, json};

/// The longest text of an address or a range: two IPv6 addresses that end in dotted decimals.
pub(super) const LONGEST_RANGE: u32 = 91;
/// The longest text of an address.
pub(super) const LONGEST_ADDRESS: u32 = 45;
/// The longest text of a network.
pub(super) const LONGEST_NETWORK: u32 = 49;

fn invalid(rule: &str, message: &str) -> Value {
    json!({ "rule": rule, "message": message })
}

fn about(field: &str, rule: &str, message: &str) -> Value {
    json!({ "rule": rule, "message": message, "fieldPath": field })
}

/// The text cannot become another one.
pub(super) fn fixed(message: &str) -> Value {
    json!({ "rule": "self == oldSelf", "message": message, "reason": "FieldValueForbidden" })
}

pub(super) fn address() -> [Value; 1] {
    [invalid(
        "isIP(self)",
        "write one address, such as 10.0.0.1 or fd00::1: no leading zeros, no zone, no prefix length",
    )]
}

/// An entry of a list of ranges.
pub(super) fn range() -> [Value; 3] {
    [
        invalid(
            "!self.contains('/')",
            "a range is not written in CIDR notation: write first-last, such as 10.0.0.0-10.0.0.255",
        ),
        invalid(
            "self.contains('/') || (isIP(self.split('-')[0]) && (self.split('-').size() == 1 || \
             (self.split('-').size() == 2 && isIP(self.split('-')[1]))))",
            "write one address, such as 10.0.0.1, or first-last, such as 10.0.0.1-10.0.0.9, without blanks",
        ),
        invalid(
            "self.split('-').size() != 2 || !isIP(self.split('-')[0]) || !isIP(self.split('-')[1]) || \
             ip(self.split('-')[0]).family() == ip(self.split('-')[1]).family()",
            "both ends of a range must be of one family, IPv4 or IPv6",
        ),
    ]
}

/// A destination of a route.
pub(super) fn destination() -> [Value; 2] {
    [
        invalid("isCIDR(self)", "write a network, such as 10.1.0.0/16"),
        invalid(
            "!isCIDR(self) || cidr(self).prefixLength() > 0",
            "the default route comes from gateway: leave it out here",
        ),
    ]
}

/// `subnet` of a kind.
pub(super) fn network() -> [Value; 3] {
    [
        invalid("isCIDR(self)", "write a network in CIDR notation, such as 10.6.0.0/16 or fd00::/64"),
        // The form itself cannot be part of the message: the API server takes it for text of any length.
        invalid(
            "!isCIDR(self) || string(cidr(self).masked()) == self",
            "write the network in its canonical form: no bits behind the prefix (10.6.0.0/16, not 10.6.1.5/16), IPv6 \
             short and in lower case (fd00::/64)",
        ),
        fixed("a network cannot be changed: create another object for the other network"),
    ]
}

/// What the fields of a pool or a Subnet must be to each other.
pub(super) fn of_one_network() -> Vec<Value> {
    let mut rules = vec![
        about(
            ".ipVersion",
            "!has(self.ipVersion) || !isCIDR(self.subnet) || cidr(self.subnet).ip().family() == self.ipVersion",
            "it is not the family of subnet: leave it out, and it follows from subnet",
        ),
        about(
            ".gateway",
            "!has(self.gateway) || !isIP(self.gateway) || !isCIDR(self.subnet) || \
             cidr(self.subnet).containsIP(self.gateway)",
            "it is not inside subnet",
        ),
        about(
            ".routes",
            "!has(self.routes) || !isCIDR(self.subnet) || self.routes.all(r, !isCIDR(r.dst) || \
             cidr(r.dst).ip().family() == cidr(self.subnet).ip().family())",
            "a destination is of another family than subnet",
        ),
        about(
            ".routes",
            "!has(self.routes) || !isCIDR(self.subnet) || self.routes.all(r, !isIP(r.gw) || \
             cidr(self.subnet).containsIP(r.gw))",
            "a route's gw is not inside subnet",
        ),
    ];
    rules.extend(["ips", "excludeIPs"].map(|field| {
        let rule = format!(
            "!has(self.{field}) || !isCIDR(self.subnet) || self.{field}.all(r, \
             (!isIP(r.split('-')[0]) || cidr(self.subnet).containsIP(r.split('-')[0])) && \
             (r.split('-').size() != 2 || !isIP(r.split('-')[1]) || cidr(self.subnet).containsIP(r.split('-')[1])))"
        );
        json!({
            "rule": rule,
            "fieldPath": format!(".{field}"),
            "message": "an entry is not inside subnet: both ends of a range must be addresses of it",
        })
    }));
    rules
}

/// What the fields of a reservation must be to each other.
pub(super) fn of_one_reservation() -> Vec<Value> {
    vec![
        about(
            ".ips",
            "has(self.ipVersion) || (has(self.ips) && self.ips.size() > 0)",
            "say which addresses are reserved, or at least set ipVersion",
        ),
        about(
            ".ips",
            "!has(self.ips) || self.ips.size() == 0 || !isIP(self.ips[0].split('-')[0]) || \
             self.ips.all(r, !isIP(r.split('-')[0]) || ip(r.split('-')[0]).family() == \
             (has(self.ipVersion) ? self.ipVersion : ip(self.ips[0].split('-')[0]).family()))",
            "an entry is of another family than ipVersion, or than the first entry: write IPv4 and IPv6 into \
             separate objects",
        ),
    ]
}

/// A selector must select something.
pub(super) fn selects_something() -> [Value; 1] {
    [invalid(
        "(has(self.matchLabels) && self.matchLabels.size() > 0) || \
         (has(self.matchExpressions) && self.matchExpressions.size() > 0)",
        "it selects nothing: name labels, or leave it out to serve every pod",
    )]
}
