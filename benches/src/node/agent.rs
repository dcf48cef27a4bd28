//! The agent's process.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
};

use tempfile::TempDir;

/// A running agent with a sled database in a directory of its own. It ends, and all of it goes, when this is dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    directory: TempDir,
}

impl Agent {
    /// Where the database of a directory is.
    #[must_use]
    pub fn database(directory: &Path) -> PathBuf {
        directory.join("db")
    }

    /// Starts `program` on the database in `directory`, as node `node-1`, and waits until it serves.
    #[must_use]
    pub fn start(program: &Path, directory: TempDir) -> Self {
        let store = format!("sled://{}", Self::database(directory.path()).display());
        let mut child = Command::new(program)
            .env_clear()
            .args([
                "--node-name",
                "node-1",
                "--health-addr",
                "off",
                "--metrics-addr",
                "off",
                "--diagnostics-addr",
                "off",
                "--log-format",
                "json",
            ])
            .args(["--store", &store, "--socket"])
            .arg(directory.path().join("agent.sock"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let log = BufReader::new(child.stderr.take().expect("it is piped"));
        let (serving, served) = mpsc::channel();
        // Its log is read to the end, or it would be held up by it.
        std::thread::spawn(move || {
            let mut last = String::new();
            for line in log.lines().map_while(Result::ok) {
                if line.contains("\"serving\"") {
                    // Nobody waits for it twice.
                    let _ = serving.send(Ok(()));
                }
                last = line;
            }
            let _ = serving.send(Err(last));
        });
        let agent = Self { child, directory };
        if let Err(last) = served.recv().expect("its log is read") {
            unreachable!("the agent ended instead of serving: {last}");
        }
        agent
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    /// A file beside the socket.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its memory in KiB (`VmRSS` in proc_pid_status(5)): all of it, and the part that is not of files.
    #[must_use]
    pub fn resident(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let figure = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        (figure("VmRSS:"), figure("RssAnon:"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // What it acknowledged is on the disk, and that goes too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
