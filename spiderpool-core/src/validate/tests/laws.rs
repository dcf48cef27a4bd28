use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{super::*, world::*};

type Ranges = Vec<(u8, u8)>;

fn ranges() -> impl Strategy<Value = Ranges> {
    prop::collection::vec((0u8..40, 0u8..8).prop_map(|(first, more)| (first, first + more)), 0..4)
}

fn texts(ranges: &Ranges) -> Vec<String> {
    ranges.iter().map(|(first, last)| format!("10.0.0.{first}-10.0.0.{last}")).collect()
}

fn numbers(ips: &Ranges, excluded: &Ranges) -> BTreeSet<u8> {
    let all = |ranges: &Ranges| ranges.iter().flat_map(|(a, b)| *a..=*b).collect::<BTreeSet<_>>();
    &all(ips) - &all(excluded)
}

fn fields(ips: &Ranges, excluded: &Ranges) -> Value {
    json!({"subnet": "10.0.0.0/24", "ips": texts(ips), "excludeIPs": texts(excluded)})
}

proptest! {
    /// Overlap and containment against their definitions, address by address.
    #[test]
    fn overlap_and_containment(mine in (ranges(), ranges()), theirs in (ranges(), ranges()), outer in (ranges(), ranges())) {
        let world = World::default()
            .pool("theirs", fields(&theirs.0, &theirs.1))
            .subnet("outer", fields(&outer.0, &outer.1));
        let found = pool::create(&pool("mine", fields(&mine.0, &mine.1)), &world.context()).to_string();
        let (mine, theirs) = (numbers(&mine.0, &mine.1), numbers(&theirs.0, &theirs.1));
        let outer = numbers(&outer.0, &outer.1);
        prop_assert_eq!(found.contains("pool \"theirs\" has"), !mine.is_disjoint(&theirs));
        prop_assert_eq!(found.contains("are not in Subnet"), !mine.is_subset(&outer));
    }

    /// Filling in is done once: a second time changes nothing, and neither does it change what the pool means.
    #[test]
    fn defaults_are_idempotent_and_keep_the_meaning(ips in ranges(), excluded in ranges()) {
        let world = World::default().subnet("s", json!({"subnet": "10.0.0.0/24", "gateway": "10.0.0.250"}));
        let original = pool("p", fields(&ips, &excluded));
        let mut once = original.clone();
        pool::set_defaults(&mut once, &world.context());
        let mut twice = once.clone();
        pool::set_defaults(&mut twice, &world.context());
        prop_assert_eq!(&once, &twice);
        let meaning = |mut object: crate::api::SpiderIPPool| {
            object.metadata.uid = Some("u".into());
            crate::model::Pool::try_from(&object).unwrap().allocatable()
        };
        prop_assert_eq!(meaning(once), meaning(original));
    }

    /// What validation lets through can be parsed, and no text makes it panic.
    #[test]
    fn what_is_valid_parses(
        subnet in "(10\\.0\\.0\\.0/2[0-9]|[0-9./:a]{0,12})",
        ips in prop::collection::vec("(10\\.0\\.0\\.[0-9]{1,2}|[0-9.:a-]{0,12})", 0..3),
        gateway in prop::option::of("(10\\.0\\.0\\.2[0-9]{2}|[0-9.]{0,9})"),
        dst in "(172\\.16\\.0\\.0/12|[0-9./]{0,9})",
        version in prop::option::of(3i64..8),
    ) {
        let fields = json!({
            "subnet": subnet, "ips": ips, "gateway": gateway, "ipVersion": version,
            "routes": [{"dst": dst, "gw": "10.0.0.1"}],
        });
        let world = World::default();
        let mut object = pool("p", fields);
        pool::set_defaults(&mut object, &world.context());
        object.metadata.uid = Some("u".into());
        if pool::create(&object, &world.context()).is_empty() {
            prop_assert!(crate::model::Pool::try_from(&object).is_ok());
        }
        let _ = pool::update(&object, &object, &world.context());
    }
}
