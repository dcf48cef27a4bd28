//! A pool of exactly as many addresses as pods, on a real server, beside the server alone: as many small writes with as many
//! clients and as many requests at once, in turn in the same run.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use spiderpool_core::{
    admin::Mode,
    alloc::{Allocator, AllocatorConfig, MemoryLog},
    api::{ObjectMeta, SpiderEndpoint},
    env::Env,
    name::NodeName,
    protocol::PoolRef,
    store::{Document, Key, Store},
};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    Counted, CountingStore, Sizes, add_request, del_request,
    fill::{self, Size},
    pool, stopwatch,
};

/// What goes wrong here goes to whoever runs it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A server under test.
#[async_trait]
pub trait Server: Send + Sync {
    /// What its row is called.
    fn name(&self) -> &'static str;

    /// A store with a client of its own, in a place that nobody else uses.
    async fn store(&self, place: &str) -> Outcome<Arc<dyn Store>>;

    /// A client of the server alone.
    async fn client(&self, place: &str) -> Outcome<Arc<dyn Alone>>;
}

/// The server without Spiderpool.
#[async_trait]
pub trait Alone: Send + Sync {
    /// Writes something small that was not there.
    async fn put(&self, pod: u64) -> Outcome<()>;

    /// Deletes it.
    async fn delete(&self, pod: u64) -> Outcome<()>;
}

/// The allocator of a node's agent in the scope `place`, with an intent log of its own.
pub(crate) async fn allocator(store: Arc<dyn Store>, node: &str, place: &str) -> Outcome<Allocator> {
    let mut config = AllocatorConfig::new(NodeName::new(node)?);
    config.scope = place.parse()?;
    config.log = Some(Arc::new(MemoryLog::default()));
    Ok(Allocator::open(store, Env::system(), config).await?)
}

/// The time that so many percent of these are below, in milliseconds.
pub(crate) fn milliseconds(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// How many at once.
#[derive(Clone, Copy, Debug)]
struct Load {
    agents: usize,
    /// Of each agent.
    requests: usize,
    pods: usize,
}

/// What is asked of each pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// An address.
    Adds,
    /// An address, and its endpoint behind the answer; it is over when all of them are written.
    AddsWithEndpoints,
    /// On the full pool: to give its address back, and the next pod, an address.
    Churn,
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
        milliseconds(&mut self.each, percent)
    }
}

/// Runs all cases on what `start` starts, if it can be had. Arguments: `--test` for few pods, or how many rounds.
pub fn main<S: Server>(start: impl FnOnce(&tokio::runtime::Runtime) -> Option<Outcome<S>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let short = arguments.iter().any(|argument| argument == "--test");
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let (rounds, pods) = if short { (1, 100) } else { (rounds, 1_000) };
    let run = || -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        match start(&runtime) {
            None => Ok(()),
            Some(server) => {
                let server = server?;
                cases(&server, &runtime, rounds, pods)?;
                runtime.block_on(fill::run(&server, if short { Size::Short } else { Size::Whole }))
            }
        }
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done if even that cannot be said.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn cases(server: &dyn Server, runtime: &tokio::runtime::Runtime, rounds: usize, pods: usize) -> Outcome<()> {
    let mut out = io::stdout().lock();
    let alone = server.name();
    writeln!(
        out,
        "| case | a second | {alone} alone | ratio | ms: 50 % | 99 % | {alone} alone: 50 % | 99 % | 99 %, ratio | \
         writes | bytes | conflicts | reads | lists |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
    let (one, many) = (Load { agents: 1, requests: 16, pods }, Load { agents: 20, requests: 8, pods });
    let cases = [
        ("ADD, one agent, 16 at once", one, What::Adds),
        ("ADD, 20 agents, 8 at once each", many, What::Adds),
        ("the same with an endpoint for each pod", many, What::AddsWithEndpoints),
        ("DEL and ADD of all, 20 agents", many, What::Churn),
    ];
    let mut number = 0;
    for (name, load, what) in cases {
        let (mut ours, mut theirs, mut counted) = (Took::default(), Took::default(), Counted::default());
        for _ in 0..rounds {
            number += 1;
            let (took, cost) = runtime.block_on(spiderpool(server, number, load, what))?;
            ours.add(took);
            counted = sum(counted, cost);
            theirs.add(runtime.block_on(server_alone(server, number, load, what))?);
        }
        let per = |count: u64| count as f64 / (load.pods * rounds) as f64;
        let (fast, slow) = (ours.milliseconds(50), ours.milliseconds(99));
        let (their_fast, their_slow) = (theirs.milliseconds(50), theirs.milliseconds(99));
        writeln!(
            out,
            "| {name} | {:.0} | {:.0} | {:.2} | {fast:.1} | {slow:.1} | {their_fast:.1} | {their_slow:.1} | {:.1} | \
             {:.2} | {:.0} | {:.3} | {:.2} | {:.2} |",
            ours.a_second(),
            theirs.a_second(),
            ours.a_second() / theirs.a_second(),
            slow / their_slow,
            per(counted.writes),
            per(counted.bytes),
            per(counted.conflicts),
            per(counted.reads),
            per(counted.lists),
        )?;
    }
    Ok(())
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
async fn all_at_once<A, F>(
    load: Load,
    agents: &[A],
    lane: impl Fn(A, Vec<u64>) -> F,
) -> Outcome<Vec<Duration>>
where
    A: Clone,
    F: Future<Output = Outcome<Vec<Duration>>> + Send + 'static,
{
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
    Ok(each)
}

/// An agent: an allocator, and where it hands on whose endpoint is to be written.
#[derive(Clone)]
struct Agent {
    allocator: Allocator,
    endpoints: Option<mpsc::UnboundedSender<u64>>,
}

async fn spiderpool(server: &dyn Server, number: usize, load: Load, what: What) -> Outcome<(Took, Counted)> {
    let place = format!("round-{number}");
    let (mut agents, mut counters, mut writers) = (Vec::new(), Vec::new(), Vec::new());
    for agent in 0..load.agents {
        let store = CountingStore::new(server.store(&place).await?, Sizes::Counted);
        counters.push(store.clone());
        let store: Arc<dyn Store> = Arc::new(store);
        let endpoints = match what {
            What::AddsWithEndpoints => {
                let (tell, told) = mpsc::unbounded_channel();
                writers.push(write_endpoints(Arc::clone(&store), place.clone(), told));
                Some(tell)
            }
            What::Adds | What::Churn => None,
        };
        agents
            .push(Agent { allocator: allocator(store, &format!("node-{agent}"), &place).await?, endpoints });
    }
    // After .7, not at the beginning of a block; each round has addresses of its own.
    let last = 7 + load.pods - 1;
    let range = format!("10.{number}.0.7-10.{number}.{}.{}", last / 256, last % 256);
    let wanted = pool(&place, &format!("10.{number}.0.0/16"), &range);
    agents[0].allocator.apply_pool(&wanted, Mode::Real).await?;
    let pool = agents[0].allocator.pool(&place.parse()?).await?;
    if what == What::Churn {
        all_at_once(load, &agents, |agent, pods| add_all(agent, pool.clone(), pods)).await?;
    }
    for counter in &counters {
        // What it took to get here.
        let _ = counter.take();
    }
    let watch = stopwatch();
    let each = match what {
        What::Adds | What::AddsWithEndpoints => {
            all_at_once(load, &agents, |agent, pods| add_all(agent, pool.clone(), pods)).await?
        }
        What::Churn => {
            let again = |agent, pods| replace_all(agent, pool.clone(), pods, load.pods as u64);
            all_at_once(load, &agents, again).await?
        }
    };
    drop(agents);
    for written in join_all(writers).await {
        written??;
    }
    let took = Took { all: watch(), each };
    Ok((took, counters.iter().map(CountingStore::take).fold(Counted::default(), sum)))
}

/// Writes the endpoints of one agent's pods, four at once, until nobody hands on any more.
fn write_endpoints(
    store: Arc<dyn Store>,
    place: String,
    mut told: mpsc::UnboundedReceiver<u64>,
) -> JoinHandle<Outcome<()>> {
    tokio::spawn(async move {
        let mut batch = Vec::new();
        while told.recv_many(&mut batch, 4).await > 0 {
            let writes = batch.drain(..).map(|pod| {
                let (key, endpoint) = endpoint(&place, pod);
                let store = Arc::clone(&store);
                async move {
                    store
                        .create(&key?, endpoint)
                        .await
                        .map_err(Box::<dyn std::error::Error + Send + Sync>::from)
                }
            });
            for written in join_all(writes).await {
                written?;
            }
        }
        Ok(())
    })
}

/// An endpoint as the agent writes it.
fn endpoint(place: &str, pod: u64) -> (Outcome<Key>, Document) {
    let name = format!("{place}-{pod}");
    let mut endpoint = SpiderEndpoint {
        metadata: ObjectMeta {
            name: name.clone(),
            namespace: Some("default".into()),
            ..ObjectMeta::default()
        },
        ..SpiderEndpoint::default()
    };
    endpoint.status.current.uid = format!("00000000-0000-4000-8000-{pod:012x}");
    endpoint.status.current.node = "node-1".into();
    endpoint.status.current.ips = vec![spiderpool_core::api::EndpointIP {
        interface: "eth0".into(),
        ipv4: Some("10.0.0.7/16".into()),
        ipv4_pool: Some(place.to_owned()),
        ..spiderpool_core::api::EndpointIP::default()
    }];
    endpoint.status.owner_controller_type = "Deployment".into();
    endpoint.status.owner_controller_name = "web".into();
    (format!("default/{name}").parse().map(Key::Endpoint).map_err(Into::into), endpoint.into())
}

async fn add_all(agent: Agent, pool: Arc<PoolRef>, pods: Vec<u64>) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for pod in pods {
        let request = add_request(&pool, pod);
        let watch = stopwatch();
        agent.allocator.add(&request).await?;
        times.push(watch());
        if let Some(endpoints) = &agent.endpoints {
            endpoints.send(pod)?;
        }
    }
    Ok(times)
}

async fn replace_all(
    agent: Agent,
    pool: Arc<PoolRef>,
    pods: Vec<u64>,
    offset: u64,
) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for pod in pods {
        let (del, add) = (del_request(pod), add_request(&pool, pod + offset));
        let watch = stopwatch();
        agent.allocator.del(&del).await?;
        agent.allocator.add(&add).await?;
        times.push(watch());
    }
    Ok(times)
}

async fn server_alone(server: &dyn Server, number: usize, load: Load, what: What) -> Outcome<Took> {
    let place = format!("alone-{number}");
    let mut clients = Vec::new();
    for _ in 0..load.agents {
        clients.push(server.client(&place).await?);
    }
    let put_all = |client: Arc<dyn Alone>, pods: Vec<u64>, churn: bool| async move {
        let mut times = Vec::new();
        for pod in pods {
            let watch = stopwatch();
            if churn {
                client.delete(pod).await?;
            }
            client.put(pod).await?;
            times.push(watch());
        }
        Ok(times)
    };
    let watch = stopwatch();
    let each = all_at_once(load, &clients, |client, pods| put_all(client, pods, false)).await?;
    let first = Took { all: watch(), each };
    if what != What::Churn {
        return Ok(first);
    }
    let watch = stopwatch();
    let each = all_at_once(load, &clients, |client, pods| put_all(client, pods, true)).await?;
    Ok(Took { all: watch(), each })
}
