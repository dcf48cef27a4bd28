//! Every route, and what is none.

use crate::http::{get, send};
use crate::support::{FakeIpam, Node, add_request, attachment};
use rstest::rstest;
use serde_json::{Value, json};
use spiderpool_cni::api::{
    CheckRequest, EndpointQuery, ErrorCode, ExplainRequest, GcRequest, SandboxRequest, SandboxState,
};
use spiderpool_cni::client::ClientError;

#[tokio::test]
async fn every_call_arrives_and_is_answered() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    let client = node.client();
    client.healthy().await.unwrap();
    let granted = client.add(&add_request("c1", "eth0")).await.unwrap();
    assert_eq!(granted.ips[0].address.to_string(), "10.6.0.5/16");
    let expected_ips = vec!["10.6.0.5/16".parse().unwrap()];
    client.check(&CheckRequest { attachment: attachment("c1", "eth0"), expected_ips }).await.unwrap();
    client.del(&attachment("c1", "eth0")).await.unwrap();
    let network_name = attachment("c1", "eth0").network_name;
    let collected = client.gc(&GcRequest { network_name, valid_attachments: Vec::new() }).await.unwrap();
    assert_eq!(collected.freed.len(), 1);
    let asked = SandboxRequest { node: "n1".into(), container_id: attachment("c1", "eth0").container_id };
    assert_eq!(client.sandbox(&asked).await.unwrap().sandbox, SandboxState::Gone);
    assert_eq!(client.status().await.unwrap().node, "n1");
    let query = EndpointQuery { pod_namespace: "a&b".into(), pod_name: "web 0".into() };
    assert_eq!(client.endpoint(&query).await.unwrap().pod_namespace, "a&b");
    let request: ExplainRequest =
        serde_json::from_value(json!({"podNamespace": "default", "podName": "web-0"})).unwrap();
    client.explain(&request).await.unwrap();
    assert_eq!(
        ipam.calls(),
        [
            "add c1/eth0",
            "check [\"10.6.0.5/16\"]",
            "del c1/eth0",
            "gc net 0",
            "sandbox n1 c1",
            "status",
            "endpoint a&b/web 0",
            "explain default/web-0",
        ]
    );
    agent.stop().await;
}

#[rstest]
#[case(ErrorCode::Exhausted)]
#[case(ErrorCode::WrongInput)]
#[case(ErrorCode::Gone)]
#[case(ErrorCode::Unavailable)]
#[tokio::test]
async fn refusals_arrive_as_they_are(#[case] code: ErrorCode) {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    ipam.refuse(Some(code.clone()));
    let (client, query) = (node.client(), EndpointQuery { pod_namespace: "a".into(), pod_name: "b".into() });
    let errors = [
        client.add(&add_request("c1", "eth0")).await.unwrap_err(),
        client.del(&attachment("c1", "eth0")).await.unwrap_err(),
        client.status().await.unwrap_err(),
        client.endpoint(&query).await.unwrap_err(),
    ];
    for error in errors {
        let ClientError::Refused(body) = error else { panic!("{error}") };
        assert_eq!((&body.code, body.retryable), (&code, code.is_transient()));
    }
    let (status, _) = send(&node.socket(), "GET", "/v1/ipam/status", b"").await;
    assert_eq!(status, code.http_status());
    agent.stop().await;
}

#[rstest]
#[case("GET", "/", "", 404, "NotFound", "there is no /")]
#[case("GET", "/v2/ipam/ip", "", 404, "NotFound", "there is no /v2/ipam/ip")]
#[case("PATCH", "/v1/ipam/ip", "", 405, "WrongInput", "/v1/ipam/ip does not take PATCH")]
#[case("POST", "/v1/ipam/ip", "", 422, "WrongInput", "EOF while parsing")]
#[case("POST", "/v1/ipam/ip", "{", 422, "WrongInput", "EOF while parsing")]
#[case("POST", "/v1/ipam/ip", "{}", 422, "WrongInput", "missing field `containerID`")]
#[case("POST", "/v1/ipam/ip", r#"{"containerID": "a/b"}"#, 422, "WrongInput", "container ID \"a/b\" must be")]
#[case("DELETE", "/v1/ipam/ip", "[]", 422, "WrongInput", "cannot be decoded")]
#[case("GET", "/v1/workloadendpoint", "", 422, "WrongInput", "the query cannot be read")]
#[tokio::test]
async fn what_is_no_request(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] code: &str,
    #[case] says: &str,
) {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    let (answered, answer) = send(&node.socket(), method, path, body.as_bytes()).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((answered, answer["code"].as_str()), (status, Some(code)), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    assert!(ipam.calls().is_empty());
    agent.stop().await;
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_and_others_go_on() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    let (status, answer) = send(&node.socket(), "POST", "/v1/ipam/gc", &vec![b' '; (16 << 20) + 1]).await;
    assert_eq!(status, 413, "{answer}");
    node.client().healthy().await.unwrap();
    agent.stop().await;
}

#[tokio::test]
async fn health_tells_whether_an_add_would_be_tried() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    let address = agent.bound.health.unwrap();
    for probe in ["startup", "readiness", "liveness"] {
        assert_eq!(get(address, &format!("/v1/runtime/{probe}")).await.0, 200, "{probe}");
    }
    ipam.refuse(Some(ErrorCode::Unavailable));
    let (status, why) = get(address, "/v1/runtime/readiness").await;
    assert_eq!((status, why.contains("refused")), (503, true), "{why}");
    assert_eq!(get(address, "/v1/runtime/liveness").await.0, 200, "restarting the agent would not help");
    *ipam.stopped.lock() = true;
    let (status, why) = get(address, "/v1/runtime/liveness").await;
    assert_eq!((status, why.contains("restart the agent")), (503, true), "{why}");
    assert_eq!(get(address, "/other").await.0, 404);
    agent.stop().await;
}
