//! What the other crates' tests rely on: servers serve, and end when they should.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, Etcd, EtcdOptions, or_skip};

/// A test that is run as a process of its own starts a server, says so, and waits to be killed.
const VICTIM_VARIABLE: &str = "SPIDERPOOL_TESTBED_VICTIM";

fn is_alive(pid: u32) -> bool {
    // A zombie has no command line.
    std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).is_ok_and(|line| !line.is_empty())
}

fn wait_for_the_end_of(pid: u32) {
    while is_alive(pid) {
        std::thread::yield_now();
    }
}

#[test]
fn a_leader_that_is_cut_off_is_replaced_and_comes_back() {
    let Some(mut etcd) = or_skip("testbed: cluster", Etcd::start(&EtcdOptions::members(3))) else { return };
    let first = etcd.leader().unwrap();
    etcd.partition(first).unwrap();
    etcd.wait_until(|etcd| !etcd.has_leader(first)).unwrap();
    let second = etcd.leader().unwrap();
    assert_ne!(first, second);
    etcd.heal();
    etcd.wait_until(|etcd| etcd.has_leader(first)).unwrap();
    let leader = etcd.leader().unwrap();
    etcd.kill(leader);
    assert_ne!(etcd.leader().unwrap(), leader);
    etcd.restart(leader).unwrap();
}

#[test]
fn a_server_ends_with_its_guard() {
    let Some(etcd) = or_skip("testbed: guard", Etcd::start(&EtcdOptions::members(1))) else { return };
    let pids: Vec<u32> = etcd.processes().map(|process| process.pid()).collect();
    assert!(pids.len() == 1 && pids.iter().all(|pid| is_alive(*pid)));
    drop(etcd);
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}

#[test]
fn a_server_dies_with_the_process_that_started_it() {
    let name = "a_server_dies_with_the_process_that_started_it";
    if std::env::var_os(VICTIM_VARIABLE).is_some() {
        let etcd = Etcd::start(&EtcdOptions::members(1)).unwrap();
        println!("\npid {}", etcd.processes().next().unwrap().pid());
        std::thread::park();
        unreachable!("parked for ever: {}", etcd.url());
    }
    // Builds it where needed, and finds out whether that is possible.
    if or_skip("testbed: death", Etcd::start(&EtcdOptions::members(1))).is_none() {
        return;
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(VICTIM_VARIABLE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(victim.stdout.take().unwrap()).lines();
    let pid = said.map_while(Result::ok).find_map(|line| line.strip_prefix("pid ")?.parse().ok());
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Which no guard did.
    let folder = std::env::temp_dir().join(format!("spiderpool-testbed-{}-0", victim.id()));
    let pid = pid.expect("the victim started no server");
    wait_for_the_end_of(pid);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_api_server_keeps_its_objects_over_a_restart() {
    let started = ControlPlane::start(&ControlPlaneOptions::default());
    let Some(mut plane) = or_skip("testbed: control plane", started) else { return };
    let kubectl = |plane: &ControlPlane, args: &[&str]| {
        let output = Command::new(plane.kubectl())
            .arg("--kubeconfig")
            .arg(plane.kubeconfig())
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    kubectl(&plane, &["create", "namespace", "lasting"]);
    plane.restart_apiserver().unwrap();
    assert_eq!(kubectl(&plane, &["get", "namespace", "lasting", "-o", "name"]), "namespace/lasting\n");
}
