//! A socket in front of the agent's, and a plugin that talks through it until it is killed.

use crate::support::{Node, Ran};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A configuration for the plugin that leads to `socket`.
pub(crate) fn conf(node: &Node, socket: &Path) -> Value {
    json!({
        "cniVersion": "1.1.0", "name": "net",
        "ipam": {
            "type": "spiderpool", "ipam_unix_socket_path": socket, "spool_dir": node.path("spool"),
            "log_file_path": node.path("plugin.log"),
        },
    })
}

/// Starts a plugin; its answer is not waited for.
pub(crate) fn spawn(command: &str, container: &str, args: &str, conf: &Value) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spiderpool"))
        .env_clear()
        .env("CNI_COMMAND", command)
        .env("CNI_CONTAINERID", container)
        .env("CNI_IFNAME", "eth0")
        .env("CNI_NETNS", "/run/netns/x")
        .env("CNI_ARGS", args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(conf.to_string().as_bytes()).unwrap();
    child
}

/// Waits for a plugin and reads what it said.
pub(crate) fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let answer = match output.stdout.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&output.stdout).unwrap(),
    };
    Ran { success: output.status.success(), answer }
}

/// How far a request gets before its plugin is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// The agent sees nothing of it.
    BeforeTheRequest,
    /// The agent sees half of it.
    InTheRequest,
    /// The agent has done it; the plugin sees nothing of the answer.
    BeforeTheAnswer,
    /// The plugin sees half of the answer.
    InTheAnswer,
}

/// Where the plugins connect in place of the agent.
pub(crate) struct Proxy {
    listener: UnixListener,
    path: PathBuf,
    agent: PathBuf,
}

impl Proxy {
    pub(crate) fn new(node: &Node) -> Self {
        let path = node.path("proxy.sock");
        Self { listener: UnixListener::bind(&path).unwrap(), path, agent: node.socket() }
    }

    /// Runs a plugin and kills it with SIGKILL at this point.
    pub(crate) fn kill(&self, node: &Node, command: &str, container: &str, kill: Kill) {
        let mut plugin = spawn(command, container, "", &conf(node, &self.path));
        let (mut stream, _) = self.listener.accept().unwrap();
        let request = message(&mut stream);
        match kill {
            Kill::BeforeTheRequest => {}
            Kill::InTheRequest => {
                let mut agent = UnixStream::connect(&self.agent).unwrap();
                agent.write_all(&request[..request.len() - 5]).unwrap();
            }
            Kill::BeforeTheAnswer | Kill::InTheAnswer => {
                let mut agent = UnixStream::connect(&self.agent).unwrap();
                agent.write_all(&request).unwrap();
                let answer = message(&mut agent);
                if matches!(kill, Kill::InTheAnswer) {
                    stream.write_all(&answer[..answer.len() / 2]).unwrap();
                }
            }
        }
        plugin.kill().unwrap();
        let output = plugin.wait_with_output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    }

    /// Runs a plugin whose connections are all hung up on when it has said what it wants.
    pub(crate) fn hang_up(&self, node: &Node, command: &str, container: &str) -> Ran {
        let plugin = spawn(command, container, "", &conf(node, &self.path));
        // DEL comes twice.
        for _ in 0..if command == "DEL" { 2 } else { 1 } {
            let (mut stream, _) = self.listener.accept().unwrap();
            message(&mut stream);
            stream.shutdown(Shutdown::Both).unwrap();
        }
        ended(plugin)
    }
}

/// One whole HTTP message with a body of known length.
pub(crate) fn message(stream: &mut UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = [0; 1];
    while !bytes.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "hung up: {}", String::from_utf8_lossy(&bytes));
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes.clone()).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    bytes.extend(body);
    bytes
}
