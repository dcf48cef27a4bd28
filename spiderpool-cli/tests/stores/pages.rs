//! The commands of the documentation's first pages, run as they stand there.

use std::{path::Path, process::Command};

use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};

use crate::programs::programs;

/// The blocks of a page that are for a shell, one after the other.
fn script(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/getting-started").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> =
        text.split("```sh\n").skip(1).map(|rest| rest.split_once("```\n").unwrap().0).collect();
    assert!(blocks.len() > 2, "{page} has no commands");
    blocks.join("\n")
}

/// Runs all of a page; every command has to succeed. What it started ends with it.
fn run(page: &str, etcd: &str) -> String {
    let place = tempfile::tempdir().unwrap();
    let script =
        format!("set -eux\nset -o pipefail\ntrap 'kill -9 $(jobs -p) || true' EXIT\n{}", script(page));
    let path = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-m", "-c", &script])
        .current_dir(place.path())
        .env_clear()
        .envs([("PATH", path.as_str()), ("ETCD", etcd), ("LC_ALL", "C")])
        .output()
        .unwrap();
    let (said, steps) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{page}: {}\n{said}\n{steps}", output.status);
    said.into_owned()
}

#[test]
fn one_machine_serves_as_many_containers_as_it_has_addresses() {
    let said = run("one-machine.md", "");
    assert!(said.contains("\"10.20.0.12/16\"") && said.contains("second"), "{said}");
}

#[test]
fn two_machines_share_a_pool_on_etcd() {
    let Some(etcd) = or_skip("the page about etcd", Etcd::start(&EtcdOptions::members(1))) else { return };
    let said = run("etcd.md", etcd.url().trim_start_matches("etcd://"));
    assert!(said.contains("\"10.30.0.11/16\"") && said.contains("racks"), "{said}");
}
