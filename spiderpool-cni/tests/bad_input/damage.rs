//! A database that was cut short, and other things in its place.

use crate::support::Node;
use rstest::rstest;
use std::fs::{self, OpenOptions};

#[rstest]
#[case::half(|length| length / 2)]
#[case::all_but_a_byte(|length| length - 1)]
#[case::nothing_left(|_| 0)]
#[tokio::test]
async fn an_agent_on_a_truncated_database_says_so_or_has_lost_nothing(#[case] keep: fn(u64) -> u64) {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10-10.6.0.99").await;
    let granted: Vec<_> =
        (0..20).map(|n| (format!("c{n}"), node.plugin("ADD", &format!("c{n}"), None))).collect();
    agent.stopped();
    let log = node.path("db/documents/db");
    let length = fs::metadata(&log).unwrap().len();
    OpenOptions::new().write(true).open(&log).unwrap().set_len(keep(length)).unwrap();

    let mut started = node.command().spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(started.stderr.take().unwrap()));
    let last = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains("\"serving\"") || line.contains("\"ERROR\""));
    let last = last.expect("it serves, or says why not");
    if last.contains("\"serving\"") {
        // What sled writes ahead is longer than what counts.
        for (container, granted) in &granted {
            assert!(node.plugin("CHECK", container, Some(granted)).success, "{container} is forgotten");
        }
        started.kill().unwrap();
        started.wait().unwrap();
        return;
    }
    assert_eq!(started.wait().unwrap().code(), Some(1));
    assert!(last.contains("the store does not open: "), "{last}");
    assert!(last.contains("Restore a backup"), "it says what to do: {last}");
    assert!(last.contains(node.path("db").to_str().unwrap()), "it says where: {last}");
    assert!(!last.contains("panicked"), "{last}");
    let refused = node.plugin("ADD", "c99", None);
    assert_eq!(refused.answer["code"], 11, "{refused:?}");
}

#[test]
fn a_file_where_the_database_should_be_is_named() {
    let node = Node::new();
    fs::write(node.path("db"), "not a directory").unwrap();
    let (code, words) = node.start_in_vain(&[]);
    assert_eq!(code, 1);
    assert!(words.contains("the store does not open: ") && words.contains("/db"), "{words}");
}
