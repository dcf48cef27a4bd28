//! A cluster that Spiderpool is installed on.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use spiderpool_testbed::{Binaries, Binary, Nodes, NodesOptions};

/// Where `cargo xtask images` put the images; it sets this.
const IMAGES_VARIABLE: &str = "SPIDERPOOL_IMAGES";

/// How long anything may take that is waited for: far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Cluster {
    pub(crate) nodes: Nodes,
    helm: PathBuf,
    since: Instant,
}

/// Values for images of this machine.
const IMAGES: [&str; 6] = [
    "spiderpoolAgent.image.registry=localhost",
    "spiderpoolAgent.image.repository=spiderpool-agent",
    "spiderpoolAgent.image.pullPolicy=Never",
    "spiderpoolController.image.registry=localhost",
    "spiderpoolController.image.repository=spiderpool-controller",
    "spiderpoolController.image.pullPolicy=Never",
];

pub(crate) fn images() -> PathBuf {
    let folder = std::env::var_os(IMAGES_VARIABLE).map(PathBuf::from);
    folder.expect("run by cargo xtask test --only nodes, which builds the images")
}

impl Cluster {
    /// Two nodes without Spiderpool.
    #[expect(clippy::disallowed_methods, reason = "it is printed, not judged")]
    pub(crate) fn start(network: &str) -> Self {
        let since = Instant::now();
        let images = ["agent", "controller"].map(|name| images().join(format!("{name}.tar")));
        let options = NodesOptions { count: 2, network: network.to_owned(), images: images.into() };
        let nodes = Nodes::start(&options).unwrap();
        let helm = Binaries::find().unwrap().program(Binary::Helm).unwrap();
        Self { nodes, helm, since }
    }

    fn helm(&self, words: &[&str], values: &[&str]) -> String {
        let mut command = Command::new(&self.helm);
        command.arg("--kubeconfig").arg(self.nodes.plane().kubeconfig());
        command.args(words).args(["--namespace", "kube-system", "--wait", "--timeout", "4m"]);
        command.args(values.iter().flat_map(|value| ["--set", value]));
        let output = command.output().unwrap();
        let said = [&output.stdout, &output.stderr]
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .concat();
        if !output.status.success() {
            panic!("helm {words:?}: {said}\n{}", self.described());
        }
        said
    }

    /// `helm upgrade --install` with these values.
    pub(crate) fn install(&self, values: &[&str]) -> String {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/spiderpool");
        let values: Vec<_> = IMAGES.iter().chain(values).copied().collect();
        self.helm(&["upgrade", "--install", "spiderpool", &chart.to_string_lossy()], &values)
    }

    pub(crate) fn uninstall(&self) -> String {
        self.helm(&["uninstall", "spiderpool"], &[])
    }

    /// What is to be seen when something does not come.
    fn described(&self) -> String {
        let kubectl =
            |words: &[&str]| self.nodes.plane().ask(words, "").unwrap_or_else(|problem| problem.to_string());
        let pods = kubectl(&["get", "pods", "-A", "-o", "wide"]);
        let events = kubectl(&["get", "events", "-A", "--sort-by=.lastTimestamp"]);
        let events: Vec<_> = events.lines().rev().take(25).collect();
        let controller = kubectl(&[
            "logs",
            "-n",
            "kube-system",
            "-l",
            "app.kubernetes.io/instance=spiderpool",
            "--tail=15",
            "--prefix",
            "--all-containers",
        ]);
        format!("{pods}\n{}\n{controller}", events.join("\n"))
    }

    pub(crate) fn kubectl(&self, words: &[&str]) -> String {
        self.nodes.plane().ask(words, "").unwrap()
    }

    /// What `spiderpoolctl` says to an administrator.
    pub(crate) fn spiderpoolctl(&self, words: &[&str]) -> String {
        let mut command = Command::new(images().join("programs/spiderpoolctl"));
        command.env("KUBECONFIG", self.nodes.plane().kubeconfig()).args(["--store", "kube"]).args(words);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{words:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    pub(crate) fn apply(&self, manifest: &str) {
        self.nodes.plane().ask(&["apply", "-f", "-"], manifest).unwrap();
    }

    /// What the API server says to an edit that it refuses.
    pub(crate) fn refused(&self, manifest: &str) -> String {
        self.nodes.plane().ask(&["apply", "-f", "-"], manifest).unwrap_err().to_string()
    }

    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.kubectl(&[words, &["-o", "json"]].concat())).unwrap()
    }

    /// Looks until there is an answer.
    #[expect(clippy::disallowed_methods, reason = "kubelets send no event to this process")]
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(answer) = look(self) {
                return answer;
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}\n{}", self.described());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The pods with label `app=NAME`.
    pub(crate) fn pods(&self, app: &str) -> Vec<Pod> {
        self.pods_of(&format!("app={app}"))
    }

    /// The pods with these labels.
    pub(crate) fn pods_of(&self, labels: &str) -> Vec<Pod> {
        self.pods_in("default", labels)
    }

    /// The same in another namespace.
    pub(crate) fn pods_in(&self, namespace: &str, labels: &str) -> Vec<Pod> {
        let listed = self.json(&["get", "pods", "-n", namespace, "-l", labels]);
        let mut pods: Vec<_> = listed["items"].as_array().unwrap().iter().map(Pod::of).collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        pods
    }

    /// Waits until exactly `count` pods of `app` are there, all ready.
    pub(crate) fn ready(&self, app: &str, count: usize) -> Vec<Pod> {
        self.ready_of(&format!("app={app}"), count)
    }

    /// The same for labels.
    pub(crate) fn ready_of(&self, labels: &str, count: usize) -> Vec<Pod> {
        self.until(&format!("{count} pods of {labels}"), |cluster| {
            let pods = cluster.pods_of(labels);
            (pods.len() == count && pods.iter().all(|pod| pod.ready && !pod.ends)).then_some(pods)
        })
    }

    /// Says how far it is: such a test takes minutes.
    pub(crate) fn at(&self, step: &str) {
        eprintln!("{:5.1} s  {step}", self.since.elapsed().as_secs_f64());
    }

    /// Waits until nothing of `app` is left.
    pub(crate) fn gone(&self, app: &str) {
        self.until(&format!("the end of {app}"), |cluster| cluster.pods(app).is_empty().then_some(()));
    }

    /// Waits until nobody holds an address of `pool`, as its status says.
    pub(crate) fn free(&self, pool: &str) {
        self.until(&format!("pool {pool} to be free"), |cluster| {
            (cluster.json(&["get", "sp", pool])["status"]["allocatedIPCount"] == 0).then_some(())
        });
    }

    /// Pings `address` from inside of `pod`.
    pub(crate) fn ping(&self, pod: &str, address: &str) {
        let words = ["exec", pod, "--", "/bin/busybox", "ping", "-c", "1", "-W", "5", address];
        self.until(&format!("{pod} to reach {address}"), |cluster| {
            cluster.nodes.plane().ask(&words, "").ok()
        });
    }
}

/// A pod, as far as it matters here.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) node: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) ready: bool,
    pub(crate) ends: bool,
}

impl Pod {
    fn of(object: &Value) -> Self {
        let (metadata, status) = (&object["metadata"], &object["status"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let addresses = status["podIPs"].as_array().into_iter().flatten();
        let conditions = status["conditions"].as_array().into_iter().flatten();
        Self {
            name: text(&metadata["name"]),
            uid: text(&metadata["uid"]),
            node: text(&object["spec"]["nodeName"]),
            addresses: addresses.map(|one| text(&one["ip"])).collect(),
            ready: conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True"),
            ends: !metadata["deletionTimestamp"].is_null(),
        }
    }
}
