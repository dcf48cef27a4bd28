//! Labs that run to their end.

use std::{fs, os::unix::fs::PermissionsExt as _, os::unix::process::CommandExt as _, process::Command};

use rstest::rstest;

use crate::support::{Bench, CTL, Told, expected_mode, is_root, programs};

#[rstest]
#[case::dual_macvlan(&["--plugin-type", "macvlan"], "macvlan")]
#[case::dual_bridge(&["--plugin-type", "bridge"], "bridge")]
#[case::v4(&["--families", "v4", "--pods", "60"], "macvlan")]
#[case::v6(&["--families", "v6", "--pods", "3"], "macvlan")]
fn everything_is_shown_and_nothing_is_left(#[case] args: &[&str], #[case] plugin: &'static str) {
    let bench = Bench::new();
    let told = Told::of(&bench.lab(args).args(["-o", "json"]).output().unwrap());
    told.assert_passed(expected_mode(plugin));
    bench.assert_clean(Some(told.text("prefix")));
}

#[rstest]
#[case("cloneset-manual")]
#[case("cloneset-auto")]
#[case("cloneset-multus")]
#[case("deployment-auto")]
#[case("deployment-manual")]
fn upstreams_walk_throughs(#[case] scenario: &str) {
    let bench = Bench::new();
    let output = bench.lab(&["--scenario", scenario]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && text.contains(", 0 failed"), "{text}\n{words}");
    assert!(text.contains("[ok] pool "), "{text}");
    if scenario == "deployment-auto" {
        assert!(text.contains("[ok] pool auto4-nginx-eth0- has 6 addresses"), "{text}");
    }
    bench.assert_clean(None);
}

#[test]
fn without_a_network_the_same_is_shown_but_pings() {
    let bench = Bench::new();
    let told = Told::of(&bench.lab(&["--no-network", "-o", "json"]).output().unwrap());
    told.assert_passed("none");
    bench.assert_clean(Some(told.text("prefix")));
}

#[test]
fn people_read_the_same_and_are_told_what_to_try_next() {
    let bench = Bench::new();
    let output = bench.lab(&["--no-network", "--pods", "4"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for words in [
        "WITHOUT network interfaces (--no-network)",
        "$ spiderpoolctl get sp\nNAME ",
        "~ cooling",
        "[ok] default/db-0 comes back on its addresses",
        "[ok] the fifth pod is refused, and told why",
        "[ok] as soon as one pod goes, the fifth is served",
        "[ok] the agent is killed with SIGKILL in the middle and started again",
        ", 0 failed, 3 skipped",
        "Try next:",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "a pipe gets no colours");
    bench.assert_clean(None);
}

#[test]
fn without_the_main_plugin_the_lab_runs_without_interfaces_and_says_what_is_missing() {
    let bench = Bench::new();
    let output = bench.lab(&["--cni-bin-dir", "/nowhere", "--pods", "3"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let reason = match is_root() {
        true => "there is no CNI plugin macvlan in ",
        false => "network namespaces need root",
    };
    assert!(text.contains(&format!("WITHOUT network interfaces ({reason}")), "{text}");
    bench.assert_clean(None);
}

#[test]
fn the_documents_third_party_workload_runs() {
    let bench = Bench::new();
    let file = bench.file("cloneset.yaml", CLONESET);
    let manifests = ["--manifests", file.to_str().unwrap(), "-o", "json"];
    let told = Told::of(&bench.lab(&manifests).output().unwrap());
    told.assert_passed(expected_mode("macvlan"));
    let pods = told.json["pods"].as_array().unwrap();
    assert_eq!(pods.len(), 3);
    for pod in pods {
        let address = pod["addresses"][0]["address"].as_str().unwrap();
        let last: u8 = address.strip_prefix("172.18.41.").unwrap().parse().unwrap();
        assert!((40..=50).contains(&last), "{address}");
        assert!(pod["pod"].as_str().unwrap().starts_with("default/custom-kruise-cloneset-"));
    }
    bench.assert_clean(Some(told.text("prefix")));
}

const CLONESET: &str = r#"
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata:
  name: custom-ipv4-ippool
spec:
  subnet: 172.18.41.0/24
  ips:
    - 172.18.41.40-172.18.41.50
---
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata:
  name: custom-kruise-cloneset
spec:
  replicas: 3
  selector:
    matchLabels:
      app: custom-kruise-cloneset
  template:
    metadata:
      annotations:
        ipam.spidernet.io/ippool: |-
          {
            "ipv4": ["custom-ipv4-ippool"]
          }
      labels:
        app: custom-kruise-cloneset
    spec:
      containers:
      - name: custom-kruise-cloneset
        image: busybox
"#;

#[test]
fn a_pod_without_an_address_fails_the_lab_and_nothing_is_left() {
    let bench = Bench::new();
    let file = bench.file("pod.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: lonely}}");
    let manifests = ["--manifests", file.to_str().unwrap(), "-o", "json"];
    let told = Told::of(&bench.lab(&manifests).output().unwrap());
    assert_eq!(told.code, 1);
    let failed = told.checks("failed");
    assert!(failed[0].starts_with("every pod has its addresses: default/lonely: "), "{failed:?}");
    bench.assert_clean(Some(told.text("prefix")));
}

#[test]
fn an_agent_that_does_not_start_is_named_and_nothing_is_left() {
    let bench = Bench::new();
    let programs = tempfile::tempdir().unwrap();
    for name in ["spiderpool", "spiderpool-agent"] {
        let program = programs.path().join(name);
        fs::write(&program, "#!/bin/sh\necho the disk is gone >&2\nexit 3\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut lab = Command::new(CTL);
    lab.args(["lab", "--dir"]).arg(bench.dir()).arg("--bin-dir").arg(programs.path());
    let output = lab.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{words}");
    assert!(
        words.contains("the agent ended at once (exit status: 3)\n  because: the disk is gone"),
        "{words}"
    );
    bench.assert_clean(None);
}

#[test]
fn missing_programs_and_wrong_manifests_are_found_before_anything_is_made() {
    let bench = Bench::new();
    let mut lab = Command::new(CTL);
    lab.args(["lab", "--bin-dir", "/nowhere", "--dir"]).arg(bench.dir());
    let output = lab.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words.starts_with("error: there is no spiderpool-agent in /nowhere\n  try: cargo xtask lab"),
        "{words}"
    );
    let file = bench.file("wrong.yaml", "kind: [");
    let output = bench.lab(&["--manifests", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    bench.assert_clean(None);
}

/// The lab of somebody who is not root. Only root can become somebody else; for everybody else every test here is
/// this one.
#[test]
fn without_root_the_lab_runs_without_interfaces_and_says_so() {
    if !is_root() {
        return everything_is_shown_and_nothing_is_left(&[], "macvlan");
    }
    const NOBODY: u32 = 65534;
    let open = |path: &std::path::Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    // The target directory may be closed to others.
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    for program in
        [std::path::Path::new(CTL), &programs().join("spiderpool"), &programs().join("spiderpool-agent")]
    {
        let copy = folder.path().join(program.file_name().unwrap());
        fs::copy(program, &copy).unwrap();
        open(&copy);
    }
    let mut lab = Command::new(folder.path().join("spiderpoolctl"));
    lab.args(["lab", "--pods", "4"]).env("TMPDIR", &own).uid(NOBODY).gid(NOBODY);
    let output = lab.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("WITHOUT network interfaces (network namespaces need root)"), "{text}");
    assert_eq!(fs::read_dir(&own).unwrap().count(), 0, "the lab's directory is left");
}
