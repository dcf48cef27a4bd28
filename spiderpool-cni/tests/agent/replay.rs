//! The spool: what was noted is done, before anything else happens to its container.

use crate::support::{FakeIpam, Node, add_request, attachment, serve};
use spiderpool_cni::api::ErrorCode;
use spiderpool_cni::client::ClientError;
use spiderpool_cni::spool::Spool;
use std::time::Duration;

/// Waits until the spool is empty; ends by the test's own time limit if it never is.
async fn emptied(node: &Node) {
    while !node.names(&node.spool()).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn entries_are_replayed_and_go() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let spool = Spool::new(node.spool());
    spool.write(&attachment("c1", "eth0")).unwrap();
    spool.write(&attachment("c1", "net1")).unwrap();
    std::fs::write(node.spool().join("c2:eth0.json"), "{\"contain").unwrap();
    let agent = node.start(&ipam).await;
    emptied(&node).await;
    let mut calls = ipam.calls();
    calls.sort();
    assert_eq!(calls, ["del by name c2/eth0", "del c1/eth0", "del c1/net1"]);
    assert_eq!(node.client().status().await.unwrap().pending_releases, 0);
    agent.stop().await;
}

#[tokio::test]
async fn an_add_waits_for_its_own_container_and_others_do_not() {
    let (node, ipam) = (Node::new(), FakeIpam::closed());
    Spool::new(node.spool()).write(&attachment("c1", "net1")).unwrap();
    let agent = node.start(&ipam).await;
    ipam.begun.notified().await;

    let own = tokio::spawn({
        let client = node.client();
        async move { client.add(&add_request("c1", "eth0")).await }
    });
    let mut hurried = add_request("c1", "eth0");
    hurried.deadline_millis = Some(1);
    let ClientError::Refused(body) = node.client().add(&hurried).await.unwrap_err() else { panic!() };
    assert_eq!(body.code, ErrorCode::Busy);
    assert_eq!(node.client().status().await.unwrap().pending_releases, 1);
    assert!(!own.is_finished());

    let other = tokio::spawn({
        let client = node.client();
        async move { client.add(&add_request("c2", "eth0")).await }
    });
    // It has begun, with the release of c1 still going on.
    ipam.begun.notified().await;
    ipam.open(3);
    other.await.unwrap().unwrap();
    own.await.unwrap().unwrap();
    let calls = ipam.calls();
    let position = |call: &str| calls.iter().position(|other| other == call).unwrap();
    assert!(position("del c1/net1") < position("add c1/eth0"), "{calls:?}");
    agent.stop().await;
}

#[tokio::test]
async fn an_entry_written_while_the_agent_serves_is_seen_by_an_add() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    Spool::new(node.spool()).write(&attachment("c1", "eth0")).unwrap();
    node.client().add(&add_request("c1", "eth0")).await.unwrap();
    assert_eq!(ipam.calls(), ["del c1/eth0", "add c1/eth0"]);
    assert!(node.names(&node.spool()).is_empty());
    agent.stop().await;
}

#[tokio::test]
async fn an_entry_goes_only_when_its_release_is_confirmed() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    Spool::new(node.spool()).write(&attachment("c1", "eth0")).unwrap();
    ipam.refuse(Some(ErrorCode::Unavailable));
    let agent = node.start(&ipam).await;
    ipam.begun.notified().await;
    assert!(node.client().del(&attachment("c1", "eth0")).await.is_err());
    agent.stop().await;
    assert_eq!(node.names(&node.spool()), ["c1:eth0.json"]);

    // The next agent does it; and so does a DEL that comes meanwhile.
    ipam.refuse(None);
    let agent = node.start(&ipam).await;
    node.client().del(&attachment("c1", "eth0")).await.unwrap();
    emptied(&node).await;
    agent.stop().await;
}

#[tokio::test]
async fn a_spool_that_cannot_be_read_stops_the_agent() {
    let node = Node::new();
    std::fs::write(node.spool(), "a file where a directory should be").unwrap();
    let agent = node.bind().await;
    let running = serve(agent, &FakeIpam::new());
    let served = tokio::time::timeout(Duration::from_secs(60), running.tell_to_stop()).await;
    let error = served.unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("cannot read the spool"), "{error}");
}
