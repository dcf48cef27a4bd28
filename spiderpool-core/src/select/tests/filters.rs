use rstest::rstest;
use serde_json::{Value, json};

use super::{super::*, world::World};

fn world(fields: Value) -> World {
    World::new().pool("p", fields).annotated("ippool", r#"{"ipv4":["p"]}"#)
}

fn expression(operator: &str, key: &str) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": operator}]})
}

#[rstest]
#[case::plain(json!({}), None)]
#[case::terminating(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), Some("is being deleted"))]
#[case::disabled(json!({"disable": true}), Some("is disabled (spec.disable)"))]
#[case::family(json!({"subnet": "fd00::/64", "ips": ["fd00::1"]}), Some("is not an IPv4 pool, but named as one"))]
#[case::node_name(json!({"nodeName": ["n0", "n1"]}), None)]
#[case::other_node(json!({"nodeName": ["n2", "n3"]}), Some("is not for node n1 (spec.nodeName: n2, n3)"))]
#[case::node_affinity(json!({"nodeAffinity": {"matchLabels": {"zone": "z1"}}}), None)]
#[case::other_node_affinity(json!({"nodeAffinity": expression("DoesNotExist", "zone")}),
    Some("is not for node n1 (spec.nodeAffinity)"))]
#[case::node_name_beats_affinity(json!({"nodeName": ["n1"], "nodeAffinity": {"matchLabels": {"zone": "z2"}}}), None)]
#[case::namespace_name(json!({"namespaceName": ["default"]}), None)]
#[case::other_namespace(json!({"namespaceName": ["x"]}),
    Some("is not for namespace default (spec.namespaceName: x)"))]
#[case::namespace_affinity(json!({"namespaceAffinity": {"matchLabels": {"team": "a"}}}), None)]
#[case::other_namespace_affinity(json!({"namespaceAffinity": {"matchLabels": {"team": "b"}}}),
    Some("is not for namespace default (spec.namespaceAffinity)"))]
#[case::namespace_name_beats_affinity(
    json!({"namespaceName": ["x"], "namespaceAffinity": {"matchLabels": {"team": "a"}}}),
    Some("is not for namespace default (spec.namespaceName: x)"))]
#[case::pod_affinity(json!({"podAffinity": {"matchLabels": {"app": "web"}}}), None)]
#[case::other_pod_affinity(json!({"podAffinity": {"matchLabels": {"app": "db"}}}),
    Some("is not for pods with the labels of default/web-0 (spec.podAffinity)"))]
fn each_filter_lets_through_what_it_should(#[case] fields: Value, #[case] refused: Option<&str>) {
    let world = world(fields);
    match (world.select(), refused) {
        (Ok(_), None) => {}
        (Err(SelectError::NothingLeft { parts, .. }), Some(reason)) => {
            assert_eq!(parts[0].refused[0].to_string(), format!("pool \"p\" {reason}"));
        }
        (other, _) => panic!("{other:?}"),
    }
}

/// The filters in order: whichever fails first is told, and with each mended the next one tells.
#[test]
fn the_first_filter_that_fails_tells() {
    let mut fields = json!({
        "deletionTimestamp": "2026-01-01T00:00:00Z", "disable": true, "subnet": "fd00::/64", "ips": ["fd00::1"],
        "nodeName": ["x"], "namespaceName": ["x"], "podAffinity": {"matchLabels": {"x": "x"}},
        "multusName": ["x/x"],
    });
    let mut told = Vec::new();
    let mended =
        ["deletionTimestamp", "disable", "subnet", "nodeName", "namespaceName", "podAffinity", "multusName"];
    for field in mended {
        let mut world = world(fields.clone());
        world.config.match_master_subnet = true;
        world.master_addresses = vec!["10.9.9.9".parse().unwrap()];
        let Err(error) = world.select() else { panic!("refused") };
        told.push(error.refused().next().unwrap().reason.clone());
        let fields = fields.as_object_mut().unwrap();
        fields.remove(field);
        if field == "subnet" {
            fields.remove("ips");
        }
    }
    assert!(matches!(
        told[..],
        [
            Refusal::Terminating,
            Refusal::Disabled,
            Refusal::Family { .. },
            Refusal::Node(_),
            Refusal::Namespace(_),
            Refusal::Pod(_),
            Refusal::Attachment(None),
        ]
    ));
    let mut world = world(fields);
    world.config.match_master_subnet = true;
    world.master_addresses = vec!["10.9.9.9".parse().unwrap()];
    assert!(world.error().contains("none of the master interface's addresses 10.9.9.9"), "{}", world.error());
    world.master_addresses.push("10.0.0.200".parse().unwrap());
    assert_eq!(world.selected(), ["eth0 IPv4: p"]);
}

#[rstest]
#[case::default_network("eth0", "kube-system/calico", "", "", true)]
#[case::default_network_at_home("eth0", "home", "", "", true)]
#[case::other_default_network("eth0", "kube-system/other", "", "", false)]
#[case::cluster_network("eth0", "", "", "kube-system/calico", true)]
#[case::annotation_beats_cluster_network("eth0", "kube-system/other", "", "kube-system/calico", false)]
#[case::unknown("eth0", "", "kube-system/calico", "", false)]
#[case::further_interface("net1", "", "kube-system/calico", "", true)]
#[case::further_interface_in_the_pods_namespace("net1", "", "calico", "", false)]
#[case::second_further_interface("net2", "", "other, kube-system/calico", "", true)]
#[case::not_its_own("net1", "", "other, kube-system/calico", "", false)]
#[case::by_requested_name("data0", "", "other, kube-system/calico@data0", "", true)]
#[case::default_network_is_the_firsts("net1", "kube-system/calico", "default/other", "", false)]
fn the_attachment_must_be_one_of_the_pools(
    #[case] interface: &'static str,
    #[case] default: &str,
    #[case] networks: &str,
    #[case] cluster: &str,
    #[case] accepted: bool,
) {
    let mut world = world(json!({"multusName": ["kube-system/calico", "home"]})).asking_for(interface);
    if !default.is_empty() {
        world = world.annotated("v1.multus-cni.io/default-network", default);
    }
    if !networks.is_empty() {
        world = world.annotated("k8s.v1.cni.cncf.io/networks", networks);
    }
    world.cluster_network = cluster.parse().ok();
    assert_eq!(world.select().is_ok(), accepted, "{:?}", world.select());
}

/// Upstream looks for the attachment even if the pool names none, and refuses plain pods for lack of one.
#[test]
fn upstream_defect_8_without_multus_names_nobody_asks_for_an_attachment() {
    assert_eq!(world(json!({})).selected(), ["eth0 IPv4: p"]);
    // Not even an annotation that cannot be read matters then.
    let world = world(json!({})).annotated("v1.multus-cni.io/default-network", "a/b/c");
    assert_eq!(world.selected(), ["eth0 IPv4: p"]);
    let bound = world.pool("p", json!({"multusName": ["a/b"]}));
    assert!(matches!(bound.select(), Err(SelectError::WrongInput { .. })));
}

#[rstest]
#[case(json!({"podAffinity": {"matchLabels": {"app": "web"}}}), "no pod is known")]
#[case(json!({"namespaceName": ["default"]}), "the pod's is not known")]
#[case(json!({"namespaceAffinity": {"matchLabels": {"team": "a"}}}), "the pod's is not known")]
fn a_bare_sandbox_is_refused_where_the_pod_matters(#[case] fields: Value, #[case] reason: &str) {
    let mut world = World::new().pool("p", fields);
    world.pod = None;
    world.config.pools = NetworkConfig::parse_pools(&["p".into()], &[]).unwrap();
    assert!(world.error().contains(reason), "{}", world.error());
}
