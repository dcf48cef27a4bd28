//! A subnet, parsed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Network, Route, network::read_ranges, network::set_of, pool::read_name};
use crate::{
    addr::{Address, Cidr, Family, IpSet},
    api::{SpiderSubnet, Violations},
    name::ObjectName,
    store::Token,
    time::Timestamp,
};

/// A parsed [`SpiderSubnet`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    /// The name.
    pub name: ObjectName,
    /// The family of all of its addresses.
    pub family: Family,
    /// Its network.
    pub subnet: Cidr,
    /// `ips`.
    pub ips: IpSet,
    /// `excludeIPs`.
    pub excluded: IpSet,
    /// The gateway that pools inherit.
    pub gateway: Option<Address>,
    /// The routes that pools inherit.
    pub routes: Vec<Route>,
    /// VLAN of older manifests.
    pub vlan: Option<u16>,
    /// Which pool took which addresses.
    pub controlled: BTreeMap<ObjectName, Controlled>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// What a pool took from its subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Controlled {
    /// The addresses, those that are only being claimed among them.
    pub ips: IpSet,
    /// For an auto pool, its application as upstream writes it: `apps_v1_Deployment_default_web`.
    pub application: Option<String>,
    /// Creations and edits of the pool that have claimed addresses and were not seen to be done or dead yet.
    pub pending: Vec<Claiming>,
}

/// A creation or an edit of a pool that has claimed addresses (rule 5e).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claiming {
    /// Drawn at random by the editor.
    pub edit: String,
    /// The pool's token that the edit rests on; none for a creation.
    pub base: Option<Token>,
    /// When it was claimed, by the editor's clock.
    pub since: Timestamp,
    /// The addresses.
    pub ips: IpSet,
}

/// The written form of a [`Controlled`], inside `status.controlledIPPools`.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default)]
    ips: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    /// Our own; upstream's readers pass it over, and see its addresses in `ips`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<WrittenClaiming>,
}

/// The written form of a [`Claiming`].
#[derive(Serialize, Deserialize)]
struct WrittenClaiming {
    edit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<Token>,
    since: Timestamp,
    ips: Vec<String>,
}

fn written_ranges(set: &IpSet) -> Vec<String> {
    set.ranges().map(|range| range.to_string()).collect()
}

impl Subnet {
    /// The addresses that pools may take: `ips` without `excludeIPs`.
    #[must_use]
    pub fn allocatable(&self) -> IpSet {
        self.ips.difference(&self.excluded)
    }

    /// The addresses that no pool has taken yet.
    #[must_use]
    pub fn unclaimed(&self) -> IpSet {
        self.controlled.values().fold(self.allocatable(), |free, pool| free.difference(&pool.ips))
    }

    /// [`Subnet::controlled`] as it is written in `status.controlledIPPools`; none when no pool took anything.
    ///
    /// # Errors
    /// None in practice: the map is plain text.
    pub fn write_controlled(&self) -> Result<Option<String>, serde_json::Error> {
        if self.controlled.is_empty() {
            return Ok(None);
        }
        let claiming = |claiming: &Claiming| WrittenClaiming {
            edit: claiming.edit.clone(),
            base: claiming.base.clone(),
            since: claiming.since,
            ips: written_ranges(&claiming.ips),
        };
        let written = |pool: &Controlled| Written {
            ips: written_ranges(&pool.ips),
            application: pool.application.clone(),
            pending: pool.pending.iter().map(claiming).collect(),
        };
        let map: BTreeMap<_, _> = self.controlled.iter().map(|(name, pool)| (name, written(pool))).collect();
        serde_json::to_string(&map).map(Some)
    }
}

impl TryFrom<&SpiderSubnet> for Subnet {
    type Error = Violations;

    /// Parses a subnet; all mistakes are reported at once.
    fn try_from(object: &SpiderSubnet) -> Result<Self, Violations> {
        let mut found = Violations::none();
        let name = read_name(ObjectName::new(&object.metadata.name), "metadata.name", &mut found);
        let network = Network::read((&object.spec).into(), &mut found);
        let controlled = read_controlled(object, network.family, &mut found);
        match name.zip(network.family.zip(network.subnet)) {
            Some((name, (family, subnet))) if found.is_empty() => Ok(Self {
                name,
                family,
                subnet,
                ips: network.ips(family),
                excluded: network.excluded(family),
                gateway: network.gateway,
                routes: network.routes.into_iter().map(|(_, route)| route).collect(),
                vlan: network.vlan,
                controlled,
                terminating: object.metadata.deletion_timestamp.is_some(),
            }),
            _ => Err(found),
        }
    }
}

/// `status.controlledIPPools`, decoded.
pub(crate) fn read_controlled(
    object: &SpiderSubnet,
    family: Option<Family>,
    found: &mut Violations,
) -> BTreeMap<ObjectName, Controlled> {
    const FIELD: &str = "status.controlledIPPools";
    let text = object.status.controlled_ip_pools.as_deref().unwrap_or_default();
    let (false, Some(family)) = (text.is_empty(), family) else { return BTreeMap::new() };
    match serde_json::from_str::<BTreeMap<ObjectName, Written>>(text) {
        Err(error) => {
            found.invalid(FIELD, format!("not a map from pool to {{ips, application}}: {error}"));
            BTreeMap::new()
        }
        Ok(map) => {
            let read = |(name, Written { ips, application, pending })| {
                let field = format!("{FIELD}[{name}].ips");
                let mut set = |ips: &[String]| set_of(family, &read_ranges(ips, &field, Some(family), found));
                let claiming = |WrittenClaiming { edit, base, since, ips }| {
                    let ips = set(&ips);
                    Claiming { edit, base, since, ips }
                };
                let pending: Vec<Claiming> = pending.into_iter().map(claiming).collect();
                let ips = pending.iter().fold(set(&ips), |all, claiming| all.union(&claiming.ips));
                (name, Controlled { ips, application, pending })
            };
            map.into_iter().map(read).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_pools_took_is_read_and_written_as_upstream_does() {
        let written = r#"{"auto4-web":{"ips":["10.6.168.101-10.6.168.103"],"application":"apps_v1_Deployment_default_web"},"manual":{"ips":["10.6.168.110"]}}"#;
        let object: SpiderSubnet = serde_json::from_value(json!({
            "metadata": {"name": "s"},
            "spec": {"subnet": "10.6.0.0/16", "ips": ["10.6.168.101-10.6.168.110"], "excludeIPs": ["10.6.168.109"]},
            "status": {"controlledIPPools": written},
        }))
        .unwrap();
        let subnet = Subnet::try_from(&object).unwrap();
        assert_eq!(subnet.controlled.len(), 2);
        assert_eq!(subnet.unclaimed().to_string(), "10.6.168.104-10.6.168.108");
        assert_eq!(subnet.write_controlled().unwrap().as_deref(), Some(written));
    }

    #[test]
    fn mistakes_are_reported_together() {
        let object: SpiderSubnet = serde_json::from_value(json!({
            "metadata": {"name": "a b"},
            "spec": {"ipVersion": 6, "subnet": "10.6.0.0/16", "ips": ["10.6.0.1"]},
            "status": {"controlledIPPools": "[]"},
        }))
        .unwrap();
        let found = Subnet::try_from(&object).unwrap_err();
        let fields: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["metadata.name", "spec.subnet", "spec.ips[0]", "status.controlledIPPools"]);
    }
}
