//! docs/kubernetes.md from its top to its end: every command as it stands there, every network and manifest as shown, on two nodes.

use std::{
    collections::BTreeSet,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use spiderpool_testbed::{Binaries, Binary, in_hub};
use tempfile::TempDir;

use super::{
    blocks::{Block, Kind, as_shown, blocks},
    cluster::{Cluster, images},
    multus::{self, use_network},
};

const PAGE: &str = include_str!("../../../docs/kubernetes.md");

/// How many of its blocks are not run.
const NOT_HERE: usize = 4;

/// Longer than any block takes.
const SECONDS: &str = "300";

#[test]
fn every_block_of_the_page_is_of_a_known_kind() {
    let all = blocks(PAGE).unwrap();
    let not_here: Vec<_> = all
        .iter()
        .filter_map(|block| if let Kind::NotHere(why) = block.kind { Some(why) } else { None })
        .collect();
    assert_eq!(not_here.len(), NOT_HERE, "{not_here:?}");
    assert!(all.iter().any(|block| block.kind == Kind::OnANode) && all.len() > 15, "{}", all.len());
    for pair in all.windows(2).filter(|pair| pair[1].kind == Kind::Output) {
        assert_eq!(pair[0].kind, Kind::Commands, "line {}: the output of what?", pair[1].line);
    }
}

#[test]
#[ignore = "takes the images: cargo xtask test --only nodes"]
fn the_page_about_kubernetes() {
    in_hub("page::the_page_about_kubernetes", || {
        let all = blocks(PAGE).unwrap();
        let first = all.iter().find(|block| block.kind == Kind::Network).unwrap().text;
        let mut cluster = Cluster::start(first);
        cluster.at("two nodes are ready");
        let place = Place::new(&cluster);
        let mut asked = "";
        for Block { line, kind, text } in all {
            match kind {
                Kind::Commands => {
                    place.run(line, text);
                    asked = text;
                }
                Kind::OnANode => place.run_on_a_node(&cluster, line, text),
                Kind::Output => place.answers(&cluster, line, asked, text),
                Kind::Network => network(&mut cluster, text),
                Kind::Manifest => manifest(&mut cluster, first, text),
                Kind::NotHere(why) => cluster.at(&format!("line {line}: not run: {why}")),
            }
            if !matches!(kind, Kind::NotHere(_)) {
                cluster.at(&format!("line {line}: done"));
            }
        }
    });
}

/// Where commands are run: with the project's programs, and nothing else of this machine's configuration.
struct Place {
    // Goes with it.
    _home: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    fn new(cluster: &Cluster) -> Self {
        let home = tempfile::tempdir().unwrap();
        let binaries = Binaries::find().unwrap();
        for program in [Binary::Helm, Binary::Kubectl] {
            symlink(binaries.program(program).unwrap(), home.path().join(program.name())).unwrap();
        }
        let programs = images().join("programs");
        let path = [home.path(), &programs].map(|folder| folder.display().to_string()).join(":");
        let environment = vec![
            ("PATH", format!("{path}:{}", std::env::var("PATH").unwrap())),
            ("HOME", home.path().display().to_string()),
            ("KUBECONFIG", cluster.nodes.plane().kubeconfig().display().to_string()),
            ("REGISTRY", "localhost".to_owned()),
            ("IMAGE", "localhost/pod:1".to_owned()),
            ("NODE", cluster.nodes.nodes()[0].name().to_owned()),
            ("LC_ALL", "C".to_owned()),
        ];
        Self { _home: home, environment }
    }

    /// The words that run a block; every command of it has to succeed.
    fn words(&self, text: &str) -> Vec<String> {
        let set = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let script = format!("cd '{}'\nset -eu -o pipefail\n{text}", root().display());
        let run = ["timeout", SECONDS, "bash", "-c", &script].map(str::to_owned);
        ["env", "-i"].map(str::to_owned).into_iter().chain(set).chain(run).collect()
    }

    fn run(&self, line: usize, text: &str) -> String {
        let words = self.words(text);
        let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
        let [said, complained] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "line {line}: {}\n{text}\n{said}\n{complained}", output.status);
        said
    }

    /// The last command of `asked` says what is `shown`, once controllers have seen to it.
    fn answers(&self, cluster: &Cluster, line: usize, asked: &str, shown: &str) {
        let last = asked.lines().last().unwrap();
        assert!(last.starts_with("kubectl get "), "line {line}: {last} may change something");
        let mut said = String::new();
        cluster.until(&format!("what line {line} shows"), |_| {
            let now = self.run(line, last);
            if now != said {
                eprintln!("{now}");
            }
            said = now;
            as_shown(&said, shown).then_some(())
        });
    }

    /// What it leaves running ends with the machine.
    fn run_on_a_node(&self, cluster: &Cluster, line: usize, text: &str) {
        let words = self.words(text);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let ran = cluster.nodes.nodes()[0].machine().run(&words);
        ran.unwrap_or_else(|problem| panic!("line {line}: {problem}"));
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Gives every node `network`, and its pods reach each other by it.
fn network(cluster: &mut Cluster, network: &str) {
    let master: serde_json::Value = serde_json::from_str(network).unwrap();
    if let Some(bridge) = master["plugins"][0]["bridge"].as_str() {
        bridge_with_a_port(cluster, bridge);
    }
    use_network(cluster, network);
    cluster.kubectl(&["rollout", "restart", "deployment", "web"]);
    cluster.kubectl(&["rollout", "status", "deployment", "web"]);
    let pods = cluster.ready("web", 2);
    let nodes: BTreeSet<_> = pods.iter().map(|pod| &pod.node).collect();
    assert_eq!(nodes.len(), 2, "{pods:?}");
    for (from, to) in [(0, 1), (1, 0)] {
        cluster.ping(&pods[from].name, &pods[to].addresses[0]);
    }
}

/// A second cable to each node, from the network that joins them to a bridge there.
fn bridge_with_a_port(cluster: &Cluster, bridge: &str) {
    let ip =
        |words: &[&str]| assert!(Command::new("ip").args(words).status().unwrap().success(), "{words:?}");
    for node in cluster.nodes.nodes() {
        let (name, pid) = (format!("{}-2", node.name()), node.machine().pid().to_string());
        ip(&["link", "add", &name, "type", "veth", "peer", "name", "port", "netns", &pid]);
        ip(&["link", "set", &name, "master", "br0", "up"]);
        for words in [
            &["link", "add", bridge, "type", "bridge"][..],
            &["link", "set", "port", "master", bridge, "up"],
            &["link", "set", bridge, "up"],
        ] {
            node.machine().run(&[&["ip"], words].concat()).unwrap();
        }
    }
}

/// Applies it on nodes that have what it presumes: a meta-plugin in Multus' place, and an interface in the place of a VLAN's, which not
/// every kernel has.
fn manifest(cluster: &mut Cluster, first: &str, text: &str) {
    multus::take_meta_plugin(cluster, first);
    let (_, master) = text.split_once("\"master\": \"").unwrap();
    let (master, _) = master.split_once('"').unwrap();
    for node in cluster.nodes.nodes() {
        let add = ["ip", "link", "add", "link", "eth0", "name", master, "type", "macvlan", "mode", "bridge"];
        node.machine().run(&add).unwrap();
        node.machine().run(&["ip", "link", "set", master, "up"]).unwrap();
    }
    cluster.apply(text);
}
