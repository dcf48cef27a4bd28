//! Objects of any size.

use rstest::rstest;
use serde_json::json;

use super::{super::*, world::*};

/// Upstream lists every address of a range: an update of a pool or Subnet with a /64, merging two ranges or any large
/// reservation never ends. Here every step would need longer than the universe has if it walked addresses.
#[rstest]
#[case("10.0.0.0/8", "10.0.0.2-10.127.255.255", "10.128.0.0-10.255.255.254", "10.0.0.1", "10.5.5.5")]
#[case(
    "fd00::/64",
    "fd00::2-fd00::7fff:ffff:ffff:ffff",
    "fd00::8000:0:0:0-fd00::ffff:ffff:ffff:ffff",
    "fd00::1",
    "fd00::5"
)]
#[case(
    "::/0",
    "::2-7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "::1",
    "::5"
)]
fn upstream_defect_14_size_does_not_matter(
    #[case] network: &str,
    #[case] low: &str,
    #[case] high: &str,
    #[case] gateway: &str,
    #[case] single: &str,
) {
    let fields = json!({"subnet": network, "ips": [high, low], "excludeIPs": [single], "gateway": gateway});
    let world =
        World::default().subnet("s", json!({"subnet": network, "ips": [low, high], "gateway": gateway}));
    let mut whole = pool("whole", fields.clone());
    pool::set_defaults(&mut whole, &world.context());
    // Both halves are one range now.
    let joined = format!("{}-{}", low.split('-').next().unwrap(), high.split('-').nth(1).unwrap());
    assert_eq!(whole.spec.ips, [joined]);
    assert!(pool::create(&whole, &world.context()).is_empty());
    assert!(pool::update(&pool("whole", fields), &whole, &world.context()).is_empty());

    // Against another pool that has all of it but one address.
    let world = world.pool("whole", json!({"subnet": network, "ips": [low, high], "excludeIPs": [single]}));
    let gap = pool("gap", json!({"subnet": network, "ips": [single]}));
    assert!(pool::create(&gap, &world.context()).is_empty());
    let half = pool("half", json!({"subnet": network, "ips": [low]}));
    assert_eq!(kinds(&pool::create(&half, &world.context())), ["spec.ips Forbidden"]);

    let old = subnet("s", json!({"subnet": network, "ips": [low, high]}));
    let new = subnet("s", json!({"subnet": network, "ips": [low]}));
    assert_eq!(kinds(&subnet::update(&old, &new, &world.context())), ["spec.ips Forbidden"]);

    let mut reserved = reservation("r", json!({"ips": [high, low, single]}));
    reservation::set_defaults(&mut reserved);
    assert_eq!(reserved.spec.ips.len(), 1);
    assert!(reservation::create(&reserved, [], &world.context()).is_empty());
}
