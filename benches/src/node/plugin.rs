//! IPAM plugins, run as the CNI specification says (section 3): a process per call, configuration on standard input.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{Agent, Programs};
use crate::timed;

/// What is asked of a plugin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// Nothing but its versions: the start and the end of a process.
    Version,
    /// An address for this container.
    Add(u64),
    /// The release of it.
    Del(u64),
}

/// A plugin that can be called.
pub trait Plugin {
    /// The program.
    fn program(&self) -> &Path;

    /// The network configuration.
    fn configuration(&self) -> &str;

    /// Calls it; gives the time from before the process is started until it has ended and its answer is read.
    fn call(&self, call: Call) -> Duration {
        let (name, container) = match call {
            Call::Version => ("VERSION", 0),
            Call::Add(container) => ("ADD", container),
            Call::Del(container) => ("DEL", container),
        };
        let container = format!("{container:064x}");
        let mut command = Command::new(self.program());
        command
            .env_clear()
            .envs([("CNI_COMMAND", name), ("CNI_CONTAINERID", &container), ("CNI_IFNAME", "eth0")])
            .envs([("CNI_NETNS", "/run/netns/bench"), ("CNI_PATH", "/usr/lib/cni")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut output = None;
        let time = timed(&mut || {
            let mut child = command.spawn().expect("the plugin starts");
            if let Some(mut stdin) = child.stdin.take() {
                // Whoever does not read it says so in its answer.
                let _ = stdin.write_all(self.configuration().as_bytes());
            }
            output = Some(child.wait_with_output().expect("the plugin ends"));
        });
        let output = output.expect("it ran");
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {answer}{}", String::from_utf8_lossy(&output.stderr));
        assert!(!matches!(call, Call::Add(_)) || answer.contains("\"address\""), "{name}: {answer}");
        time
    }
}

/// Ours, with an agent.
#[derive(Debug)]
pub struct Spiderpool {
    /// The agent.
    pub agent: Agent,
    program: PathBuf,
    configuration: String,
}

impl Spiderpool {
    /// The plugin of `programs` and an agent on the database in `directory`.
    #[must_use]
    pub fn new(programs: &Programs, directory: TempDir) -> Self {
        let agent = Agent::start(&programs.agent, directory);
        let (socket, log) = (agent.socket(), agent.file("plugin.log"));
        let configuration = format!(
            r#"{{"cniVersion":"1.0.0","name":"bench","ipam":{{"type":"spiderpool","ipam_unix_socket_path":{socket:?},"log_file_path":{log:?}}}}}"#
        );
        Self { agent, program: programs.plugin.clone(), configuration }
    }
}

impl Plugin for Spiderpool {
    fn program(&self) -> &Path {
        &self.program
    }

    fn configuration(&self) -> &str {
        &self.configuration
    }
}

/// host-local, with a directory of its own.
#[derive(Debug)]
pub struct HostLocal {
    program: PathBuf,
    configuration: String,
    directory: TempDir,
}

impl HostLocal {
    /// Nothing is held.
    #[must_use]
    pub fn new(programs: &Programs) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let configuration = format!(
            r#"{{"cniVersion":"1.0.0","name":"bench","ipam":{{"type":"host-local","dataDir":{:?},"ranges":[[{{"subnet":"10.0.0.0/8"}}]]}}}}"#,
            directory.path()
        );
        Self { program: programs.host_local.clone(), configuration, directory }
    }

    /// Lets `count` addresses be held, as files in its own form: granting them one by one takes it the square of the
    /// number.
    pub fn fill(&self, count: u32) {
        // One grant by itself, so that all else is made by it.
        self.call(Call::Add(u64::from(u32::MAX)));
        let folder = self.directory.path().join("bench");
        let mut last = String::new();
        // 10.0.0.1 is the gateway, 10.0.0.2 was just granted.
        for number in 3..count.saturating_add(2) {
            last = std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string();
            let held = format!("{number:064x}\r\neth0");
            std::fs::write(folder.join(&last), held).expect("the file is written");
        }
        if !last.is_empty() {
            std::fs::write(folder.join("last_reserved_ip.0"), last).expect("the file is written");
        }
    }
}

impl Plugin for HostLocal {
    fn program(&self) -> &Path {
        &self.program
    }

    fn configuration(&self) -> &str {
        &self.configuration
    }
}
