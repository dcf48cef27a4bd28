//! `subnet` and `subnets`: names of Subnets that auto pools are carved from.

use serde_json::Value;

use super::{
    Violations, Warning,
    reader::{Annotation, Reader},
};
use crate::{
    addr::Family,
    api::{ViolationKind, keys},
    name::{InterfaceName, ObjectName},
};

/// The Subnets for one interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetItem {
    /// The interface.
    pub interface: InterfaceName,
    /// The Subnet for IPv4.
    pub ipv4: Option<ObjectName>,
    /// The Subnet for IPv6.
    pub ipv6: Option<ObjectName>,
}

impl SubnetItem {
    /// The Subnet for `family`.
    #[must_use]
    pub fn of(&self, family: Family) -> Option<&ObjectName> {
        match family {
            Family::V4 => self.ipv4.as_ref(),
            Family::V6 => self.ipv6.as_ref(),
        }
    }
}

const SUBNET: Annotation = Annotation {
    key: keys::SUBNET,
    example: r#"`{"interface":"eth0","ipv4":["subnet-a"],"ipv6":["subnet-6"]}`"#,
};
const SUBNETS: Annotation = Annotation {
    key: keys::SUBNETS,
    example: r#"`[{"interface":"eth0","ipv4":["subnet-a"]},{"interface":"net1","ipv4":["subnet-b"]}]`"#,
};

/// The interface of a [`keys::SUBNET`] that names none.
const FIRST_INTERFACE: &str = "eth0";

/// Parses [`keys::SUBNET`]; its interface is `eth0` where it names none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn subnet(text: &str, warnings: &mut Vec<Warning>) -> Result<SubnetItem, Violations> {
    let mut reader = Reader::new(SUBNET, warnings);
    let item = reader.json(text).and_then(|value| read_item(&mut reader, &value, "", Some(FIRST_INTERFACE)));
    // Without an item there is a violation.
    item.ok_or(reader.found)
}

/// Parses [`keys::SUBNETS`].
///
/// # Errors
/// Everything that is wrong with it.
pub fn subnets(text: &str, warnings: &mut Vec<Warning>) -> Result<Vec<SubnetItem>, Violations> {
    let mut reader = Reader::new(SUBNETS, warnings);
    let value = reader.json(text).unwrap_or_default();
    let written = reader.list(&value, "");
    if written.is_empty() && reader.found.is_empty() {
        reader.violation(ViolationKind::Required, "", "the list names no interface");
    }
    let items = written.iter().enumerate();
    let items: Vec<_> = items
        .filter_map(|(i, value)| Some((i, read_item(&mut reader, value, &format!("[{i}]"), None)?)))
        .collect();
    for (n, (i, item)) in items.iter().enumerate() {
        for (_, earlier) in &items[..n] {
            if earlier.interface == item.interface {
                let problem = "this interface has an item already";
                reader.violation(ViolationKind::Duplicate, &format!("[{i}].interface"), problem);
            }
            for (key, family) in [("ipv4", Family::V4), ("ipv6", Family::V6)] {
                if item.of(family).is_some() && item.of(family) == earlier.of(family) {
                    let problem = "another interface uses this Subnet: two interfaces need two";
                    reader.violation(ViolationKind::Duplicate, &format!("[{i}].{key}"), problem);
                }
            }
        }
    }
    reader.found.into_result(items.into_iter().map(|(_, item)| item).collect())
}

/// None only together with a violation.
fn read_item(reader: &mut Reader<'_>, value: &Value, at: &str, default: Option<&str>) -> Option<SubnetItem> {
    let before = reader.found.iter().count();
    let object = reader.object(value, at)?;
    let [interface, ipv4, ipv6] = reader.fields(object, at, ["interface", "ipv4", "ipv6"]);
    let interface = match (interface.filter(|value| value.as_str() != Some("")), default) {
        (Some(value), _) => reader.parsed(value, &format!("{at}.interface"), "the name of an interface"),
        (None, Some(default)) => InterfaceName::new(default).ok(),
        (None, None) => {
            let at = format!("{at}.interface");
            reader.violation(ViolationKind::Required, &at, "the interface is missing");
            None
        }
    };
    let ipv4 = ipv4.and_then(|value| read_name(reader, value, &format!("{at}.ipv4")));
    let ipv6 = ipv6.and_then(|value| read_name(reader, value, &format!("{at}.ipv6")));
    if ipv4.is_none() && ipv6.is_none() && reader.found.iter().count() == before {
        reader.violation(ViolationKind::Required, at, "no Subnet is named");
    }
    let item = SubnetItem { interface: interface?, ipv4, ipv6 };
    (reader.found.iter().count() == before).then_some(item)
}

/// The first of a list of names: further ones were never used, by any version.
fn read_name(reader: &mut Reader<'_>, value: &Value, at: &str) -> Option<ObjectName> {
    let items = reader.list(value, at);
    if items.len() > 1 {
        reader.warn(at, "only the first Subnet of the list is used");
    }
    reader.parsed(items.first()?, &format!("{at}[0]"), "the name of a Subnet")
}
