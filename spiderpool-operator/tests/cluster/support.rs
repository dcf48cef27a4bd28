//! A control plane with Spiderpool's resources, and controllers that are processes of their own.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, Line, or_skip};

use crate::log::Log;

const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/spiderpool/files/crds");
const WEBHOOKS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kubernetes/controller-webhooks.yaml");
const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kubernetes/controller-rbac.yaml");

/// A test that looks more often hangs: kubectl takes a twentieth of a second or more.
pub(crate) const MOST_LOOKS: usize = 2_400;

/// A control plane with its own controllers, Spiderpool's resources, and the controller's roles.
pub(crate) struct Cluster {
    pub(crate) plane: ControlPlane,
    kubeconfig: PathBuf,
}

impl Cluster {
    pub(crate) fn start(test: &str) -> Option<Self> {
        let options = ControlPlaneOptions { controllers: true, ..ControlPlaneOptions::default() };
        let plane = or_skip(test, ControlPlane::start(&options))?;
        plane.install(Path::new(DEFINITIONS)).unwrap();
        plane.ask(&["apply", "-f", ROLES], "").unwrap();
        // Without it no pod can be made; kube-controller-manager makes it when it gets to it.
        plane.ask(&["wait", "--for=create", "serviceaccount/default", "--timeout=120s"], "").unwrap();
        let kubeconfig = plane.kubeconfig_of("kube-system", "spiderpool-controller").unwrap();
        Some(Self { plane, kubeconfig })
    }

    /// From now on controllers reach the API server through a line that can be cut; kubectl does not.
    pub(crate) fn through_a_line(&mut self) -> Line {
        let line = Line::to(self.plane.address()).unwrap();
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let server = |address| format!("server: https://{address}\n");
        let changed = text.replace(&server(self.plane.address()), &server(line.address()));
        assert_ne!(text, changed);
        self.kubeconfig.set_extension("line");
        std::fs::write(&self.kubeconfig, changed).unwrap();
        line
    }

    /// What kubectl says.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        self.plane.ask(args, "").unwrap()
    }

    pub(crate) fn apply(&self, manifest: &str) {
        self.plane.ask(&["apply", "-f", "-"], manifest).unwrap();
    }

    /// Waits until a field of an object is so.
    pub(crate) fn until(&self, object: &str, path: &str, value: &str) {
        let condition = format!("--for=jsonpath={{{path}}}={value}");
        let waited = self
            .says_or(&["wait", "--for=create", object, "--timeout=120s"])
            .and_then(|_| self.says_or(&["wait", &condition, object, "--timeout=120s"]));
        if let Err(error) = waited {
            let now = self.says_or(&["get", object, "-o", "yaml"]);
            panic!("{object}: {path} does not become {value}: {error}\n{now:?}");
        }
    }

    /// Waits until a condition of an object is so; why.
    pub(crate) fn condition(&self, object: &str, kind: &str, status: &str) -> String {
        self.until(object, &format!(".status.conditions[?(@.type==\"{kind}\")].status"), status);
        let message = format!("jsonpath={{.status.conditions[?(@.type==\"{kind}\")].message}}");
        self.says(&["get", object, "-o", &message])
    }

    pub(crate) fn gone(&self, object: &str) {
        self.says(&["wait", "--for=delete", object, "--timeout=120s"]);
    }

    fn says_or(&self, args: &[&str]) -> Result<String, String> {
        self.plane.ask(args, "").map_err(|error| error.to_string())
    }

    /// The names of the pools of the application `name`, by family.
    pub(crate) fn pool_of(&self, application: &str) -> String {
        let label = format!("ipam.spidernet.io/owner-application-name={application}");
        self.once_said(&["get", "sp", "-l", &label, "-o", "jsonpath={.items[*].metadata.name}"])
    }

    /// What kubectl says, once it says anything.
    fn once_said(&self, args: &[&str]) -> String {
        let said = (0..MOST_LOOKS).map(|_| self.says(args)).find(|said| !said.is_empty());
        said.unwrap_or_else(|| panic!("kubectl says nothing to {args:?}"))
    }

    /// The messages of Events of this reason about objects of this name, until there is one.
    pub(crate) fn event(&self, name: &str, reason: &str) -> String {
        let selector = format!("involvedObject.name={name},reason={reason}");
        let args =
            ["get", "events", "-A", "--field-selector", &selector, "-o", "jsonpath={.items[*].message}"];
        self.once_said(&args)
    }

    /// Starts a controller and waits until it serves.
    pub(crate) fn controller(&self, name: &str, more: &[&str]) -> Controller {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        self.controller_at(anywhere, name, &[&["--tls-extra-names", "127.0.0.1"], more].concat())
    }

    /// The same with the webhook at an address that is known before; other ports are any.
    pub(crate) fn controller_at(&self, webhook: SocketAddr, name: &str, more: &[&str]) -> Controller {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spiderpool-controller"))
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .envs([("SPIDERPOOL_LEADER_DURATION", "3"), ("SPIDERPOOL_LEADER_RENEW_DEADLINE", "2")])
            .env("SPIDERPOOL_LEADER_RETRY_PERIOD", "1")
            .args(["daemon", "--pod-name", name, "--address", &webhook.ip().to_string()])
            .args([
                "--webhook-port",
                &webhook.port().to_string(),
                "--health-port",
                "0",
                "--metrics-port",
                "0",
            ])
            .args(["--diagnostics-port", "0", "--cli-port", "0"])
            .args(["--log-format", "json"])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        let mut controller = Controller { child, log, serving: Value::Null };
        controller.serving = controller.log.until("serving", 1);
        controller
    }

    /// Has the API server ask the webhook of `controller`, as the documented configurations say.
    pub(crate) fn ask(&self, controller: &Controller) {
        let text = std::fs::read_to_string(WEBHOOKS).unwrap();
        let url =
            format!("clientConfig: {{url: 'https://{}/", controller.serving["webhook"].as_str().unwrap());
        let service = "clientConfig: {service: {name: spiderpool-controller, namespace: kube-system, port: 5722, path: /";
        assert_eq!(text.matches(service).count(), 6);
        let text: String = text
            .lines()
            .map(|line| match line.replace(service, &url) {
                changed if changed != line => changed.replace("}}", "'}") + "\n",
                _ => line.to_owned() + "\n",
            })
            .collect();
        self.apply(&text);
        controller.until("the API server believes the webhook");
    }

    /// What kubectl says of a manifest that is refused.
    pub(crate) fn refused(&self, manifest: &str) -> String {
        match self.plane.ask(&["apply", "-f", "-"], manifest) {
            Ok(said) => panic!("it was taken: {said}"),
            Err(error) => error.to_string(),
        }
    }
}

/// A Deployment whose pods ask for a pool out of `subnet`; `more` are more annotations.
pub(crate) fn deployment(name: &str, replicas: usize, subnet: &str, more: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations:
        ipam.spidernet.io/subnet: '{subnet}'
        {more}
    spec: {{containers: [{{name: c, image: none.invalid/c}}]}}
"
    )
}

/// A controller's process.
pub(crate) struct Controller {
    child: Child,
    log: Log,
    /// Its log line "serving".
    serving: Value,
}

impl Controller {
    /// What Prometheus scrapes.
    pub(crate) fn metrics(&self) -> String {
        self.get("metrics")
    }

    /// What it says of itself.
    pub(crate) fn diagnostics(&self) -> Value {
        serde_json::from_str(self.get("diagnostics").split("\r\n\r\n").nth(1).unwrap()).unwrap()
    }

    /// Where it serves `what`.
    pub(crate) fn address(&self, what: &str) -> String {
        self.serving[what].as_str().unwrap().to_owned()
    }

    /// What it answers where it serves `what`.
    fn get(&self, what: &str) -> String {
        let mut stream = TcpStream::connect(self.serving[what].as_str().unwrap()).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Waits until it says so.
    pub(crate) fn until(&self, message: &str) -> Value {
        self.log.until(message, 1)
    }

    /// Waits until it says so for the time of this number, from 1.
    pub(crate) fn until_time(&self, time: usize, message: &str) {
        self.log.until(message, time);
    }

    /// Asks it to end; what it said. Nothing that it wanted to do was forbidden.
    pub(crate) fn stopped(mut self) -> Vec<Value> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        let lines = self.log.ended();
        let forbidden: Vec<_> =
            lines.iter().filter(|line| line.to_string().contains("is forbidden: User")).collect();
        assert!(forbidden.is_empty(), "{forbidden:?}");
        lines
    }

    /// Ends it as nothing should end: at once.
    pub(crate) fn killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
