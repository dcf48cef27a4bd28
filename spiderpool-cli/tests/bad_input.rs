//! What people mistype and disks lose, given to the real `spiderpoolctl`: a clear error that says where and what to
//! do, an exit code that says which kind it is, and nothing changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, Output};

use rstest::rstest;
use spiderpool_core::env::Env;
use spiderpool_store_sled::{SledConfig, SledStore};
use tempfile::TempDir;

/// A database of its own, gone at the end.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        // As an agent does that is started for the first time.
        drop(SledStore::open(&SledConfig::at(place.path("db")), &Env::system()).unwrap());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_spiderpoolctl"))
            .env_clear()
            .env("SPIDERPOOL_STORE", format!("sled://{}", self.path("db").display()))
            .args(args)
            .output()
            .unwrap()
    }

    /// Applies a file of this name and text.
    fn apply(&self, file: &str, text: impl AsRef<[u8]>) -> Output {
        fs::write(self.path(file), text).unwrap();
        self.run(&["apply", "-f", self.path(file).to_str().unwrap()])
    }
}

const POOL: &str = "apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata: {name: blue}\n\
                    spec: {subnet: 10.6.0.0/24, ips: [10.6.0.10-10.6.0.20], gateway: 10.6.0.1}\n";

fn words(output: &Output) -> String {
    let words = String::from_utf8(output.stderr.clone()).expect("text");
    assert!(!words.contains("panicked") && !words.contains("RUST_BACKTRACE"), "{words}");
    words
}

#[rstest]
#[case::yaml("a.yaml", "kind: [".into(), 2, "a.yaml is not YAML")]
#[case::yaml_tab("a.yaml", "spec:\n\tips: []".into(), 2, "a.yaml is not YAML")]
#[case::json("a.json", "{\"kind\": ".into(), 2, "a.json is not JSON")]
#[case::empty("a.yaml", "# nothing\n---\n".into(), 2, "there is no manifest in")]
#[case::text("a.yaml", "hello".into(), 2, "a manifest is an object")]
#[case::no_kind("a.yaml", "apiVersion: v1\nmetadata: {name: a}".into(), 2, "kind")]
#[case::version("a.yaml", POOL.replace("v2beta1", "v3"), 2, "write `spiderpool.spidernet.io/v2beta1`")]
#[case::wrong_type("a.yaml", POOL.replace("[10.6.0.10-10.6.0.20]", "10.6.0.10"), 2, "spec.ips")]
#[case::network("a.yaml", POOL.replace("10.6.0.0/24", "10.6.0.0/33"), 1, "spec.subnet")]
#[case::host_bits("a.yaml", POOL.replace("10.6.0.0/24", "10.6.0.9/24"), 1, "10.6.0.0/24")]
#[case::reversed("a.yaml", POOL.replace("10.6.0.10-10.6.0.20", "10.6.0.20-10.6.0.10"), 1, "spec.ips[0]")]
#[case::cidr("a.yaml", POOL.replace("10.6.0.10-10.6.0.20", "10.6.0.0/28"), 1, "spec.ips[0]")]
#[case::outside("a.yaml", POOL.replace("10.6.0.10-10.6.0.20", "10.7.0.10"), 1, "spec.ips[0]")]
#[case::gateway("a.yaml", POOL.replace("gateway: 10.6.0.1", "gateway: fd00::1"), 1, "spec.gateway")]
#[case::name("a.yaml", POOL.replace("name: blue", "name: Blue_Pool/x"), 1, "metadata.name")]
fn a_mistake_in_a_manifest_is_named(
    #[case] file: &str,
    #[case] text: String,
    #[case] code: i32,
    #[case] says: &str,
) {
    let place = Place::new();
    let output = place.apply(file, text);
    let words = words(&output);
    assert_eq!((output.status.code(), words.contains(says)), (Some(code), true), "{words}");
    let listed = place.run(&["get", "sp", "-o", "name"]);
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "", "nothing was applied");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_file() {
    let output = Place::new().apply("a.yaml", b"kind: \xff\xfe");
    let words = words(&output);
    assert!(words.contains("a.yaml cannot be read") && words.contains("UTF-8"), "{words}");
    assert_eq!(output.status.code(), Some(2));
}

#[rstest]
#[case::unknown_field(POOL.replace("gateway:", "gatway:"), "spec.gatway")]
#[case::case_of_letters(POOL.replace("gateway: 10.6.0.1", "excludeIps: [10.6.0.11]"), "is `excludeIPs` meant?")]
fn an_unknown_field_is_not_swallowed(#[case] text: String, #[case] says: &str) {
    let output = Place::new().apply("a.yaml", text);
    let words = words(&output);
    assert!(output.status.success() && words.contains(says), "{words}");
}

/// Half of a file that was cut off in the middle of the second document is not applied.
#[test]
fn of_a_file_that_is_cut_off_nothing_is_applied() {
    let place = Place::new();
    let output = place.apply("a.yaml", format!("{POOL}---\nkind: SpiderIPPool\nmetadata: {{name: "));
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert_eq!(place.run(&["get", "sp", "-o", "name"]).stdout, b"");
}

#[rstest]
#[case::cut_short(|path: &PathBuf| OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap())]
#[case::emptied(|path: &PathBuf| fs::write(path, "").unwrap())]
#[case::garbage(|path: &PathBuf| fs::write(path, "no database").unwrap())]
fn a_damaged_database_is_said_to_be(#[case] damage: fn(&PathBuf)) {
    let place = Place::new();
    assert!(place.apply("a.yaml", POOL).status.success());
    damage(&place.path("db/documents/db"));
    for args in [&["get", "sp"][..], &["ip", "show", "10.6.0.10"], &["ip", "free", "blue"]] {
        let output = place.run(args);
        let words = words(&output);
        assert!(matches!(output.status.code(), Some(1 | 4)), "{args:?}: {output:?}");
        assert!(words.contains("Restore a backup"), "it says what to do: {words}");
        assert!(words.contains(place.path("db").to_str().unwrap()), "it says where: {words}");
    }
}

#[rstest]
#[case::get(&["get", "spidersubnt"], "is spidersubnets meant?")]
#[case::get_one(&["get", "podz", "web-0"], "is pods meant?")]
#[case::describe(&["describe", "gameserv", "a"], "is gameservers meant?")]
#[case::delete(&["delete", "gamesever", "a"], "is gameservers meant?")]
fn a_mistyped_kind_is_an_error_that_names_the_kinds(#[case] args: &[&str], #[case] says: &str) {
    let place = Place::new();
    let server =
        "apiVersion: game.kruise.io/v1alpha1\nkind: GameServer\nmetadata: {name: a, namespace: default}\n";
    assert!(place.apply("a.yaml", server).status.success());
    let output = place.run(args);
    let words = words(&output);
    assert_eq!((output.status.code(), words.contains(says)), (Some(2), true), "{words}");
    assert!(words.contains("one of spiderippools, ") && words.contains("statefulsets"), "{words}");
    let there = place.run(&["get", "gameservers", "-o", "name"]);
    assert_eq!(String::from_utf8(there.stdout).unwrap(), "gameserver.game.kruise.io/a\n");
}

#[rstest]
#[case(&["--store", "sled:relative", "get", "sp"], 2)]
#[case(&["--store", "mysql://x", "get", "sp"], 2)]
#[case(&["--agent", "/nonexistent/agent.sock", "get", "sp"], 4)]
#[case(&["get", "sp", "absent"], 3)]
#[case(&["get", "spiderippol"], 2)]
#[case(&["get", "jobs"], 0)]
#[case(&["ip", "show", "10.6.0.300"], 2)]
#[case(&["apply", "-f", "/nonexistent.yaml"], 2)]
fn a_wrong_command_line_has_its_exit_code(#[case] args: &[&str], #[case] code: i32) {
    let output = Place::new().run(args);
    let words = words(&output);
    assert_eq!(output.status.code(), Some(code), "{words}");
    assert!(!words.is_empty());
}
