use std::sync::Arc;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::{super::*, world::World, world::pool};
use crate::model::Pattern;

/// Upstream rebuilds the list from a map and sorts it unstably. Enough pools, and of two ranks, so that an unstable
/// sort shows.
#[test]
fn upstream_defect_1_backup_pools_keep_the_written_order() {
    let names: Vec<_> = (0..120).map(|i| format!("p{:03}", i * 77 % 120)).collect();
    let is_targeted = |name: &&String| name.bytes().map(usize::from).sum::<usize>() % 3 == 0;
    let world = names.iter().fold(World::new(), |world, name| {
        let target = if is_targeted(&name) { json!({"nodeName": ["n1"]}) } else { json!({}) };
        world.pool(name, target)
    });
    let world = world.annotated("ippool", &json!({"ipv4": names}).to_string());
    let (targeted, others): (Vec<&String>, Vec<&String>) = names.iter().partition(is_targeted);
    let expected: Vec<&str> = targeted.into_iter().chain(others).map(String::as_str).collect();
    assert_eq!(world.selected(), [format!("eth0 IPv4: {}", expected.join(", "))]);
}

#[rstest]
#[case(r#"["missing","a","b"]"#, "a, b")]
#[case(r#"["a","none*","b"]"#, "a, b")]
#[case(r#"["a","c","b"]"#, "a, b")]
fn upstream_defect_13_a_backup_pool_that_is_not_there_is_skipped(#[case] names: &str, #[case] left: &str) {
    let world = World::new().plain(&["a", "b"]).plain6(&["c"]);
    let world = world.annotated("ippool", &format!(r#"{{"ipv4":{names}}}"#));
    assert_eq!(world.selected(), [format!("eth0 IPv4: {left}")]);
    let selection = world.select().unwrap();
    assert_eq!((selection.warnings.len(), selection.parts[0].refused.len()), (1, 1));
}

#[rstest]
#[case(r#"["p1","p*"]"#, "p1, p2, p3")]
#[case(r#"["p*","p1"]"#, "p1, p2, p3")]
#[case(r#"["p3","p?","*2","p3","q"]"#, "p3, p1, p2, q")]
#[case(r#"["p[^2]"]"#, "p1, p3")]
fn upstream_defect_13_patterns_and_names_may_coincide(#[case] names: &str, #[case] expected: &str) {
    let world = World::new().plain(&["p3", "p1", "p2", "q"]).plain6(&["p4"]);
    let world = world.annotated("ippool", &format!(r#"{{"ipv4":{names}}}"#));
    assert_eq!(world.selected(), [format!("eth0 IPv4: {expected}")]);
    assert_eq!(world.select().unwrap().warnings, []);
}

/// Kinds of target, the narrowest first.
fn targets() -> [Value; 7] {
    [
        json!({"podAffinity": {"matchLabels": {"app": "web"}}}),
        json!({"nodeName": ["n1"]}),
        json!({"nodeAffinity": {"matchLabels": {"zone": "z1"}}}),
        json!({"namespaceName": ["default"]}),
        json!({"namespaceAffinity": {"matchLabels": {"team": "a"}}}),
        json!({"multusName": ["ns/net"]}),
        json!({}),
    ]
}

#[test]
fn the_more_narrowly_targeted_pool_comes_first() {
    let mut world = World::new().annotated("v1.multus-cni.io/default-network", "ns/net");
    for (i, target) in targets().into_iter().enumerate() {
        world = world.pool(&format!("p{i}"), target);
    }
    let world = world.annotated("ippool", r#"{"ipv4":["p6","p3","p5","p0","p2","p4","p1"]}"#);
    assert_eq!(world.selected(), ["eth0 IPv4: p0, p1, p2, p3, p4, p5, p6"]);
}

/// Only the pools that are named are looked at and kept.
#[test]
fn unnamed_pools_cost_nothing() {
    let others: Vec<Arc<Pool>> = (0..1000).map(|i| Arc::new(pool(&format!("p{i}"), json!({})))).collect();
    let mut world = World::new().annotated("ippool", r#"{"ipv4":["p7","p8","p99?"]}"#);
    world.pools = others.iter().cloned().collect();
    let selection = world.select().unwrap();
    assert_eq!(selection.parts[0].candidates.len(), 12);
    let held = others.iter().filter(|pool| Arc::strong_count(pool) > 2).count();
    assert_eq!(held, 12);
}

proptest! {
    /// Against the definition: names in written order, each once, sorted by target, ties as written.
    #[test]
    fn ordered_by_target_then_as_written(
        kinds in prop::collection::vec(0usize..7, 1..12),
        written in prop::collection::vec(prop_oneof![
            (0usize..14).prop_map(|i| format!("p{i:02}")),
            prop::sample::select(vec!["p*", "p0?", "p1[0-2]", "q*"]).prop_map(str::to_owned),
        ], 1..8),
    ) {
        let mut world = World::new().annotated("v1.multus-cni.io/default-network", "ns/net");
        for (i, kind) in kinds.iter().enumerate() {
            world = world.pool(&format!("p{i:02}"), targets()[*kind].clone());
        }
        let world = world.annotated("ippool", &json!({"ipv4": written}).to_string());

        let all: Vec<String> = (0..kinds.len()).map(|i| format!("p{i:02}")).collect();
        let mut expected: Vec<String> = Vec::new();
        for item in &written {
            let pattern: Pattern = item.parse().unwrap();
            for name in all.iter().filter(|name| pattern.matches(name)) {
                if !expected.contains(name) {
                    expected.push(name.clone());
                }
            }
        }
        expected.sort_by_key(|name| kinds[name[1..].parse::<usize>().unwrap()]);
        match world.select() {
            Ok(selection) => {
                let names = selection.parts[0].candidates.iter().map(|candidate| candidate.pool.name.to_string());
                prop_assert_eq!(names.collect::<Vec<_>>(), expected);
            }
            Err(_) => prop_assert!(expected.is_empty()),
        }
    }

    /// The catalog against a plain list.
    #[test]
    fn the_catalog_agrees_with_a_list(
        steps in prop::collection::vec((0usize..6, any::<bool>(), any::<bool>(), any::<bool>()), 0..30),
        pattern in r"[ab*?]{0,3}",
    ) {
        const NAMES: [&str; 6] = ["a", "ab", "aba", "b", "ba", "bb"];
        let (mut catalog, mut list) = (PoolCatalog::new(), std::collections::BTreeMap::new());
        for (name, remove, v6, default) in steps {
            let name = NAMES[name];
            if remove {
                catalog.remove(name);
                list.remove(name);
            } else {
                let subnet = if v6 { "fd00::/64" } else { "10.0.0.0/24" };
                let pool = Arc::new(pool(name, json!({"subnet": subnet, "ips": [], "default": default})));
                catalog.insert(pool.clone());
                list.insert(name, pool);
            }
        }
        let pattern: Pattern = pattern.parse().unwrap();
        prop_assert!(catalog.iter().eq(list.values()));
        for family in [Family::V4, Family::V6] {
            let of_family = || list.values().filter(|pool| pool.family == family);
            prop_assert!(catalog.defaults(family).eq(of_family().filter(|pool| pool.default)));
            let matching = of_family().filter(|pool| pattern.matches(pool.name.as_str()));
            prop_assert!(catalog.matching(&pattern, family).eq(matching));
        }
    }
}
