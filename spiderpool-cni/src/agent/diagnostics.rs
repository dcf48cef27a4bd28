//! What a daemon is doing and what it costs, as JSON, for whoever looks for a fault. On the loopback address only; upstream has
//! gops on the same ports.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use spiderpool_core::env::Clock;
use spiderpool_core::time::{Moment, Timestamp};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

/// What a process says of itself.
#[derive(Clone)]
pub struct Diagnostics {
    program: &'static str,
    version: &'static str,
    clock: Arc<dyn Clock>,
    started: (Timestamp, Moment),
    details: Arc<dyn Fn() -> BTreeMap<&'static str, String> + Send + Sync>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    program: &'static str,
    version: &'static str,
    pid: u32,
    started: String,
    uptime_seconds: u64,
    memory: Memory,
    runtime: Runtime,
    details: BTreeMap<&'static str, String>,
}

/// As the kernel has it; what it does not tell is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_resident_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_files: Option<usize>,
}

/// As tokio has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Runtime {
    workers: usize,
    alive_tasks: usize,
    queued_tasks: usize,
}

/// The number behind `field` of /proc/self/status.
fn number(status: &str, field: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    rest.split_whitespace().next()?.parse().ok()
}

impl Memory {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = |field| number(&status, field).map(|kibibytes| kibibytes * 1024);
        Self {
            resident_bytes: bytes("VmRSS"),
            peak_resident_bytes: bytes("VmHWM"),
            threads: number(&status, "Threads"),
            // The one that lists them is among them.
            open_files: fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1)),
        }
    }
}

impl Diagnostics {
    /// Of the process of this name and version that has just started; `details` are asked for each time.
    pub fn new(
        program: &'static str,
        version: &'static str,
        clock: Arc<dyn Clock>,
        details: impl Fn() -> BTreeMap<&'static str, String> + Send + Sync + 'static,
    ) -> Self {
        let started = (clock.now(), clock.monotonic());
        Self { program, version, clock, started, details: Arc::new(details) }
    }

    fn show(&self) -> Shown {
        let runtime = tokio::runtime::Handle::current().metrics();
        Shown {
            program: self.program,
            version: self.version,
            pid: std::process::id(),
            started: self.started.0.to_string(),
            uptime_seconds: self.clock.monotonic().left(self.started.1).as_secs(),
            memory: Memory::now(),
            runtime: Runtime {
                workers: runtime.num_workers(),
                alive_tasks: runtime.num_alive_tasks(),
                queued_tasks: runtime.global_queue_depth(),
            },
            details: (self.details)(),
        }
    }
}

async fn show(State(diagnostics): State<Diagnostics>) -> Json<serde_json::Value> {
    // Numbers and texts alone: it cannot fail.
    Json(serde_json::to_value(diagnostics.show()).unwrap_or_default())
}

/// Any path shows everything.
pub fn router(diagnostics: Diagnostics) -> Router {
    Router::new().route("/", get(show)).fallback(get(show)).with_state(diagnostics)
}

#[cfg(test)]
mod tests {
    use super::{Diagnostics, number};
    use spiderpool_core::env::Env;

    #[test]
    fn the_kernel_is_read() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\nThreads:\t7\n";
        assert_eq!(
            ["VmRSS", "VmHWM", "Threads", "Vm"].map(|f| number(status, f)),
            [Some(1024), Some(2048), Some(7), None]
        );
    }

    #[tokio::test]
    async fn a_process_tells_of_itself() {
        let clock = Env::system().clock;
        let diagnostics = Diagnostics::new("p", "1.2.3", clock, || [("store", "memory://".into())].into());
        let shown = serde_json::to_value(diagnostics.show()).unwrap();
        assert_eq!(shown["program"], "p");
        assert_eq!(shown["details"]["store"], "memory://");
        assert!(shown["memory"]["residentBytes"].as_u64().unwrap() > 0, "{shown}");
        assert!(shown["memory"]["openFiles"].as_u64().unwrap() > 0, "{shown}");
    }
}
