//! A runtime and an agent for tests.

use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use tempfile::TempDir;

/// Bytes that make up a whole HTTP answer.
pub(crate) fn http(status: u16, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An error body of the agent.
pub(crate) fn refusal(status: u16, code: &str) -> Vec<u8> {
    let transient = status >= 503;
    let body = json!({"code": code, "message": format!("pool p1: {code}"), "details": "do this", "retryable": transient});
    http(status, &body)
}

/// A good answer to an ADD, with a second interface's part that must not show up.
pub(crate) fn grant() -> Vec<u8> {
    http(
        200,
        &json!({
            "ips": [
                {"version": 4, "address": "10.6.0.5/16", "nic": "eth0", "ipPool": "p4", "gateway": "10.6.0.1", "cleanGateway": false},
                {"version": 6, "address": "fd00::5/64", "nic": "eth0", "ipPool": "p6", "cleanGateway": false},
                {"version": 4, "address": "10.7.0.5/16", "nic": "net1", "ipPool": "p7", "vlan": 5, "cleanGateway": false}
            ],
            "routes": [
                {"ifName": "eth0", "dst": "0.0.0.0/0", "gw": "10.6.0.1"},
                {"ifName": "eth0", "dst": "10.16.0.0/16", "gw": "10.6.0.2"},
                {"ifName": "net1", "dst": "10.17.0.0/16", "gw": "10.7.0.1"}
            ],
            "dns": {}
        }),
    )
}

/// One request as the agent saw it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Method and path.
    pub(crate) line: String,
    /// The body, `null` if empty.
    pub(crate) body: Value,
}

/// An agent that gives one connection after the other the next scripted bytes.
pub(crate) struct FakeAgent {
    socket: PathBuf,
    seen: Receiver<Seen>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn read_request(stream: &mut UnixStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            let length: usize = length.parse().unwrap();
            while bytes.len() < end + 4 + length {
                let count = stream.read(&mut buffer).unwrap();
                assert!(count > 0, "the plugin hung up in the middle of its request");
                bytes.extend_from_slice(&buffer[..count]);
            }
            let body = &bytes[end + 4..];
            let line = head.lines().next().unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned();
            let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() };
            return Some(Seen { line, body });
        }
        match stream.read(&mut buffer).unwrap() {
            0 => return None,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

impl FakeAgent {
    /// Listens at `socket` and answers the first connections with `script`, one entry each. Later ones are
    /// closed without a word.
    pub(crate) fn start(socket: &Path, script: Vec<Vec<u8>>) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let (send, seen) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut script = script.into_iter();
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(request) = read_request(&mut stream) {
                    send.send(request).unwrap();
                    // A plugin that has seen enough may close before it took everything.
                    let _ = stream.write_all(&script.next().unwrap_or_default());
                }
            }
        });
        Self { socket: socket.to_owned(), seen, stop, thread: Some(thread) }
    }

    /// All requests seen so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.socket);
        let outcome = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            outcome.expect("the fake agent");
        }
    }
}

/// What one run of the plugin gave.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Standard output as text.
    pub(crate) stdout: String,
    /// Standard error as text.
    pub(crate) stderr: String,
    /// The exit code.
    pub(crate) exit: i32,
}

impl Ran {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts success without a word, as DEL, CHECK, GC and STATUS end.
    pub(crate) fn assert_silent_success(&self) {
        assert_eq!((self.exit, self.stdout.as_str()), (0, ""), "{self:?}");
    }

    /// Asserts an error object of the given code with a message and the next step, and gives its message.
    pub(crate) fn assert_error(&self, code: u64) -> String {
        let object = self.json();
        assert_eq!((self.exit, object["code"].as_u64()), (1, Some(code)), "{self:?}");
        assert!(object["cniVersion"].is_string());
        assert!(object["details"].as_str().is_some_and(|details| !details.is_empty()), "{self:?}");
        object["msg"].as_str().expect("msg").to_owned()
    }
}

/// A node with a directory of its own, on which the plugin is run.
pub(crate) struct Node {
    dir: TempDir,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("agent.sock")
    }

    /// Starts an agent on this node.
    pub(crate) fn agent(&self, script: Vec<Vec<u8>>) -> FakeAgent {
        FakeAgent::start(&self.socket(), script)
    }

    /// A network configuration whose paths are all in the node's directory.
    pub(crate) fn conf(&self, version: &str) -> Value {
        json!({
            "cniVersion": version,
            "name": "macvlan-conf",
            "type": "macvlan",
            "ipam": {
                "type": "spiderpool",
                "log_file_path": self.path("log/spiderpool.log"),
                "ipam_unix_socket_path": self.socket(),
            }
        })
    }

    /// A run of `command` with the usual variables and `conf` on standard input.
    pub(crate) fn run(&self, command: &str, conf: &Value) -> Ran {
        self.call(command).stdin(conf.to_string()).run()
    }

    pub(crate) fn call(&self, command: &str) -> Call {
        Call::new(command)
    }

    /// The log's lines.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("log/spiderpool.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// One run of the plugin, being put together.
pub(crate) struct Call {
    variables: Vec<(&'static str, OsString)>,
    stdin: Vec<u8>,
}

impl Call {
    pub(crate) fn new(command: &str) -> Self {
        let variables = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "c0ffee"),
            ("CNI_NETNS", "/var/run/netns/test"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/opt/cni/bin"),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name, value.into())).collect();
        Self { variables, stdin: Vec::new() }
    }

    pub(crate) fn set(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self = self.unset(name);
        self.variables.push((name, value.into()));
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.retain(|(other, _)| *other != name);
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn run(self) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spiderpool"))
            .env_clear()
            .envs(self.variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The plugin may end without reading everything.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        let output = child.wait_with_output().unwrap();
        Ran {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            exit: output.status.code().expect("an exit code, no signal"),
        }
    }
}
