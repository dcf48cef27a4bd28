//! The lab's agent: a process of its own, started, killed and started again.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use spiderpool_cni::client::AgentClient;
use tokio::process::{Child, Command};

use super::{place::Place, stop::Stop};
use crate::{
    args::FamilyChoice,
    failure::{Exit, Failure},
};

/// How long an agent may take until it serves, a slow disk included.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to end when told to.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// How often it is asked whether it serves.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How the agent is started.
#[derive(Clone, Debug)]
pub(crate) struct AgentSettings {
    /// The program.
    pub(crate) program: PathBuf,
    /// The node's name.
    pub(crate) node: String,
    /// The families.
    pub(crate) families: FamilyChoice,
}

/// An agent that runs.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    socket: PathBuf,
    log: PathBuf,
}

impl Agent {
    /// Starts an agent on the lab's database and waits until it serves.
    pub(crate) async fn start(
        settings: &AgentSettings,
        place: &mut Place,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let AgentSettings { program, node, families } = settings;
        let log = place.agent_log();
        let failed = |error: std::io::Error| {
            Failure::refused(format!("{} cannot be started", program.display()))
                .because(error)
                .remedy("build it, and name its folder with --bin-dir; cargo xtask lab does both")
        };
        let words = OpenOptions::new().create(true).append(true).open(&log).map_err(failed)?;
        let mut command = Command::new(program);
        command
            .arg("--store")
            .arg(format!("sled://{}", place.database().display()))
            .arg("--socket")
            .arg(place.socket())
            .args(["--node-name", node, "--health-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"])
            .args(["--diagnostics-addr", "127.0.0.1:0"])
            .args(["--enable-ipv4", flag(families.ipv4()), "--enable-ipv6", flag(families.ipv6())])
            .args(["--multus-cluster-network", super::networks::DEFAULT_NETWORK])
            // CNI GC is shown at work, and a sweep in between would be there first.
            .args(["--sweep-interval", "off"])
            .stdin(Stdio::null())
            .stdout(words.try_clone().map_err(failed)?)
            .stderr(words)
            // Ctrl-C in the terminal is the lab's to handle.
            .process_group(0);
        let child = command.spawn().map_err(failed)?;
        place.note_agent(child.id())?;
        let mut agent = Self { child, socket: place.socket(), log };
        let started = tokio::select! {
            served = tokio::time::timeout(START_LIMIT, agent.wait_until_it_serves()) => {
                served.unwrap_or_else(|_| Err(agent.failed("does not serve after 30 s")))
            }
            () = stop.wait() => Err(super::interrupted()),
        };
        if let Err(failure) = started {
            agent.end().await?;
            return Err(failure);
        }
        Ok(agent)
    }

    async fn wait_until_it_serves(&mut self) -> Result<(), Failure> {
        let client = AgentClient::new(&self.socket);
        while client.healthy().await.is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failed(&format!("ended at once ({status})")));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> Failure {
        let words = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = words.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n");
        Failure::new(Exit::Unreachable, format!("the agent {what}")).because(last)
    }

    /// Kills it as a power failure would, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<ExitStatus, Failure> {
        let lost = |error: std::io::Error| Failure::refused("the agent cannot be killed").because(error);
        self.child.start_kill().map_err(lost)?;
        self.child.wait().await.map_err(lost)
    }

    /// Ends it in order; kills it if that takes too long.
    pub(crate) async fn end(&mut self) -> Result<(), Failure> {
        if let Some(pid) = self.child.id() {
            signal(pid, Signal::SIGTERM);
            if tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.is_ok() {
                return Ok(());
            }
            self.kill().await?;
        }
        Ok(())
    }
}

fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Ends an agent that an earlier lab left up, if its process is still the one that serves `socket`.
pub(crate) async fn end_left_up(pid: u32, socket: &Path) -> Result<(), Failure> {
    let is_it = || {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|arg| arg == socket.as_os_str().as_encoded_bytes())
    };
    if !is_it() {
        return Ok(());
    }
    signal(pid, Signal::SIGTERM);
    let gone = async {
        while is_it() {
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    if tokio::time::timeout(STOP_LIMIT, gone).await.is_err() {
        signal(pid, Signal::SIGKILL);
    }
    Ok(())
}
