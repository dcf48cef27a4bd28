//! A node whose agent and plugins are processes of their own.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use spiderpool_cni::client::{AgentClient, AgentStore};
use spiderpool_core::admin::Mode;
use spiderpool_core::alloc::{Allocator, AllocatorConfig};
use spiderpool_core::api::manifest;
use spiderpool_core::env::Env;
use spiderpool_core::name::NodeName;
use spiderpool_core::store::Store;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) struct Node {
    dir: TempDir,
    name: &'static str,
    /// None: a database of its own.
    store: Option<String>,
    /// None: there is no cluster.
    kubeconfig: Option<PathBuf>,
}

/// An agent's process.
pub(crate) struct AgentProcess {
    child: Child,
    /// Its log line "serving".
    pub(crate) serving: Value,
    /// None: nobody reads it any more.
    log: Option<BufReader<std::process::ChildStderr>>,
}

impl AgentProcess {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A figure of its memory in KiB, by its name in proc(5).
    pub(crate) fn memory(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let mut lines = status.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(name, _)| *name == figure).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until it logs `message`, and gives the line.
    pub(crate) fn logged(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            let read = self.log.as_mut().unwrap().read_line(&mut line).unwrap();
            assert!(read > 0, "the agent ended without saying {message:?}");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }

    /// Asks its health or its metrics address; the whole answer.
    pub(crate) fn get(&self, which: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(self.serving[which].as_str().unwrap()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The pipe that its log comes through.
    pub(crate) fn log(&self) -> &std::process::ChildStderr {
        self.log.as_ref().unwrap().get_ref()
    }

    /// Closes its log, as when whatever collects logs has ended.
    pub(crate) fn unread(&mut self) {
        self.log = None;
    }

    /// Waits for its end; gives its exit status and the rest of its log.
    pub(crate) fn ended(mut self) -> (ExitStatus, Vec<Value>) {
        let log = self
            .log
            .iter_mut()
            .flat_map(|log| log.by_ref().lines())
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect();
        (self.child.wait().unwrap(), log)
    }

    /// Ends it as nothing should end: at once.
    pub(crate) fn killed(self) {
        self.signal(Signal::SIGKILL);
        self.ended();
    }

    /// Asks it to end.
    pub(crate) fn stopped(self) -> Vec<Value> {
        self.signal(Signal::SIGTERM);
        let (status, log) = self.ended();
        assert!(status.success(), "{status}: {log:?}");
        log
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one run of the plugin gave.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) success: bool,
    /// What it printed; `null` for nothing.
    pub(crate) answer: Value,
}

impl Ran {
    /// Runs `plugin` with this configuration.
    pub(crate) fn of(plugin: &mut Command, conf: &Value) -> Self {
        let mut child = plugin.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(conf.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let answer = match output.stdout.as_slice() {
            b"" => Value::Null,
            said => serde_json::from_slice(said).unwrap(),
        };
        Self { success: output.status.success(), answer }
    }

    /// The first address that was granted.
    pub(crate) fn address(&self) -> String {
        assert!(self.success, "{self:?}");
        self.answer["ips"][0]["address"].as_str().unwrap().to_owned()
    }
}

impl Node {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), name: "n1", store: None, kubeconfig: None }
    }

    /// The node `name`, whose agent is on the store at this URL, as others' are.
    #[cfg(feature = "etcd")]
    pub(crate) fn sharing(name: &'static str, store: String) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), name, store: Some(store), kubeconfig: None }
    }

    /// The node `name` of the cluster of this kubeconfig.
    #[cfg(feature = "kube")]
    pub(crate) fn of_cluster(name: &'static str, kubeconfig: &Path) -> Self {
        let (store, kubeconfig) = (Some("kube".to_owned()), Some(kubeconfig.to_owned()));
        Self { dir: tempfile::tempdir().unwrap(), name, store, kubeconfig }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("agent.sock")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spiderpool-agent"));
        let own = || format!("sled://{}", self.path("db").display());
        command
            .env_clear()
            .env("SPIDERPOOL_STORE", self.store.clone().unwrap_or_else(own))
            .env("SPIDERPOOL_IPAM_UNIX_SOCKET_PATH", self.socket())
            .args([
                "--node-name",
                self.name,
                "--health-addr",
                "0",
                "--metrics-addr",
                "0",
                "--diagnostics-addr",
                "0",
                "--log-format",
                "json",
            ])
            .stderr(Stdio::piped());
        command.envs(self.kubeconfig.as_ref().map(|file| ("KUBECONFIG", file)));
        command
    }

    /// Starts an agent and waits until it serves.
    pub(crate) fn start(&self) -> AgentProcess {
        self.start_with(&[])
    }

    /// The same, with more flags.
    pub(crate) fn start_with(&self, more: &[&str]) -> AgentProcess {
        self.try_start(more).unwrap_or_else(|(_, said)| panic!("the agent ended instead of serving: {said}"))
    }

    /// Starts an agent and waits until it serves or ends; then its exit code and what it said.
    pub(crate) fn try_start(&self, more: &[&str]) -> Result<AgentProcess, (Option<i32>, String)> {
        let mut child = self.command().args(more).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut agent = AgentProcess { child, serving: Value::Null, log: None };
        let mut seen = String::new();
        while agent.serving["message"] != "serving" {
            let mut line = String::new();
            if log.read_line(&mut line).unwrap() == 0 {
                return Err((agent.child.wait().unwrap().code(), seen));
            }
            seen += &line;
            agent.serving = serde_json::from_str(&line).unwrap();
        }
        agent.log = Some(log);
        Ok(agent)
    }

    /// Starts an agent that is not expected to serve; gives its exit code and its last words.
    pub(crate) fn start_in_vain(&self, more: &[&str]) -> (i32, String) {
        let output = self.command().args(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Applies a default pool.
    pub(crate) async fn apply_pool(&self, subnet: &str, ips: &str) {
        let spec = json!({"subnet": subnet, "ips": [ips], "default": true});
        self.apply(json!({
            "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool",
            "metadata": {"name": "p"}, "spec": spec,
        }))
        .await;
    }

    /// Applies an object through the agent's socket, as `spiderpoolctl --agent` does.
    pub(crate) async fn apply(&self, object: Value) {
        let manifest = manifest::parse(object).unwrap();
        let store: Arc<dyn Store> =
            Arc::new(AgentStore::connect(AgentClient::new(self.socket())).await.unwrap());
        let config = AllocatorConfig::new(NodeName::new("admin").unwrap());
        let allocator = Allocator::open(store, Env::system(), config).await.unwrap();
        allocator.apply(&manifest, Mode::Real).await.unwrap();
    }

    /// Runs the plugin for `container`; `previous` is what CHECK compares with.
    pub(crate) fn plugin(&self, command: &str, container: &str, previous: Option<&Ran>) -> Ran {
        self.plugin_in(Path::new("/run/netns/x"), "", command, container, previous)
    }

    /// The same for a sandbox whose network namespace is at `namespace`, with these `CNI_ARGS`.
    pub(crate) fn plugin_in(
        &self,
        namespace: &Path,
        args: &str,
        command: &str,
        container: &str,
        previous: Option<&Ran>,
    ) -> Ran {
        let mut conf = json!({
            "cniVersion": "1.1.0", "name": "net",
            "ipam": {
                "type": "spiderpool", "ipam_unix_socket_path": self.socket(), "log_file_path": self.path("plugin.log"),
            },
        });
        if let Some(previous) = previous {
            conf["prevResult"] = previous.answer.clone();
        }
        let mut plugin = Command::new(env!("CARGO_BIN_EXE_spiderpool"));
        plugin
            .env_clear()
            .env("CNI_COMMAND", command)
            .env("CNI_CONTAINERID", container)
            .env("CNI_IFNAME", "eth0")
            .env("CNI_NETNS", namespace)
            .env("CNI_ARGS", args);
        Ran::of(&mut plugin, &conf)
    }
}
