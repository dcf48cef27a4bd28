//! The plugin called as main plugins call it through the libraries of containernetworking: `ipam.ExecAdd`, `ExecCheck` and
//! `ExecDel` hand on their own standard input as it is, and an environment of which only `CNI_COMMAND` is theirs.

mod networks;

use std::{env, net::IpAddr, path::Path, process::Command};

use rstest::rstest;
use serde::Deserialize;
use serde_json::{Value, json};

use self::networks::{CALICO, INFINIBAND, IPVLAN, IPVLAN_IN_A_LIST, Network, OVS, SRIOV, VLAN};
use crate::support::{Node, Ran};

const NETNS: &str = "/var/run/netns/cni-web-0";

/// What `GetResult` of the version in it takes for an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    cni_version: String,
    ips: Vec<Ip>,
    #[serde(default)]
    routes: Vec<Route>,
    dns: Value,
}

/// Which interface it is for is the main plugin's to say.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ip {
    version: Option<String>,
    address: String,
    gateway: Option<IpAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    dst: String,
    gw: Option<IpAddr>,
}

/// There is one address of each family, so that each version is served only after the one before gave them back.
#[rstest]
#[case::ipvlan(IPVLAN)]
#[case::ipvlan_in_a_list(IPVLAN_IN_A_LIST)]
#[case::vlan(VLAN)]
#[case::sriov(SRIOV)]
#[case::infiniband(INFINIBAND)]
#[case::ovs(OVS)]
#[case::calico(CALICO)]
#[tokio::test]
async fn main_plugins_hand_on_what_they_were_given(#[case] network: Network) {
    let node = Node::new();
    let _agent = node.start();
    for (name, subnet, ip, gateway) in [
        ("four", "10.6.0.0/16", "10.6.0.10", json!("10.6.0.1")),
        ("six", "fd00::/64", "fd00::10", Value::Null),
    ] {
        let mut spec = json!({"subnet": subnet, "ips": [ip], "default": true});
        if !gateway.is_null() {
            spec["gateway"] = gateway;
        }
        node.apply(json!({
            "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool",
            "metadata": {"name": name}, "spec": spec,
        }))
        .await;
    }
    for name in ["web-0", "web-1"] {
        node.apply(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "uid": format!("uid-of-{name}")},
            "spec": {"nodeName": "n1"},
        }))
        .await;
    }
    for version in network.versions {
        attach_check_detach(&node, &network, version);
    }
}

fn attach_check_detach(node: &Node, network: &Network, version: &str) {
    let mut config: Value = serde_json::from_str(network.config).unwrap();
    config["cniVersion"] = json!(version);
    config["name"] = json!("k8s-pod-network");
    config["ipam"]["ipam_unix_socket_path"] = json!(node.socket());
    config["ipam"]["log_file_path"] = json!(node.path("plugin.log"));
    if !config["prevResult"].is_null() {
        config["prevResult"]["cniVersion"] = json!(version);
    }
    let container = format!("c{}", version.replace('.', "-"));
    let call = |command: &str, netns: &str, config: &Value| {
        exec(network, command, ("web-0", &container), netns, config)
    };

    let added = call("ADD", NETNS, &config);
    assert!(added.success, "{version}: {added:?}");
    let answer: Answer = serde_json::from_value(added.answer.clone()).unwrap();
    assert_eq!(answer.cni_version, version);
    let family = |family: &str| (!["1.0.0", "1.1.0"].contains(&version)).then(|| family.to_owned());
    let expected = [
        Ip {
            version: family("4"),
            address: "10.6.0.10/16".into(),
            gateway: Some("10.6.0.1".parse().unwrap()),
        },
        Ip { version: family("6"), address: "fd00::10/64".into(), gateway: None },
    ];
    assert_eq!(answer.ips, expected, "{version}");
    assert_eq!(answer.dns, json!({}));
    let clean = config["ipam"]["clean_gateway"] == true;
    let routes: Vec<_> = answer.routes.iter().map(|route| (route.dst.as_str(), route.gw)).collect();
    let default = ("0.0.0.0/0", expected[0].gateway);
    assert_eq!(routes, if clean { vec![] } else { vec![default] }, "{version}");

    // Where there is none left, the main plugin takes back what it did, the addresses that it did not get included.
    let other = ("web-1", container.replace('c', "d"));
    let of_other = |command: &str| exec(network, command, (other.0, &other.1), NETNS, &config);
    let refused = of_other("ADD");
    assert_eq!((refused.success, refused.answer["code"].as_u64()), (false, Some(100)), "{refused:?}");
    assert!(refused.answer["msg"].as_str().is_some_and(|msg| msg.contains("four")), "{refused:?}");
    assert!(of_other("DEL").success);

    // Runtimes hand results on from 0.4.0 on, with the main plugin's interfaces in them.
    let with_result = !version.starts_with("0.3.");
    if with_result {
        config["prevResult"] = whole(network, &added);
    }
    if with_result && network.checks {
        let checked = call("CHECK", NETNS, &config);
        assert!(checked.success && checked.answer.is_null(), "{version}: {checked:?}");
        let mut other = config.clone();
        other["prevResult"]["ips"][0]["address"] = json!("10.6.0.11/16");
        assert_eq!(call("CHECK", NETNS, &other).answer["code"], 105);
    }

    // The second time as after a restart of the machine, when the namespace is gone.
    for netns in [NETNS, ""] {
        let deleted = call("DEL", netns, &config);
        assert!(deleted.success && deleted.answer.is_null(), "{version}: {deleted:?}");
    }
}

/// The main plugin's result: the addresses are of the interface that it made in the pod, the last of its list.
fn whole(network: &Network, added: &Ran) -> Value {
    let mut interfaces: Vec<_> =
        network.of_host.iter().map(|name| json!({"name": name, "mac": "9a:b2:32:ef:ad:00"})).collect();
    interfaces.push(json!({"name": network.interface, "mac": "9a:b2:32:ef:ad:01", "sandbox": NETNS}));
    let mut result = added.answer.clone();
    for ip in result["ips"].as_array_mut().unwrap() {
        ip["interface"] = json!(interfaces.len() - 1);
    }
    result["interfaces"] = interfaces.into();
    result
}

/// `invoke.DelegateAdd` and its like: the plugin is looked for in `CNI_PATH` by its type.
fn exec(
    network: &Network,
    command: &str,
    (pod, container): (&str, &str),
    netns: &str,
    config: &Value,
) -> Ran {
    let folder = Path::new(env!("CARGO_BIN_EXE_spiderpool")).parent().unwrap();
    let path = env::join_paths([Path::new("/nowhere/cni/bin"), folder]).unwrap();
    let kind = config["ipam"]["type"].as_str().unwrap();
    let program = env::split_paths(&path).map(|folder| folder.join(kind)).find(|file| file.is_file());
    let args = format!(
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod};K8S_POD_UID=uid-of-{pod};\
         K8S_POD_INFRA_CONTAINER_ID={container}{}",
        network.args
    );
    let mut plugin = Command::new(program.unwrap());
    plugin
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("CNI_COMMAND", command)
        .env("CNI_CONTAINERID", container)
        .env("CNI_NETNS", netns)
        .env("CNI_IFNAME", network.interface)
        .env("CNI_ARGS", args)
        .env("CNI_PATH", path);
    Ran::of(&mut plugin, config)
}
