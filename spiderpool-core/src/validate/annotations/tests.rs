use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{addr::Family, model::PoolRef, model::Reclaim};

fn namespace() -> Namespace {
    Namespace::new("default").unwrap()
}

fn names(choice: &PoolChoice, family: Family) -> Vec<String> {
    choice.of(family).iter().map(PoolRef::to_string).collect()
}

#[test]
fn pool_keeps_the_written_order_and_tells_patterns_from_names() {
    let mut warnings = Vec::new();
    let item = pool(r#"{"ipv4":["p2","p1","backup*"],"IPv6":null}"#, &mut warnings).unwrap();
    assert_eq!(names(&item.choice, Family::V4), ["p2", "p1", "backup*"]);
    assert!(matches!(item.choice.ipv4[2], PoolRef::Pattern(_)));
    assert_eq!((item.interface, item.clean_gateway), (None, None));
    assert_eq!(warnings, []);
}

/// Written in third-party-workloads-multus; upstream ignores the interface.
#[test]
fn pool_with_an_interface_is_bound_to_it() {
    let item = pool("{\n  \"interface\":\"net1\", \"ipv4\":[\"ippool01\"]\n}", &mut Vec::new()).unwrap();
    assert_eq!(item.interface.unwrap().as_str(), "net1");
}

#[test]
fn pools_are_named_or_unnamed() {
    let named =
        r#"[{"interface":"eth0","ipv4":["a"],"cleanGateway":true},{"interface":"net1","ipv6":["b"]}]"#;
    let Pools::Named(items) = pools(named, &mut Vec::new()).unwrap() else { panic!("named") };
    assert_eq!((items.len(), items[0].clean_gateway, items[1].clean_gateway), (2, Some(true), None));
    let unnamed = r#"[{"ipv4":["a"]},{"interface":"","ipv4":["b"]}]"#;
    assert!(matches!(pools(unnamed, &mut Vec::new()), Ok(Pools::Unnamed(items)) if items.len() == 2));
}

#[test]
fn subnet_is_for_eth0_unless_it_says_otherwise() {
    let item =
        subnet(r#"{"ipv4": ["subnet-demo-v4"], "ipv6": ["subnet-demo-v6"]}"#, &mut Vec::new()).unwrap();
    assert_eq!(item.interface.as_str(), "eth0");
    assert_eq!(item.of(Family::V6).unwrap().as_str(), "subnet-demo-v6");
    let mut warnings = Vec::new();
    let item = subnet(r#"{"interface":"net1","ipv4":["subnet124","unused"]}"#, &mut warnings).unwrap();
    assert_eq!((item.interface.as_str(), item.of(Family::V6)), ("net1", None));
    assert_eq!(warnings.len(), 1);
}

#[rstest]
#[case("5", Some(IpNumber::Fixed(5)))]
#[case("0", Some(IpNumber::Fixed(0)))]
#[case("+2", Some(IpNumber::Flexible(2)))]
#[case("+0", Some(IpNumber::Flexible(0)))]
#[case("++2", None)]
#[case("-1", None)]
#[case("", None)]
#[case("+", None)]
#[case("4294967296", None)]
#[case("5 ", None)]
fn ip_number_is_fixed_or_flexible(#[case] text: &str, #[case] expected: Option<IpNumber>) {
    assert_eq!(ip_number(text).ok(), expected);
    if let Some(number) = expected {
        assert_eq!(number.to_string(), text);
    }
}

#[rstest]
#[case("true", Some(Reclaim::WithApplication))]
#[case("F", Some(Reclaim::Keep))]
#[case("yes", None)]
fn reclaim_is_a_bool_of_go(#[case] text: &str, #[case] expected: Option<Reclaim>) {
    assert_eq!(reclaim(text).ok(), expected);
}

#[rstest]
#[case("kube-system/vlan6", &[("kube-system/vlan6", "")])]
#[case("vlan6", &[("default/vlan6", "")])]
#[case(" kube-system/a@net5 , b@x,", &[("kube-system/a", "net5"), ("default/b", "x")])]
#[case(r#"[{"name":"a","namespace":"kube-system","interface":"net5","ips":["10.0.0.1/24"]},{"name":"b"}]"#,
    &[("kube-system/a", "net5"), ("default/b", "")])]
#[case("", &[])]
fn networks_in_both_forms(#[case] text: &str, #[case] expected: &[(&str, &str)]) {
    let found = networks(text, &namespace()).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|item| (item.network.to_string(), item.interface.as_ref().map_or("", |name| name.as_str())))
        .collect();
    let expected: Vec<_> =
        expected.iter().map(|(name, interface)| ((*name).to_owned(), *interface)).collect();
    assert_eq!(found, expected);
}

#[rstest]
#[case("kube-system/calico", Some("kube-system/calico"))]
#[case("calico", Some("default/calico"))]
#[case(r#"[{"name":"calico"}]"#, Some("default/calico"))]
#[case("a,b", None)]
#[case("", None)]
#[case("[]", None)]
fn default_network_is_one(#[case] text: &str, #[case] expected: Option<&str>) {
    assert_eq!(default_network(text, &namespace()).ok().map(|name| name.to_string()).as_deref(), expected);
}

/// What people are told about every mistake we could think of.
#[test]
fn messages() {
    let annotations = [
        ("ipam.spidernet.io/ippool", ""),
        ("ipam.spidernet.io/ippool", "pool-a"),
        ("ipam.spidernet.io/ippool", "[]"),
        ("ipam.spidernet.io/ippool", r#"{"ipv4":"pool-a"}"#),
        ("ipam.spidernet.io/ippool", r#"{"ipv4":["a b", 7, "x[", ""], "ipv4pools": ["a"]}"#),
        ("ipam.spidernet.io/ippool", r#"{}"#),
        ("ipam.spidernet.io/ippools", "{}"),
        ("ipam.spidernet.io/ippools", "[]"),
        ("ipam.spidernet.io/ippools", r#"[{"interface":"eth0","ipv4":["a"]},{"ipv4":["b"]}]"#),
        (
            "ipam.spidernet.io/ippools",
            r#"[{"interface":"eth0","ipv4":["a"]},{"interface":"eth0","ipv4":["b"]}]"#,
        ),
        ("ipam.spidernet.io/ippools", r#"[{"ipv4":["a"],"cleangateway":"true"}, null]"#),
        ("ipam.spidernet.io/subnet", r#"{"ipv4":[]}"#),
        ("ipam.spidernet.io/subnets", r#"[{"ipv4":["s"]}]"#),
        ("ipam.spidernet.io/subnets", r#"[{"interface":"a","ipv4":["s"]},{"interface":"a","ipv4":["s"]}]"#),
        ("ipam.spidernet.io/ippool-ip-number", "+-3"),
        ("ipam.spidernet.io/ippool-reclaim", "maybe"),
        (
            "ipam.spidernet.io/routes",
            r#"[{"dst":"10.0.0.0/16"},{"dst":"x","gw":"y"},{"dst":"::/0","gw":"10.0.0.1"}]"#,
        ),
        ("v1.multus-cni.io/default-network", "a/b/c"),
        ("k8s.v1.cni.cncf.io/networks", "a b, c"),
        ("k8s.v1.cni.cncf.io/networks", r#"[{"namespace":"x"}]"#),
    ];
    let mut told = String::new();
    for (key, text) in annotations {
        let (violations, warnings) = check_pod(&BTreeMap::from([(key.into(), text.into())]), &namespace());
        let lines = violations
            .iter()
            .map(ToString::to_string)
            .chain(warnings.iter().map(|w| format!("warning: {w}")));
        told += &format!("{key}: {text}\n{}", lines.map(|line| format!("    {line}\n")).collect::<String>());
    }
    insta::assert_snapshot!(told);
}

#[test]
fn namespace_defaults_are_a_list_of_names() {
    let text = r#"["a","b*"]"#;
    let names = namespace_pools(crate::api::keys::DEFAULT_IPV4_POOL, text, &mut Vec::new()).unwrap();
    assert_eq!(names.len(), 2);
    let wrong = BTreeMap::from([(crate::api::keys::DEFAULT_IPV6_POOL.to_owned(), "a".to_owned())]);
    assert_eq!(check_namespace(&wrong).0.iter().count(), 1);
}

const KEYS: [&str; 9] = [
    "ipam.spidernet.io/subnets",
    "ipam.spidernet.io/subnet",
    "ipam.spidernet.io/ippools",
    "ipam.spidernet.io/ippool",
    "ipam.spidernet.io/routes",
    "ipam.spidernet.io/ippool-ip-number",
    "ipam.spidernet.io/ippool-reclaim",
    "v1.multus-cni.io/default-network",
    "k8s.v1.cni.cncf.io/networks",
];

fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{1,3}",
        r#""[a-z0-9.*/:\[-]{0,12}""#,
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key =
            prop::sample::select(vec!["interface", "ipv4", "ipv6", "cleangateway", "dst", "gw", "name", "x"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..4).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

proptest! {
    /// Nothing panics, and every violation says where it is.
    #[test]
    fn no_text_breaks_the_parsers(text in prop_oneof![json_text(), any::<String>()]) {
        let all = KEYS.map(|key| (key.to_owned(), text.clone())).into();
        let (violations, _) = check_pod(&all, &namespace());
        for violation in &violations {
            prop_assert!(violation.field.starts_with("metadata.annotations["));
        }
        let _ = check_namespace(&BTreeMap::from([(crate::api::keys::DEFAULT_IPV4_POOL.to_owned(), text)]));
    }
}
