//! A pool of exactly as many addresses as pods, on a real etcd: one agent with 16 requests at once, 20 agents with 8 each,
//! and all pods deleted and created again; beside etcd's own puts and deletes with as many clients and as many requests
//! at once, in turn in the same run.
//!
//! `cargo bench -p spiderpool-benches --features etcd --bench etcd [-- ROUNDS]`; with `--test` few pods, to see that it
//! runs. Each agent is a task with a client, a cache and an intent log (in memory) of its own.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use etcd_client::Client;
use futures_util::future::join_all;
use spiderpool_benches::{Counted, CountingStore, Sizes, add_request, del_request, pool, stopwatch};
use spiderpool_core::{
    admin::Mode,
    alloc::{Allocator, AllocatorConfig, MemoryLog},
    env::Env,
    name::NodeName,
    protocol::PoolRef,
    store::Store,
};
use spiderpool_store_etcd::{EtcdConfig, EtcdStore};
use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};

/// What goes wrong here goes to whoever runs it.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How many at once.
#[derive(Clone, Copy, Debug)]
struct Load {
    agents: usize,
    /// Of each agent.
    requests: usize,
    pods: usize,
}

/// What one side of a case gave: how long all of it took, and how long each request.
#[derive(Debug, Default)]
struct Took {
    all: Duration,
    each: Vec<Duration>,
}

impl Took {
    fn add(&mut self, other: Self) {
        self.all += other.all;
        self.each.extend(other.each);
    }

    fn a_second(&self) -> f64 {
        self.each.len() as f64 / self.all.as_secs_f64()
    }

    fn milliseconds(&mut self, percent: usize) -> f64 {
        self.each.sort_unstable();
        let at = (self.each.len() * percent / 100).min(self.each.len().saturating_sub(1));
        self.each.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let short = arguments.iter().any(|argument| argument == "--test");
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let (rounds, pods) = if short { (1, 100) } else { (rounds, 1_000) };
    // Unlike in tests, it waits for the disk.
    let options = EtcdOptions { args: Vec::new(), ..EtcdOptions::members(1) };
    let Some(etcd) = or_skip("benches::etcd", Etcd::start(&options)) else { return ExitCode::SUCCESS };
    match run(&etcd, rounds, pods) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done if even that cannot be said.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(etcd: &Etcd, rounds: usize, pods: usize) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| case | a second | etcd alone | ratio | ms: 50 % | 99 % | etcd alone: 50 % | 99 % | 99 %, ratio | \
         writes | bytes | conflicts | reads |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
    let cases = [
        ("ADD, one agent, 16 at once", Load { agents: 1, requests: 16, pods }, What::Adds),
        ("ADD, 20 agents, 8 at once each", Load { agents: 20, requests: 8, pods }, What::Adds),
        ("DEL and ADD of all, 20 agents", Load { agents: 20, requests: 8, pods }, What::Churn),
    ];
    for (name, load, what) in cases {
        let (mut ours, mut theirs, mut counted) = (Took::default(), Took::default(), Counted::default());
        for round in 0..rounds {
            let prefix = format!("{}-{}-{round}", name.len(), load.agents);
            let (took, cost) = runtime.block_on(spiderpool(etcd, &prefix, load, what))?;
            ours.add(took);
            counted = sum(counted, cost);
            theirs.add(runtime.block_on(alone(etcd, &prefix, load, what))?);
        }
        let per = |count: u64| count as f64 / (load.pods * rounds) as f64;
        let (fast, slow) = (ours.milliseconds(50), ours.milliseconds(99));
        let (their_fast, their_slow) = (theirs.milliseconds(50), theirs.milliseconds(99));
        writeln!(
            out,
            "| {name} | {:.0} | {:.0} | {:.2} | {fast:.1} | {slow:.1} | {their_fast:.1} | {their_slow:.1} | {:.1} | {:.2} | \
             {:.0} | {:.3} | {:.2} |",
            ours.a_second(),
            theirs.a_second(),
            ours.a_second() / theirs.a_second(),
            slow / their_slow,
            per(counted.writes),
            per(counted.bytes),
            per(counted.conflicts),
            per(counted.reads),
        )?;
    }
    Ok(())
}

/// What is asked of each pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// An address.
    Adds,
    /// On the full pool: to give its address back, and the next pod, an address.
    Churn,
}

fn sum(a: Counted, b: Counted) -> Counted {
    Counted {
        reads: a.reads + b.reads,
        lists: a.lists + b.lists,
        writes: a.writes + b.writes,
        bytes: a.bytes + b.bytes,
        conflicts: a.conflicts + b.conflicts,
    }
}

/// The numbers of the pods of agent `agent`, in as many lanes as it has requests at once.
fn lanes(load: Load, agent: usize) -> Vec<Vec<u64>> {
    let of_agent: Vec<u64> =
        (0..load.pods as u64).filter(|pod| *pod as usize % load.agents == agent).collect();
    (0..load.requests)
        .map(|lane| of_agent.iter().copied().skip(lane).step_by(load.requests).collect())
        .collect()
}

/// Runs `lane` for every lane of every agent, all at once.
async fn all_at_once<A, F>(load: Load, agents: &[A], lane: impl Fn(A, Vec<u64>) -> F) -> Outcome<Took>
where
    A: Clone,
    F: Future<Output = Outcome<Vec<Duration>>> + Send + 'static,
{
    let watch = stopwatch();
    let running = agents.iter().enumerate().flat_map(|(number, agent)| {
        lanes(load, number)
            .into_iter()
            .map(|pods| tokio::spawn(lane(agent.clone(), pods)))
            .collect::<Vec<_>>()
    });
    let running: Vec<_> = running.collect();
    let mut each = Vec::new();
    for done in join_all(running).await {
        each.extend(done??);
    }
    Ok(Took { all: watch(), each })
}

async fn spiderpool(etcd: &Etcd, prefix: &str, load: Load, what: What) -> Outcome<(Took, Counted)> {
    let config = EtcdConfig::at(format!("{}/{prefix}", etcd.url()).parse()?);
    let mut agents = Vec::new();
    let mut counters = Vec::new();
    for number in 0..load.agents {
        let store = CountingStore::new(EtcdStore::connect(&config, &Env::system()).await?, Sizes::Counted);
        counters.push(store.clone());
        let mut config = AllocatorConfig::new(NodeName::new(format!("node-{number}"))?);
        config.log = Some(Arc::new(MemoryLog::default()));
        let store: Arc<dyn Store> = Arc::new(store);
        agents.push(Allocator::open(store, Env::system(), config).await?);
    }
    // After 10.0.0.7, not at the beginning of a block.
    let last = 7 + load.pods - 1;
    let range = format!("10.0.0.7-10.0.{}.{}", last / 256, last % 256);
    agents[0].apply_pool(&pool("exact", "10.0.0.0/16", &range), Mode::Real).await?;
    let pool = agents[0].pool(&"exact".parse()?).await?;
    if what == What::Churn {
        all_at_once(load, &agents, |agent, pods| add_all(agent, pool.clone(), pods)).await?;
    }
    for counter in &counters {
        // What it took to get here.
        let _ = counter.take();
    }
    let took = match what {
        What::Adds => all_at_once(load, &agents, |agent, pods| add_all(agent, pool.clone(), pods)).await?,
        What::Churn => {
            let again = |agent, pods| replace_all(agent, pool.clone(), pods, load.pods as u64);
            all_at_once(load, &agents, again).await?
        }
    };
    let counted = counters.iter().map(CountingStore::take).fold(Counted::default(), sum);
    Ok((took, counted))
}

async fn add_all(agent: Allocator, pool: Arc<PoolRef>, pods: Vec<u64>) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for pod in pods {
        let request = add_request(&pool, pod);
        let watch = stopwatch();
        agent.add(&request).await?;
        times.push(watch());
    }
    Ok(times)
}

async fn replace_all(
    agent: Allocator,
    pool: Arc<PoolRef>,
    pods: Vec<u64>,
    offset: u64,
) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for pod in pods {
        let (del, add) = (del_request(pod), add_request(&pool, pod + offset));
        let watch = stopwatch();
        agent.del(&del).await?;
        agent.add(&add).await?;
        times.push(watch());
    }
    Ok(times)
}

/// As many puts, or deletes and puts, of keys as large as a record.
async fn alone(etcd: &Etcd, prefix: &str, load: Load, what: What) -> Outcome<Took> {
    let mut clients = Vec::new();
    for _ in 0..load.agents {
        clients.push(Client::connect([etcd.client_address(0).to_string()], None).await?);
    }
    let prefix = format!("/alone/{prefix}");
    let put_all = |client: Client, pods: Vec<u64>, what: What| {
        let prefix = prefix.clone();
        async move {
            let mut kv = client.kv_client();
            let mut times = Vec::new();
            for pod in pods {
                let key = format!("{prefix}/{pod}");
                let watch = stopwatch();
                if what == What::Churn {
                    kv.delete(key.as_str(), None).await?;
                }
                kv.put(key, "x".repeat(RECORD), None).await?;
                times.push(watch());
            }
            Ok(times)
        }
    };
    let first = all_at_once(load, &clients, |client, pods| put_all(client, pods, What::Adds)).await?;
    match what {
        What::Adds => Ok(first),
        What::Churn => all_at_once(load, &clients, |client, pods| put_all(client, pods, What::Churn)).await,
    }
}

/// About what a record takes as JSON, in bytes.
const RECORD: usize = 500;
