//! Ending a test bed: what it started, and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use spiderpool_testbed::{Lasting, Nodes};

use crate::problem::Problem;

/// How long a server may take to end before it is killed, in steps of 50 ms.
const STEPS: u32 = 200;

/// Ends it, removes its data, and says what was done.
pub(super) fn down(folder: &Path) -> Result<String, Problem> {
    let count = end(folder)?;
    match fs::remove_dir_all(folder) {
        Ok(()) => Ok(format!("Ended {count} servers and removed their data.\n")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok("Nothing is up.\n".to_owned()),
        Err(error) => Err(Problem::failed(format!("cannot remove {}: {error}", folder.display()))),
    }
}

/// Ends all servers, those first that use others, and gives their number.
pub(super) fn end(folder: &Path) -> Result<usize, Problem> {
    let mut servers = Lasting::all(folder)?;
    servers.retain(Lasting::is_alive);
    // The keeper of nodes takes down what it made.
    let is_released = Nodes::release(folder);
    for server in servers.iter().rev() {
        if is_released {
            wait_for_end(server);
        }
        for word in ["TERM", "KILL"] {
            signal(server, word);
            wait_for_end(server);
        }
        if server.is_alive() {
            return Err(Problem::failed(format!("{} (pid {}) does not end", server.name, server.pid)));
        }
    }
    Ok(servers.len())
}

fn wait_for_end(server: &Lasting) {
    for _ in 0..STEPS {
        if server.is_alive() {
            pause();
        }
    }
}

fn signal(server: &Lasting, signal: &str) {
    if server.is_alive() {
        // Built into every shell. Whether it worked is seen by whether the server ends.
        let _ = Command::new("sh").args(["-c", &format!("kill -{signal} {}", server.pid)]).status();
    }
}

#[expect(clippy::disallowed_methods, reason = "another process gives no event to wait for")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}
