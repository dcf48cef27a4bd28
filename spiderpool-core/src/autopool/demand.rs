//! Which pools an application wants. Pure.

use super::{Replicas, Workload};
use crate::{
    addr::Family,
    api::{Violations, Warning, keys},
    model::{Families, Reclaim},
    name::{InterfaceName, ObjectName},
    validate::annotations::{self, IpNumber},
};

/// How many addresses more than replicas a pool has whose application does not say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Spare(pub u32);

impl Default for Spare {
    /// 1: with none, a rolling update would wait for ever.
    fn default() -> Self {
        Self(1)
    }
}

/// A pool that an application wants.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Demand {
    /// Out of this Subnet.
    pub subnet: ObjectName,
    /// For this interface.
    pub interface: InterfaceName,
    /// Of this family.
    pub family: Family,
    /// What the annotation says, or stands for it.
    pub number: IpNumber,
    /// So many addresses.
    pub count: u128,
    /// Whether it goes with the application.
    pub reclaim: Reclaim,
}

/// All pools that an application wants: by interface as written, IPv4 first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demands {
    /// The pools.
    pub pools: Vec<Demand>,
    /// What is odd about the annotations.
    pub warnings: Vec<Warning>,
}

/// The pools that `workload` wants of the enabled families; none where its pods name no Subnet.
///
/// # Errors
/// Everything that is wrong with the annotations.
pub fn demands(workload: &Workload, spare: Spare, families: Families) -> Result<Demands, Violations> {
    let text = |key: &str| workload.annotations.get(key);
    let mut warnings = Vec::new();
    let mut found = Violations::none();
    let mut keep = |wrong: Violations| found.extend(wrong);
    let items = match (text(keys::SUBNETS), text(keys::SUBNET)) {
        (Some(text), _) => annotations::subnets(text, &mut warnings).map_err(&mut keep).ok(),
        (None, Some(text)) => {
            annotations::subnet(text, &mut warnings).map(|item| vec![item]).map_err(&mut keep).ok()
        }
        (None, None) => return Ok(Demands::default()),
    };
    let number = text(keys::IP_NUMBER).map(|text| annotations::ip_number(text).map_err(&mut keep).ok());
    let reclaim = text(keys::RECLAIM).map(|text| annotations::reclaim(text).map_err(&mut keep).ok());
    found.into_result(())?;
    let number = number.flatten().unwrap_or(IpNumber::Flexible(spare.0));
    let reclaim = reclaim.flatten().unwrap_or_default();
    let count = match number {
        IpNumber::Fixed(count) => {
            let replicas = workload.replicas.count();
            if u64::from(count) < replicas && matches!(workload.replicas, Replicas::Known(_)) {
                let message = format!(
                    "`{count}` is the number of addresses, and there are {replicas} replicas: so many pods get none. Write \
                     `+{count}` for {count} more than there are replicas"
                );
                warnings.push(Warning::new(keys::IP_NUMBER, message));
            }
            u128::from(count)
        }
        IpNumber::Flexible(extra) => u128::from(workload.replicas.count()) + u128::from(extra),
    };
    let mut pools = Vec::new();
    for item in items.unwrap_or_default() {
        for family in families.iter() {
            let Some(subnet) = item.of(family).cloned() else { continue };
            let interface = item.interface.clone();
            pools.push(Demand { subnet, interface, family, number, count, reclaim });
        }
    }
    Ok(Demands { pools, warnings })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;
    use crate::{
        model::Application,
        name::{Namespace, Uid},
    };

    fn workload(replicas: Replicas, annotations: &[(&str, &str)]) -> Workload {
        let application = Application {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: Namespace::new("default").unwrap(),
            name: ObjectName::new("web").unwrap(),
        };
        let annotations: BTreeMap<_, _> =
            annotations.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Workload { application, uid: Uid::new("u").unwrap(), replicas, annotations }
    }

    fn shown(demands: &Demands) -> Vec<String> {
        let show = |demand: &Demand| {
            let Demand { subnet, interface, family, count, .. } = demand;
            format!("{count} {family} of {subnet} for {interface}")
        };
        demands.pools.iter().map(show).collect()
    }

    const S4: (&str, &str) = (keys::SUBNET, r#"{"ipv4":["s4"]}"#);

    #[rstest]
    #[case::fixed(Some("5"), Replicas::Known(2), 5)]
    #[case::flexible(Some("+2"), Replicas::Known(3), 5)]
    #[case::nothing_more(Some("+0"), Replicas::Known(3), 3)]
    #[case::absent(None, Replicas::Known(3), 4)]
    #[case::seen(Some("+2"), Replicas::Seen(3), 5)]
    #[case::scaled_down(Some("+1"), Replicas::Known(0), 1)]
    #[case::none(Some("0"), Replicas::Known(0), 0)]
    fn a_pool_is_sized_by_the_number_and_the_replicas(
        #[case] number: Option<&str>,
        #[case] replicas: Replicas,
        #[case] count: u128,
    ) {
        let mut annotations = vec![S4];
        annotations.extend(number.map(|number| (keys::IP_NUMBER, number)));
        let demands = demands(&workload(replicas, &annotations), Spare::default(), Families::Both).unwrap();
        assert_eq!(shown(&demands), [format!("{count} IPv4 of s4 for eth0")]);
        assert!(demands.warnings.is_empty());
    }

    #[test]
    fn one_pool_for_each_interface_and_family() {
        let text = r#"[{"interface":"eth0","ipv4":["a"],"ipv6":["b"]},{"interface":"net1","ipv4":["c"]}]"#;
        let workload = workload(Replicas::Known(1), &[(keys::SUBNETS, text), S4, (keys::RECLAIM, "false")]);
        let both = demands(&workload, Spare(0), Families::Both).unwrap();
        let expected = ["1 IPv4 of a for eth0", "1 IPv6 of b for eth0", "1 IPv4 of c for net1"];
        assert_eq!(shown(&both), expected);
        assert!(both.pools.iter().all(|demand| demand.reclaim == Reclaim::Keep));
        assert_eq!(shown(&demands(&workload, Spare(0), Families::V6).unwrap()), expected[1..2]);
    }

    #[test]
    fn too_small_a_number_is_told() {
        let annotations = [S4, (keys::IP_NUMBER, "1")];
        let warned = demands(&workload(Replicas::Known(3), &annotations), Spare(0), Families::V4).unwrap();
        assert!(warned.warnings[0].to_string().contains("`+1` for 1 more"), "{}", warned.warnings[0]);
        assert_eq!(shown(&warned), ["1 IPv4 of s4 for eth0"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wrong = [(keys::SUBNET, "{}"), (keys::IP_NUMBER, "few"), (keys::RECLAIM, "perhaps")];
        let found = demands(&workload(Replicas::Known(1), &wrong), Spare(0), Families::V4).unwrap_err();
        assert_eq!(found.iter().count(), 3, "{found}");
        let none = demands(&workload(Replicas::Known(1), &[wrong[1]]), Spare(0), Families::V4).unwrap();
        assert_eq!(none, Demands::default(), "without a Subnet nothing is asked for");
    }
}
