//! The webhook's certificate by the real cert-manager, as the chart asks for it, and what its renewals do to the webhook.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write as _,
    net::{SocketAddr, TcpStream},
    os::unix::fs::symlink,
    path::Path,
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use spiderpool_testbed::{CertManager, or_skip, unused};
use tempfile::TempDir;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    rendered::{Helm, named},
    support::{Cluster, Controller, MOST_LOOKS},
};

/// How often the certificate is renewed.
const RENEWALS_VARIABLE: &str = "SPIDERPOOL_SOAK_RENEWALS";
const SECRET: &str = "spiderpool-controller-server-certs";
const AUTHORITY: &str = "spiderpool-controller-ca";
const CONFIGURATIONS: [&str; 2] = [
    "mutatingwebhookconfiguration/spiderpool-controller",
    "validatingwebhookconfiguration/spiderpool-controller",
];

/// What is applied of the chart: all that the API server and cert-manager need for the webhook.
const APPLIED: [&str; 5] =
    ["Issuer", "Certificate", "Service", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// A cluster with cert-manager and what the chart makes of `tls.method=certmanager`.
struct Certified {
    cluster: Cluster,
    manager: CertManager,
    /// Where the API server finds the webhook.
    webhook: SocketAddr,
    chart: BTreeMap<String, Value>,
    mounted: TempDir,
}

impl Certified {
    fn start(test: &str) -> Option<Self> {
        let (helm, cluster) = (Helm::find(test)?, Cluster::start(test)?);
        let manager = or_skip(test, CertManager::start(&cluster.plane))?;
        let webhook = unused();
        let port = format!("spiderpoolController.webhookPort={}", webhook.port());
        let mut chart = named(&helm.rendered(&["spiderpoolController.tls.method=certmanager", &port]));
        // No address of the cluster leads anywhere here. By a Service of this type the API server goes to the webhook itself, and
        // asks for the certificate of the same name as ever: that of the Service.
        chart.get_mut("Service/spiderpool-controller").unwrap()["spec"] =
            json!({"type": "ExternalName", "externalName": webhook.ip().to_string()});
        let certified = Self { cluster, manager, webhook, chart, mounted: tempfile::tempdir().unwrap() };
        certified.apply();
        Some(certified)
    }

    fn apply(&self) {
        let items: Vec<_> =
            self.chart.values().filter(|one| APPLIED.iter().any(|kind| one["kind"] == *kind)).collect();
        self.cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
    }

    fn says(&self, args: &[&str]) -> String {
        let said = self.cluster.plane.ask(&[args, &["-n", "kube-system"]].concat(), "");
        said.unwrap_or_else(|error| panic!("{error}\n{}", self.manager.last_words()))
    }

    /// Waits until cert-manager has issued `certificate` so often, and all of that is in its Secret.
    fn issued(&self, certificate: &str, times: usize) {
        let revision = format!("--for=jsonpath={{.status.revision}}={times}");
        let object = format!("certificate/{certificate}");
        for condition in ["--for=condition=Ready", &revision] {
            self.says(&["wait", condition, &object, "--timeout=120s"]);
        }
    }

    /// What `cmctl renew` does.
    fn renew(&self, certificate: &str) {
        let patch = r#"[{"op": "add", "path": "/status/conditions/-", "value":
            {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "by a test"}}]"#;
        self.says(&["patch", "certificate", certificate, "--subresource=status", "--type=json", "-p", patch]);
    }

    /// The files of a certificate's Secret as they are now.
    fn secret(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let secret: Value = serde_json::from_str(&self.says(&["get", "secret", name, "-o", "json"])).unwrap();
        let data = secret["data"].as_object().unwrap().iter();
        data.map(|(name, value)| (name.clone(), BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap()))
            .collect()
    }

    /// Waits until the API server believes what the CA in the Secret signs, whatever webhook it asks; whom it believes.
    fn trusted(&self) -> String {
        let authority = String::from_utf8(self.secret(SECRET).remove("ca.crt").unwrap()).unwrap();
        for _ in 0..MOST_LOOKS {
            let bundles = self.says(
                &[
                    &["get"],
                    &CONFIGURATIONS[..],
                    &["-o", "jsonpath={.items[*].webhooks[*].clientConfig.caBundle}"],
                ]
                .concat(),
            );
            let bundles: Vec<String> = bundles
                .split_whitespace()
                .map(|bundle| String::from_utf8(BASE64_STANDARD.decode(bundle).unwrap()).unwrap())
                .collect();
            // Those before may still be believed.
            if bundles.len() == 6 && bundles.iter().all(|bundle| bundle.contains(authority.trim())) {
                assert!(bundles.iter().all(|bundle| *bundle == bundles[0]), "{bundles:?}");
                return bundles[0].clone();
            }
        }
        panic!("the CA is not in each caBundle: {}", self.manager.last_words());
    }

    /// Mounts the Secret, or brings the mount up to date, as kubelet does: all files change at once.
    fn mount(&self) {
        let files = self.secret(SECRET);
        let version = tempfile::Builder::new().prefix("..").tempdir_in(&self.mounted).unwrap().keep();
        for (name, content) in &files {
            fs::File::create(version.join(name)).unwrap().write_all(content).unwrap();
            let (file, data) = (self.mounted.path().join(name), Path::new("..data").join(name));
            if !file.is_symlink() {
                symlink(data, file).unwrap();
            }
        }
        let next = self.mounted.path().join("..data_tmp");
        symlink(version.file_name().unwrap(), &next).unwrap();
        fs::rename(next, self.mounted.path().join("..data")).unwrap();
    }

    /// Starts the controller with the certificate's files where the Deployment says, but for the folder.
    fn controller(&self) -> Controller {
        let pod = &self.chart["Deployment/spiderpool-controller"]["spec"]["template"]["spec"];
        assert!(
            pod["volumes"]
                .as_array()
                .unwrap()
                .contains(&json!({"name": "tls", "secret": {"secretName": SECRET}}))
        );
        let container = &pod["containers"][0];
        let mounts = container["volumeMounts"].as_array().unwrap();
        let folder =
            mounts.iter().find(|mount| mount["name"] == "tls").unwrap()["mountPath"].as_str().unwrap();
        let here = self.mounted.path().to_str().unwrap();
        let args = container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
        let args: Vec<String> =
            args.filter(|arg| arg.starts_with("--tls-")).map(|arg| arg.replace(folder, here)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.cluster.controller_at(self.webhook, "one", &args)
    }

    /// The certificate that the webhook shows to whoever believes what the API server does, under the name that it asks for.
    fn shown(&self) -> CertificateDer<'static> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(self.trusted().as_bytes()) {
            roots.add(authority.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "spiderpool-controller.kube-system.svc".try_into().unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(self.webhook).unwrap());
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// The API server asks the webhook, and does what it says.
    fn judged(&self, round: usize) {
        let pool = |name: &str, ips: &str| {
            json!({
                "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool", "metadata": {"name": name},
                "spec": {"subnet": "10.9.0.0/24", "ips": [ips]},
            })
            .to_string()
        };
        let ip = format!("10.9.0.{round}");
        self.cluster.apply(&pool(&format!("good-{round}"), &ip));
        let refused = self.cluster.refused(&pool(&format!("bad-{round}"), &ip));
        assert!(
            refused.contains("denied the request") && refused.contains(&format!("good-{round}")),
            "{refused}"
        );
    }
}

#[test]
#[ignore = "builds cert-manager, which takes minutes: cargo xtask soak --renewals 1"]
fn cert_manager_makes_and_renews_the_certificate_and_the_webhook_is_believed_throughout() {
    let Some(certified) = Certified::start("operator: cert-manager") else { return };
    certified.issued(AUTHORITY, 1);
    certified.issued(SECRET, 1);
    let of = |certificate, field: &str| {
        certified.says(&["get", "certificate", certificate, "-o", &format!("jsonpath={{.status.{field}}}")])
    };
    assert!(of(SECRET, "notAfter") < of(AUTHORITY, "renewalTime"), "a CA outlives what it signs");
    certified.mount();
    let controller = certified.controller();
    controller.until("leading");
    let mut before = certified.shown();
    certified.judged(1);

    // What the injector wrote survives an upgrade of the release.
    certified.apply();
    certified.trusted();

    let renewals = env::var(RENEWALS_VARIABLE).map_or(1, |text| text.parse().unwrap());
    for renewal in 1..=renewals {
        let authority = certified.secret(AUTHORITY);
        certified.renew(AUTHORITY);
        certified.issued(AUTHORITY, renewal + 1);
        assert_ne!(certified.secret(AUTHORITY), authority);
        certified.says(&["delete", "secret", SECRET]);
        certified.issued(SECRET, renewal + 1);
        // kubelet has not brought the files up to date yet.
        assert_eq!(certified.shown(), before);
        certified.judged(2 * renewal);

        certified.mount();
        controller.until_time(renewal, "the webhook's certificate was exchanged, as its file was");
        let now = certified.shown();
        assert_ne!(now, before);
        assert_eq!(now, CertificateDer::from_pem_slice(&certified.secret(SECRET)["tls.crt"]).unwrap());
        certified.judged(2 * renewal + 1);
        before = now;
    }
    controller.stopped();
}
