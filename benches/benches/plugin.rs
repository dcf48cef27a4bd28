//! The plugin's ADD and DEL from end to end beside host-local's: a real agent on sled, durable, a process per call, the
//! two in turn. Ours should take at most 0.8 times as long with nothing held, 0.25 times with 1,000 and 0.03 times with
//! 10,000. Also: how long a process takes by itself, the plugin's size, the agent's memory.
//!
//! `cargo bench -p spiderpool-benches --bench plugin [-- PAIRS]`; with `--test` a few pairs, to see that it runs.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use pollster::block_on;
use spiderpool_benches::{
    Bed, add_request,
    node::{Agent, Call, HostLocal, Plugin, Programs, Spiderpool},
};
use spiderpool_core::env::Env;
use spiderpool_store_sled::{SledConfig, SledStore};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pairs = match arguments.iter().find_map(|argument| argument.parse().ok()) {
        _ if arguments.iter().any(|argument| argument == "--test") => 2,
        Some(pairs) => pairs,
        None => 200,
    };
    let ran = match Programs::find() {
        Ok(programs) => run(&programs, pairs),
        Err(why) => skipped(&why),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Says that it could not run, as CONTRIBUTING.md asks for.
fn skipped(why: &str) -> io::Result<()> {
    let line = format!("benches::plugin: {why}");
    match std::env::var_os("SPIDERPOOL_TEST_SKIPS") {
        None => writeln!(io::stdout(), "skipped: {line}"),
        Some(file) => {
            let mut file = OpenOptions::new().append(true).create(true).open(file)?;
            writeln!(file, "{line}")
        }
    }
}

fn run(programs: &Programs, pairs: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let size = programs.plugin.metadata()?.len();
    writeln!(out, "plugin: {} KiB", size.div_ceil(1024))?;
    writeln!(
        out,
        "\n| call | held | ours, ms: least | median | 90 % | host-local, ms: least | median | 90 % | ratio |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    let fills: &[u32] = if pairs > 2 { &[0, 1_000, 10_000] } else { &[0, 100] };
    let mut memory = Vec::new();
    for held in fills {
        let directory = tempfile::tempdir()?;
        prepare(directory.path(), *held);
        let ours = Spiderpool::new(programs, directory);
        memory.push((*held, "idle", ours.agent.resident()));
        let rival = HostLocal::new(programs);
        if *held > 0 {
            rival.fill(*held);
        }
        let mut calls = [("VERSION", Vec::new()), ("ADD", Vec::new()), ("DEL", Vec::new())];
        for number in 0..pairs as u64 {
            let container = 1 << 40 | number;
            let asked = [Call::Version, Call::Add(container), Call::Del(container)];
            for ((_, times), call) in calls.iter_mut().zip(asked) {
                // In turn, and each first as often as the other.
                let pair = if number % 2 == 0 {
                    let own = ours.call(call);
                    (own, rival.call(call))
                } else {
                    let other = rival.call(call);
                    (ours.call(call), other)
                };
                times.push(pair);
            }
        }
        for (name, times) in &calls {
            let (own, other): (Vec<_>, Vec<_>) = times.iter().copied().unzip();
            let (own, other) = (Summary::of(own), Summary::of(other));
            let ratio = own.median / other.median;
            writeln!(out, "| {name} | {held} | {own} | {other} | {ratio:.3} |")?;
        }
        memory.push((*held, "after the calls", ours.agent.resident()));
    }
    writeln!(out, "\n| agent, addresses held | resident, KiB | of that not of files, KiB |\n|---|---|---|")?;
    for (held, when, (all, anonymous)) in memory {
        writeln!(out, "| {held}, {when} | {all} | {anonymous} |")?;
    }
    Ok(())
}

/// A database in `directory` with a default pool, of which `held` addresses are held.
fn prepare(directory: &Path, held: u32) {
    let config = SledConfig::at(Agent::database(directory));
    let Ok(store) = SledStore::open(&config, &Env::system()) else { unreachable!("a fresh database opens") };
    let bed = Bed::new(Arc::new(store), Env::system(), "10.0.0.0/8", "10.0.0.10-10.255.255.250");
    let request = |pod| {
        // Without a pod's name, as the plugin is called here: the agent has no view to write of what it finds.
        let mut request = add_request(&bed.pool, pod);
        request.owner.pod = None;
        request
    };
    let requests: Vec<_> = (0..u64::from(held)).map(request).collect();
    let granted = block_on(join_all(requests.iter().map(|request| bed.allocator.add(request))));
    assert!(granted.iter().all(Result::is_ok), "there is room");
}

/// Milliseconds.
struct Summary {
    least: f64,
    median: f64,
    high: f64,
}

impl Summary {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let time = times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
            time.map_or(f64::NAN, Duration::as_secs_f64) * 1_000.0
        };
        Self { least: at(0), median: at(50), high: at(90) }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} | {:.2} | {:.2}", self.least, self.median, self.high)
    }
}
