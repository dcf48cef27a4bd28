//! The log.

use crate::support::{Node, grant};
use rstest::rstest;
use serde_json::{Value, json};

#[test]
fn a_line_names_the_call() {
    let node = Node::new();
    let _agent = node.agent(vec![grant()]);
    let args = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_UID=0b9e";
    let ran = node.call("ADD").set("CNI_ARGS", args).stdin(node.conf("1.0.0").to_string()).run();
    assert_eq!((ran.exit, ran.stderr.as_str()), (0, ""));
    let [line] = node.log().try_into().unwrap();
    let mut line: Value = line;
    assert!(line["ts"].take().as_str().unwrap().ends_with('Z'));
    assert!(line["millis"].take().is_u64());
    assert_eq!(
        line,
        json!({
            "level": "INFO", "ts": null, "logger": "spiderpool", "millis": null,
            "msg": "granted 10.6.0.5/16 of pool p4, fd00::5/64 of pool p6",
            "CNICommand": "ADD", "ContainerID": "c0ffee", "IfName": "eth0", "NetNamespace": "/var/run/netns/test",
            "PodNamespace": "default", "PodName": "web-0", "PodUID": "0b9e", "Network": "macvlan-conf",
        })
    );
}

#[rstest]
#[case("debug", &["DEBUG", "INFO"])]
#[case("INFO", &["INFO"])]
#[case("", &["INFO"])]
#[case("Warn", &[])]
#[case("fatal", &[])]
fn levels(#[case] level: &str, #[case] lines: &[&str]) {
    let node = Node::new();
    let _agent = node.agent(vec![grant()]);
    let mut conf = node.conf("1.0.0");
    conf["ipam"]["log_level"] = json!(level);
    assert_eq!(node.run("ADD", &conf).exit, 0);
    let levels: Vec<_> = node.log().iter().map(|line| line["level"].as_str().unwrap().to_owned()).collect();
    assert_eq!(levels, lines);
    assert_eq!(node.path("log").exists(), !lines.is_empty(), "nothing to say, no file");
}

#[test]
fn the_log_rotates_and_numbers_may_be_strings() {
    let node = Node::new();
    let mut conf = node.conf("1.0.0");
    conf["ipam"]["log_file_max_size"] = json!("1");
    conf["ipam"]["log_file_max_age"] = json!("30");
    conf["ipam"]["log_file_max_count"] = json!("2");
    for _ in 0..4 {
        std::fs::create_dir_all(node.path("log")).unwrap();
        std::fs::write(node.path("log/spiderpool.log"), vec![b'x'; 1_000_000]).unwrap();
        node.run("ADD", &conf).assert_error(11);
        assert_eq!(node.log().len(), 1);
    }
    assert_eq!(std::fs::read_dir(node.path("log")).unwrap().count(), 3, "the log and two old ones");
}

#[test]
fn a_log_that_cannot_be_written_fails_nothing_and_goes_to_standard_error() {
    let node = Node::new();
    std::fs::write(node.path("log"), "a file where a directory should be").unwrap();
    node.run("DEL", &node.conf("1.0.0")).assert_silent_success();
    let ran = node.run("ADD", &node.conf("1.0.0"));
    let msg = ran.assert_error(11);
    let line: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(line["msg"], msg);
}
