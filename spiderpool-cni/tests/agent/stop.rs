//! Stopping, and what happens to requests meanwhile.

use crate::support::{FakeIpam, Node, add_request, serve};
use spiderpool_cni::agent::{Agent, ServeError, SocketError};
use spiderpool_cni::client::ClientError;
use tokio::net::TcpListener;

#[tokio::test]
async fn running_requests_end_and_new_ones_find_nobody() {
    let (node, ipam) = (Node::new(), FakeIpam::closed());
    let agent = node.start(&ipam).await;
    let running = tokio::spawn({
        let client = node.client();
        async move { client.add(&add_request("c1", "eth0")).await }
    });
    ipam.begun.notified().await;
    let stopped = agent.tell_to_stop();
    assert!(!stopped.is_finished());
    ipam.open(1);
    running.await.unwrap().unwrap();
    stopped.await.unwrap().unwrap();
    assert!(!node.socket().exists());
    assert!(matches!(node.client().healthy().await, Err(ClientError::NoAgent { .. })));
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_cut_the_work_off() {
    let (node, ipam) = (Node::new(), FakeIpam::closed());
    let agent = node.start(&ipam).await;
    let client = node.client();
    let request = add_request("c1", "eth0");
    tokio::select! {
        _ = client.add(&request) => panic!("the gate is closed"),
        () = ipam.begun.notified() => {}
    }
    // The connection is gone. Stopping still waits for the work.
    let stopped = agent.tell_to_stop();
    ipam.open(1);
    stopped.await.unwrap().unwrap();
    assert_eq!(ipam.calls(), ["add c1/eth0"]);
}

#[tokio::test]
async fn what_connects_before_the_agent_serves_waits() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.bind().await;
    let early = tokio::spawn({
        let client = node.client();
        async move { client.healthy().await }
    });
    tokio::task::yield_now().await;
    assert!(!early.is_finished());
    let running = serve(agent, &ipam);
    early.await.unwrap().unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_second_agent_is_refused_and_a_port_in_use_is_named() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let first = node.start(&ipam).await;
    let refused = Agent::bind(&node.settings()).await.unwrap_err();
    assert!(matches!(refused, ServeError::Socket(SocketError::InUse { .. })), "{refused}");
    node.client().healthy().await.unwrap();
    first.stop().await;

    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = node.settings();
    settings.metrics_addr = taken.local_addr().unwrap().to_string().parse().unwrap();
    let refused = Agent::bind(&settings).await.unwrap_err().to_string();
    assert!(
        refused.contains("for metrics") && refused.contains("choose another --metrics-addr"),
        "{refused}"
    );
    settings.metrics_addr = "off".parse().unwrap();
    assert_eq!(Agent::bind(&settings).await.unwrap().bound().metrics, None);
}
