//! `ippool`, `ippools` and the defaults of a namespace: names of pools.

use serde_json::Value;

use super::{
    Violations, Warning,
    reader::{Annotation, Reader},
};
use crate::{
    addr::Family,
    api::{ViolationKind, keys},
    model::PoolRef,
    name::InterfaceName,
};

/// Pools to try, per family, in order. A family without any is not asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PoolChoice {
    /// For IPv4.
    pub ipv4: Vec<PoolRef>,
    /// For IPv6.
    pub ipv6: Vec<PoolRef>,
}

impl PoolChoice {
    /// Those of `family`.
    #[must_use]
    pub fn of(&self, family: Family) -> &[PoolRef] {
        match family {
            Family::V4 => &self.ipv4,
            Family::V6 => &self.ipv6,
        }
    }

    /// Whether no pool is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }
}

/// The pools for one interface.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PoolItem {
    /// The interface; none: whichever asks (`ippool`), or by position (`ippools`).
    pub interface: Option<InterfaceName>,
    /// Its pools.
    pub choice: PoolChoice,
    /// Whether the pod gets no default route through this interface; absent: as the CNI configuration says.
    pub clean_gateway: Option<bool>,
}

/// The annotation `ippools`: all of its items name their interface, or none does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pools {
    /// Each item is for the interface it names; no two name the same one.
    Named(Vec<PoolItem>),
    /// Item 0 is for the first interface, item i for the i-th network attachment.
    Unnamed(Vec<PoolItem>),
}

const POOL: Annotation =
    Annotation { key: keys::POOL, example: r#"`{"ipv4":["pool-a","pool-b"],"ipv6":["pool-6"]}`"# };
const POOLS: Annotation = Annotation {
    key: keys::POOLS,
    example: r#"`[{"interface":"eth0","ipv4":["pool-a"]},{"interface":"net1","ipv4":["pool-b"]}]`"#,
};

/// Parses [`keys::POOL`]: one item, written as those of [`keys::POOLS`]. An `interface` in it binds it to that
/// interface.
///
/// # Errors
/// Everything that is wrong with it.
pub fn pool(text: &str, warnings: &mut Vec<Warning>) -> Result<PoolItem, Violations> {
    let mut reader = Reader::new(POOL, warnings);
    let item = reader.json(text).map(|value| read_item(&mut reader, &value, ""));
    reader.found.into_result(item.unwrap_or_default())
}

/// Parses [`keys::POOLS`].
///
/// # Errors
/// Everything that is wrong with it.
pub fn pools(text: &str, warnings: &mut Vec<Warning>) -> Result<Pools, Violations> {
    let mut reader = Reader::new(POOLS, warnings);
    let value = reader.json(text).unwrap_or_default();
    let written = reader.list(&value, "");
    if written.is_empty() && reader.found.is_empty() {
        reader.violation(ViolationKind::Required, "", "the list names no interface");
    }
    let items = written.iter().enumerate();
    let items: Vec<_> = items.map(|(i, value)| read_item(&mut reader, value, &format!("[{i}]"))).collect();
    let named = items.iter().filter(|item| item.interface.is_some()).count();
    if named != 0 && named != items.len() && reader.found.is_empty() {
        reader.invalid("", "some items name their `interface` and some do not: name all of them, or none");
    }
    for (i, item) in items.iter().enumerate() {
        if item.interface.is_some() && items[..i].iter().any(|other| other.interface == item.interface) {
            let problem = "this interface has an item already";
            reader.violation(ViolationKind::Duplicate, &format!("[{i}].interface"), problem);
        }
    }
    reader.found.into_result(if named == 0 { Pools::Unnamed(items) } else { Pools::Named(items) })
}

/// Parses a namespace's [`keys::DEFAULT_IPV4_POOL`] or [`keys::DEFAULT_IPV6_POOL`].
///
/// # Errors
/// Everything that is wrong with it.
pub fn namespace_pools(
    key: &'static str,
    text: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<PoolRef>, Violations> {
    let mut reader = Reader::new(Annotation { key, example: r#"`["pool-a","pool-b"]`"# }, warnings);
    let names = reader.json(text).map(|value| read_names(&mut reader, &value, ""));
    reader.found.into_result(names.unwrap_or_default())
}

fn read_item(reader: &mut Reader<'_>, value: &Value, at: &str) -> PoolItem {
    let Some(object) = reader.object(value, at) else { return PoolItem::default() };
    let [interface, ipv4, ipv6, clean] =
        reader.fields(object, at, ["interface", "ipv4", "ipv6", "cleangateway"]);
    let interface = interface.filter(|value| value.as_str() != Some(""));
    let interface = interface
        .and_then(|value| reader.parsed(value, &format!("{at}.interface"), "the name of an interface"));
    let mut names = |value: Option<&Value>, family: &str| match value {
        Some(value) => read_names(reader, value, &format!("{at}.{family}")),
        None => Vec::new(),
    };
    let choice = PoolChoice { ipv4: names(ipv4, "ipv4"), ipv6: names(ipv6, "ipv6") };
    let clean_gateway = clean.and_then(|value| {
        let clean = value.as_bool();
        if clean.is_none() {
            reader.invalid(&format!("{at}.cleangateway"), "true or false is wanted here, without quotes");
        }
        clean
    });
    if choice.is_empty() && reader.found.is_empty() {
        reader.warn(at, "no pool is named, so no address is asked for");
    }
    PoolItem { interface, choice, clean_gateway }
}

fn read_names(reader: &mut Reader<'_>, value: &Value, at: &str) -> Vec<PoolRef> {
    if value.is_string() {
        reader.invalid(at, "pools are written as a list, a single one too");
        return Vec::new();
    }
    let items = reader.list(value, at).iter().enumerate();
    items.filter_map(|(i, value)| reader.parsed(value, &format!("{at}[{i}]"), "the name of a pool")).collect()
}
