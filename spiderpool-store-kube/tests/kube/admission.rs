//! Rule 5b: an edit takes effect only on the version that admission judged. The API server runs validating admission
//! inside its own compare-and-swap loop, and runs it again when the object changed in between.

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use crate::cluster::{Refusal, apply, delete, get, put, send, shared, until};

const POOLS: &str = "/apis/spiderpool.spidernet.io/v2beta1/spiderippools";
const HOOK: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/spiderpool-test";

/// What the webhook saw and does.
#[derive(Default)]
struct Desk {
    /// Operation and `resourceVersion` of the object as it stood, of each review.
    reviews: Vec<(String, String)>,
    /// Whether the next review is overtaken by a write of the object's status.
    overtake: bool,
    /// The versions that those writes gave.
    overtakers: Vec<String>,
}

fn revision(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}

/// Changes the status of `name`, as settling does to fence an edit.
async fn fence(client: &kube::Client, name: &str, value: usize) -> String {
    let mut object = get(client, &format!("{POOLS}/{name}")).await.unwrap();
    object["status"] = json!({ "fence": format!("{value}") });
    revision(&put(client, &format!("{POOLS}/{name}/status"), &object).await.unwrap())
}

async fn review(
    client: &kube::Client,
    desk: &Mutex<Desk>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let asked = &review["request"];
    let (overtake, count) = {
        let mut desk = desk.lock();
        desk.reviews.push((asked["operation"].as_str().unwrap().into(), revision(&asked["oldObject"])));
        (std::mem::take(&mut desk.overtake), desk.reviews.len())
    };
    if overtake {
        let fenced = fence(client, asked["name"].as_str().unwrap(), count).await;
        desk.lock().overtakers.push(fenced);
    }
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": { "uid": asked["uid"], "allowed": true },
    });
    Ok(Response::builder()
        .header("Content-Type", "application/json")
        .body(Full::new(answer.to_string().into()))
        .unwrap())
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Serves reviews; gives the URL and the certificate to trust.
async fn serve(client: kube::Client, desk: Arc<Mutex<Desk>>) -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, client, desk) = (acceptor.clone(), client.clone(), desk.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request| review(&client, &desk, request));
                drop(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await,
                );
            });
        }
    });
    (url, certified.cert.pem())
}

/// How an object may be changed or deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Update,
    UpdateWithoutVersion,
    MergePatch,
    JsonPatch,
    Apply,
    Delete,
}

async fn change(client: &kube::Client, way: Way, path: &str, old: &Value) -> Result<Value, Refusal> {
    let mut object = old.clone();
    object["spec"]["ips"] = json!(["10.0.0.5"]);
    match way {
        Way::Update => put(client, path, &object).await,
        Way::UpdateWithoutVersion => {
            object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
            put(client, path, &object).await
        }
        Way::MergePatch => {
            let patch = json!({ "spec": { "ips": ["10.0.0.5"] } });
            send(client, Method::PATCH, path, "application/merge-patch+json", Some(&patch)).await
        }
        Way::JsonPatch => {
            let patch = json!([{ "op": "replace", "path": "/spec/ips", "value": ["10.0.0.5"] }]);
            send(client, Method::PATCH, path, "application/json-patch+json", Some(&patch)).await
        }
        Way::Apply => apply(client, path, &pool(json!(["10.0.0.5"]))).await,
        Way::Delete => delete(client, path).await,
    }
}

fn pool(ips: Value) -> Value {
    json!({
        "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool", "metadata": { "name": "judged" },
        "spec": { "subnet": "10.0.0.0/24", "ips": ips },
    })
}

#[test]
fn an_edit_takes_effect_only_on_the_version_that_was_judged() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        let desk = Arc::new(Mutex::new(Desk::default()));
        let (url, certificate) = serve(client.clone(), desk.clone()).await;
        let hook = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": "spiderpool-test" },
            "webhooks": [{
                "name": "judge.spiderpool.spidernet.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Fail", "timeoutSeconds": 20,
                "clientConfig": { "url": url, "caBundle": base64(certificate.as_bytes()) },
                "rules": [{
                    "apiGroups": ["spiderpool.spidernet.io"], "apiVersions": ["*"], "resources": ["spiderippools"],
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                }],
            }],
        });
        apply(&client, HOOK, &hook).await.unwrap();
        let path = format!("{POOLS}/judged");
        until("the webhook is not asked", async || {
            // Each time something else, or there would be nothing to judge.
            let octet = desk.lock().reviews.len() % 2 + 2;
            apply(&client, &format!("{POOLS}/probe"), &{
                let mut probe = pool(json!([format!("10.0.0.{octet}")]));
                probe["metadata"]["name"] = "probe".into();
                probe
            })
            .await
            .unwrap();
            let asked = !desk.lock().reviews.is_empty();
            if !asked {
                delete(&client, &format!("{POOLS}/probe")).await.unwrap();
            }
            asked
        })
        .await;
        delete(&client, &format!("{POOLS}/probe")).await.unwrap();

        for way in [Way::Update, Way::UpdateWithoutVersion, Way::MergePatch, Way::JsonPatch, Way::Apply, Way::Delete] {
            let old = apply(&client, &path, &pool(json!(["10.0.0.4"]))).await.unwrap();
            *desk.lock() = Desk { overtake: true, ..Desk::default() };
            let answer = change(&client, way, &path, &old).await;
            let seen = std::mem::take(&mut *desk.lock());
            let reviewed: Vec<&str> = seen.reviews.iter().map(|(_, version)| version.as_str()).collect();
            println!("{way:?}: judged {reviewed:?}, overtaken by {:?}: {answer:?}", seen.overtakers);
            match way {
                // Its writer named the version, and is told.
                Way::Update => {
                    assert_eq!(answer.unwrap_err().code, 409);
                    assert_eq!(reviewed, [revision(&old)]);
                    assert_eq!(get(&client, &path).await.unwrap()["spec"], old["spec"]);
                }
                // Custom resources cannot be replaced blindly: there is nothing to judge.
                Way::UpdateWithoutVersion => {
                    assert_eq!(answer.unwrap_err().code, 422);
                    assert_eq!(get(&client, &path).await.unwrap()["spec"], old["spec"]);
                }
                // The server's own loop: judged again, on the version that its transaction then compares.
                _ => {
                    answer.unwrap();
                    assert_eq!(reviewed, [revision(&old), seen.overtakers[0].clone()], "{way:?}");
                }
            }
            if way == Way::Delete {
                assert_eq!(get(&client, &path).await.unwrap_err().code, 404);
            } else {
                delete(&client, &path).await.unwrap();
            }
        }
        delete(&client, HOOK).await.unwrap();
    });
}
