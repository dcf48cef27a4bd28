//! Labs that are told to stop.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rstest::rstest;

use crate::support::{Bench, CTL, processes_with};

/// At the line that has these words the signal is sent, so it meets what comes after that line.
#[rstest]
#[case::at_the_beginning("Spiderpool lab in", Signal::SIGINT)]
#[case::while_pods_come_and_go("== Four addresses", Signal::SIGINT)]
#[case::in_the_burst("pods at once on exactly", Signal::SIGINT)]
#[case::by_a_service_manager("== A Deployment is restarted", Signal::SIGTERM)]
#[case::by_a_closed_terminal("== A pod with two interfaces", Signal::SIGHUP)]
#[case::at_the_end("== All pods go", Signal::SIGINT)]
fn a_stopped_lab_leaves_nothing(#[case] words: &str, #[case] signal: Signal) {
    let bench = Bench::new();
    let mut child =
        bench.lab(&["--pods", "60"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let met = lines.by_ref().map(Result::unwrap).find(|line| line.contains(words));
    let prefix = bench.state().map(|state| state["prefix"].as_str().unwrap().to_owned());
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    // What is still said is read, so that the lab never waits for its reader.
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(met.is_some(), "{words:?} never came: {rest:?} {errors}");
    assert_eq!(output.status.code(), Some(130), "{rest:?} {errors}");
    assert_eq!(errors, "error: interrupted\n");
    bench.assert_clean(Some(&prefix.unwrap()));
}

/// Nothing can be cleaned up by a process that is killed at once; the directory tells another one what to remove.
#[test]
fn a_killed_lab_is_removed_by_hand() {
    let bench = Bench::new();
    let mut child = bench.lab(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("== A Deployment is restarted")));
    let prefix = bench.state().map(|state| state["prefix"].as_str().unwrap().to_owned());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(processes_with(&bench.dir().join("agent.sock")).len(), 1, "the agent outlives the lab");
    let down = Command::new(CTL).args(["lab", "--down"]).arg(bench.dir()).output().unwrap();
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    bench.assert_clean(Some(&prefix.unwrap()));
}

#[test]
fn a_reader_that_goes_away_keeps_nothing_from_being_removed() {
    let bench = Bench::new();
    let mut child = bench.lab(&["--no-network"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("Spiderpool lab in "), "{first}");
    assert!(child.wait().unwrap().success());
    bench.assert_clean(None);
}
