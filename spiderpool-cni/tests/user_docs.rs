//! The user docs say what the code says: error codes, keys, annotations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::json;
use spiderpool_cni::cni::{CniVersion, Command, DecodedConf, NetConf};
use spiderpool_core::api::keys;
use spiderpool_core::name::Namespace;
use spiderpool_core::validate::annotations::{check_namespace, check_pod};
use std::collections::{BTreeMap, BTreeSet};

const PLUGIN: &str = include_str!("../../docs/plugin.md");
const CLUSTER: &str = include_str!("../../docs/kubernetes.md");
const ANNOTATIONS: &str = include_str!("../../docs/annotations.md");

/// The rows below a heading, up to the next one, as cells without code marks.
fn rows<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading}"));
    let level = heading.split(' ').next().unwrap();
    let section = section.split(&format!("\n{level} ")).next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &'a str| line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
    lines.skip(1).map(cells).collect()
}

fn conf(text: &str) -> Result<NetConf, String> {
    let conf = DecodedConf::decode(text.as_bytes()).map_err(|error| error.to_string())?;
    let version = conf.version(CniVersion::V0_3_0, "ADD").map_err(|error| error.to_string())?;
    conf.check(version).map_err(|error| error.to_string())
}

#[test]
fn every_error_code_is_explained() {
    let shown: Vec<u32> =
        rows(PLUGIN, "## Error codes").iter().map(|row| row[0].parse().expect("a number")).collect();
    // The table at the type, next to the numbers themselves.
    let source = include_str!("../src/cni/error.rs");
    let rows =
        source.lines().filter_map(|line| line.strip_prefix("/// | ")?.split(" | ").next()?.parse().ok());
    assert_eq!(shown, rows.collect::<Vec<u32>>());
    let numbers = source.lines().filter_map(|line| {
        line.trim().strip_prefix("Self::")?.split_once(" => ")?.1.trim_end_matches(',').parse().ok()
    });
    assert_eq!(shown, numbers.collect::<Vec<u32>>());
}

#[test]
fn every_verb_and_version_is_named() {
    let verbs: BTreeSet<_> = rows(PLUGIN, "## Verbs").iter().map(|row| row[0]).collect();
    assert_eq!(verbs, Command::ALL.iter().map(|command| command.as_str()).collect());
    assert!(CniVersion::ALL.iter().all(|version| PLUGIN.contains(version.as_str())));
}

/// A key that is read refuses a list of lists, and names itself.
#[test]
fn every_key_of_ipam_is_read() {
    let keys: Vec<_> = rows(PLUGIN, "## Keys of `ipam`")
        .iter()
        .flat_map(|row| row[0].split(", ").collect::<Vec<_>>())
        .collect();
    assert_eq!(keys.len(), 12);
    for key in keys.iter().map(|key| key.trim_matches('`')).filter(|key| *key != "type") {
        let text = json!({"cniVersion": "1.0.0", "name": "n", "ipam": {key: [[1]]}}).to_string();
        let error = conf(&text).unwrap_err();
        assert!(error.contains(&format!("ipam.{key}")), "{key}: {error}");
    }
}

/// What the runtime makes of each plugin of a list is what the plugin reads.
#[test]
fn every_network_of_a_cluster_is_one() {
    let lists = CLUSTER.split("\n```json").skip(1).map(|rest| {
        let (_, block) = rest.split_once('\n').unwrap();
        block.split("\n```").next().unwrap()
    });
    let definitions = CLUSTER.split("\n  config: '").skip(1).map(|rest| rest.split("'\n").next().unwrap());
    let mut found = Vec::new();
    for text in lists.chain(definitions) {
        let network: serde_json::Value = serde_json::from_str(text).unwrap();
        let single = [network.clone()];
        let plugins = network["plugins"].as_array().map_or(&single[..], Vec::as_slice);
        for plugin in plugins.iter().filter(|plugin| plugin["ipam"]["type"] == "spiderpool") {
            let mut plugin = plugin.clone();
            plugin["name"] = network["name"].clone();
            plugin["cniVersion"] = network["cniVersion"].clone();
            conf(&plugin.to_string()).unwrap_or_else(|error| panic!("{error}: {text}"));
            found.push(plugin["type"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(found, ["macvlan", "bridge", "calico", "macvlan"]);
}

#[test]
fn every_configuration_is_one() {
    let examples: Vec<_> =
        PLUGIN.split("\n```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    let lines = PLUGIN.lines().filter(|line| line.starts_with('{') && line.contains("\"ipam\""));
    let all: Vec<_> = examples.into_iter().chain(lines).collect();
    assert_eq!(all.len(), 2);
    for text in all {
        conf(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    }
}

#[test]
fn every_annotation_is_told_of_and_every_example_is_right() {
    for key in [
        keys::POOL,
        keys::POOLS,
        keys::SUBNET,
        keys::SUBNETS,
        keys::IP_NUMBER,
        keys::RECLAIM,
        keys::ROUTES,
        keys::DEFAULT_IPV4_POOL,
        keys::DEFAULT_IPV6_POOL,
        keys::COOLDOWN,
        keys::MULTUS_DEFAULT_NETWORK,
        keys::MULTUS_NETWORKS,
    ] {
        assert!(ANNOTATIONS.contains(&format!("`{key}`")), "{key}");
    }
    let home = Namespace::new("default").unwrap();
    let mut examples = 0;
    for block in ANNOTATIONS.split("\n```yaml\n").skip(1) {
        for line in block.split("\n```").next().unwrap().lines() {
            let (key, text) = line.split_once(": '").unwrap();
            let annotations = BTreeMap::from([(key.to_owned(), text.trim_end_matches('\'').to_owned())]);
            let (of_pod, odd) = check_pod(&annotations, &home);
            let (of_namespace, _) = check_namespace(&annotations);
            assert!(
                of_pod.is_empty() && of_namespace.is_empty() && odd.is_empty(),
                "{line}: {of_pod} {of_namespace}"
            );
            examples += 1;
        }
    }
    assert_eq!(examples, 5);
}
