//! Every rule of the webhook, with one manifest that is taken and one that is refused. What the schema refuses by itself has its
//! own table beside the definitions (spiderpool-store-kube, `rules`).

use crate::support::{Cluster, deployment};

/// A rule: what it is about, a manifest that keeps it and one that breaks it, and words of the refusal.
struct Rule {
    about: &'static str,
    taken: String,
    refused: String,
    words: &'static [&'static str],
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: {kind}
metadata: {{name: {name}}}
spec: {{{spec}}}
"
    )
}

fn pool(name: &str, spec: &str) -> String {
    object("SpiderIPPool", name, spec)
}

fn subnet(name: &str, spec: &str) -> String {
    object("SpiderSubnet", name, spec)
}

fn reservation(spec: &str) -> String {
    object("SpiderReservedIP", "new", spec)
}

/// A new pool in the network of `loose`.
fn loose(spec: &str) -> String {
    pool("new", &format!("subnet: 10.20.0.0/24, {spec}"))
}

/// A new pool in the Subnet `home`.
fn home(spec: &str) -> String {
    pool("new", &format!("subnet: 10.9.0.0/24, {spec}"))
}

fn annotated(key: &str, value: &str) -> String {
    loose("ips: [10.20.0.70]")
        .replace("{name: new}", &format!("{{name: new, annotations: {{{key}: '{value}'}}}}"))
}

fn rules(auto: &str) -> Vec<Rule> {
    let rule = |about, taken, refused, words| Rule { about, taken, refused, words };
    let edited = |change: &str, to: &str| {
        assert!(auto.contains(change), "{change}: {auto}");
        auto.replace(change, to)
    };
    vec![
        rule(
            "a pool's ranges have their ends in order",
            loose("ips: [10.20.0.20-10.20.0.21]"),
            loose("ips: [10.20.0.21-10.20.0.20]"),
            &["spec.ips[0]", "10.20.0.21-10.20.0.20"],
        ),
        rule(
            "so have those that it leaves out",
            loose("ips: [10.20.0.20-10.20.0.29], excludeIPs: [10.20.0.21-10.20.0.22]"),
            loose("ips: [10.20.0.20-10.20.0.29], excludeIPs: [10.20.0.22-10.20.0.21]"),
            &["spec.excludeIPs[0]"],
        ),
        rule(
            "a pool's network is that of another one, or apart from it",
            pool("new", "subnet: 10.21.0.0/24, ips: [10.21.0.1]"),
            pool("new", "subnet: 10.20.0.0/16, ips: [10.20.9.1]"),
            &["spec.subnet", "overlaps", "10.20.0.0/24", "loose"],
        ),
        rule(
            "no other pool has its addresses",
            loose("ips: [10.20.0.30]"),
            loose("ips: [10.20.0.8-10.20.0.30]"),
            &["10.20.0.8-10.20.0.9", "loose"],
        ),
        rule(
            "the gateway is not among its addresses",
            loose("ips: [10.20.0.30-10.20.0.31], gateway: 10.20.0.30, excludeIPs: [10.20.0.30]"),
            loose("ips: [10.20.0.30-10.20.0.31], gateway: 10.20.0.30"),
            &["spec.gateway", "10.20.0.30"],
        ),
        rule(
            "its addresses are those of its Subnet",
            home("ips: [10.9.0.40]"),
            home("ips: [10.9.0.90-10.9.0.150]"),
            &["10.9.0.100-10.9.0.150", "home"],
        ),
        rule(
            "and no other pool of the Subnet has them",
            home("ips: [10.9.0.41]"),
            home("ips: [10.9.0.2-10.9.0.41]"),
            &["10.9.0.2-10.9.0.3", "office"],
        ),
        rule(
            "a selector names values where it needs them",
            loose(
                "ips: [10.20.0.30], podAffinity: {matchExpressions: [{key: a, operator: In, values: [b]}]}",
            ),
            loose("ips: [10.20.0.30], podAffinity: {matchExpressions: [{key: a, operator: In}]}"),
            &["spec.podAffinity"],
        ),
        rule(
            "a cool-down is a duration",
            annotated("ipam.spidernet.io/release-cooldown", "30s"),
            annotated("ipam.spidernet.io/release-cooldown", "soon"),
            &["release-cooldown"],
        ),
        rule(
            "a pool is of a family that is on",
            pool("new", "subnet: 10.21.0.0/24, ips: [10.21.0.1]"),
            pool("new", "subnet: 'fd00:21::/64', ips: ['fd00:21::1']"),
            &["IPv6"],
        ),
        rule(
            "a pool that grows stays in its Subnet",
            pool("office", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.3, 10.9.0.60]"),
            pool("office", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.105]"),
            &["10.9.0.100-10.9.0.105"],
        ),
        rule(
            "an automatic pool has the addresses that the controller gave it",
            edited("\"disable\":false", "\"disable\":true"),
            edited("10.9.0.4-10.9.0.6", "10.9.0.4-10.9.0.9"),
            &["spec.ips"],
        ),
        rule(
            "and serves an application",
            edited(
                "\"default\":false",
                "\"default\":false,\"routes\":[{\"dst\":\"10.99.0.0/16\",\"gw\":\"10.9.0.200\"}]",
            ),
            edited("ipam.spidernet.io/app-name\"", "app\""),
            &["spec.podAffinity"],
        ),
        rule(
            "a Subnet's network is apart from that of another one",
            subnet("new", "subnet: 10.30.0.0/24, ips: [10.30.0.1]"),
            subnet("new", "subnet: 10.9.0.0/24, ips: [10.9.0.200]"),
            &["spec.subnet", "home"],
        ),
        rule(
            "and that of a pool, or the same",
            subnet("new", "subnet: 10.22.0.0/16, ips: [10.22.0.1]"),
            subnet("new", "subnet: 10.20.0.0/16, ips: [10.20.0.1-10.20.0.99]"),
            &["spec.subnet", "loose"],
        ),
        rule(
            "a Subnet has what pools of its network have",
            subnet("new", "subnet: 10.20.0.0/24, ips: [10.20.0.1-10.20.0.99]"),
            subnet("new", "subnet: 10.20.0.0/24, ips: [10.20.0.50]"),
            &["loose", "10.20.0.1-10.20.0.9"],
        ),
        rule(
            "its ranges have their ends in order",
            subnet("new", "subnet: 10.30.0.0/24, ips: [10.30.0.1-10.30.0.2]"),
            subnet("new", "subnet: 10.30.0.0/24, ips: [10.30.0.2-10.30.0.1]"),
            &["spec.ips[0]"],
        ),
        rule(
            "its gateway is not among its addresses",
            subnet("new", "subnet: 10.30.0.0/24, ips: [10.30.0.1-10.30.0.2], gateway: 10.30.0.254"),
            subnet("new", "subnet: 10.30.0.0/24, ips: [10.30.0.1-10.30.0.2], gateway: 10.30.0.1"),
            &["spec.gateway"],
        ),
        rule(
            "a Subnet keeps what its pools have",
            subnet("home", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.50]"),
            subnet("home", "subnet: 10.9.0.0/24, ips: [10.9.0.3-10.9.0.99]"),
            &["10.9.0.1-10.9.0.2", "office"],
        ),
        rule(
            "a Subnet is of a family that is on",
            subnet("new", "subnet: 10.30.0.0/24"),
            subnet("new", "subnet: 'fd00:21::/64'"),
            &["IPv6"],
        ),
        rule(
            "a reservation's ranges have their ends in order",
            reservation("ips: [10.20.0.1-10.20.0.2]"),
            reservation("ips: [10.20.0.2-10.20.0.1]"),
            &["spec.ips[0]"],
        ),
        rule(
            "a reservation is of a family that is on",
            reservation("ips: [10.20.0.1]"),
            reservation("ips: ['fd00:21::1']"),
            &["IPv6"],
        ),
    ]
}

#[test]
fn each_takes_one_manifest_and_refuses_another() {
    let Some(cluster) = Cluster::start("operator: rules of the webhook") else { return };
    let controller = cluster.controller("one", &["--enable-ipv6", "false"]);
    controller.until("leading");
    cluster.ask(&controller);
    cluster.apply(&subnet("home", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.99]"));
    cluster.apply(&pool("office", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.3]"));
    cluster.apply(&pool("loose", "subnet: 10.20.0.0/24, ips: [10.20.0.1-10.20.0.9]"));
    cluster.apply(&deployment("web", 2, r#"{"ipv4": ["home"]}"#, "ipam.spidernet.io/ippool-ip-number: '3'"));
    let auto = format!("sp/{}", cluster.pool_of("web"));
    cluster.until(&auto, ".spec.ips[0]", "10.9.0.4-10.9.0.6");
    let auto = cluster.says(&["get", &auto, "-o", "json"]).replace("\n", "").replace(": ", ":");
    let auto: String = auto.split_whitespace().collect();
    let dry = ["replace", "--dry-run=server", "-f", "-"];
    let mut wrong = Vec::new();
    for Rule { about, taken, refused, words } in rules(&auto) {
        let exists =
            ["name: office}", "name: home}", "\"name\":\"auto4"].iter().any(|name| taken.contains(name));
        let verb = if exists { "replace" } else { "create" };
        let args: Vec<_> = std::iter::once(verb).chain(dry.into_iter().skip(1)).collect();
        if let Err(error) = cluster.plane.ask(&args, &taken) {
            wrong.push(format!("{about}: this should be taken: {taken}: {error}"));
        }
        match cluster.plane.ask(&args, &refused) {
            Ok(said) => wrong.push(format!("{about}: this should be refused: {refused}: {said}")),
            Err(error) => {
                let said = error.to_string();
                let missing: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
                if !missing.is_empty() || !said.contains("admission webhook") {
                    wrong.push(format!("{about}: {missing:?} are not said: {said}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    controller.stopped();
}
