//! N addresses for exactly N pods, under a storm, on any store (feature `conformance`).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::agents::{self, named};
use crate::{
    addr::Address,
    alloc::{AddError, AddRequest, Allocator, DelRequest},
    env::BoxFuture,
    inspect::RecordFilter,
    name::{ContainerId, InterfaceName},
    protocol::{PoolRef, Refusal},
    store::conformance::{Failure, Harness},
};

/// How hard it blows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Storm {
    /// Allocators, each with a cache and an intent log of its own; more than one needs a store that is shared, or that is
    /// in this process.
    pub agents: usize,
    /// Requests at once, of each of them.
    pub requesters: usize,
    /// Pods, and addresses: 1 to 60,000.
    pub pods: usize,
    /// How often a random tenth of the pods is deleted and created again, on the full pool.
    pub rounds: usize,
}

/// Where the pool begins: not at the beginning of a block.
const FIRST: u32 = 0x0a00_0007;
const TIMEOUT: Duration = Duration::from_secs(120);
const POOL: &str = "storm";

/// A pod: how often its container was made anew, and its address.
#[derive(Clone, Copy, Debug, Default)]
struct Pod {
    container: usize,
    address: Option<Address>,
}

/// What the tasks share.
#[derive(Debug)]
struct Sky {
    agents: Vec<Allocator>,
    pool: Arc<PoolRef>,
    pods: Mutex<Vec<Pod>>,
}

/// Serves `storm.pods` pods from a pool of exactly as many addresses, refuses one more, then deletes and creates pods again
/// on the full pool. After each step every pod has an address of its own, and in the end the blocks say the same.
///
/// The store of `harness` must be empty.
///
/// # Errors
/// What went wrong, in words.
pub async fn storm(harness: &dyn Harness, storm: Storm) -> Result<(), Failure> {
    let sky = Arc::new(open(harness, storm).await?);
    let everybody: Vec<usize> = (0..storm.pods).collect();
    sky.in_parallel(harness, storm, &everybody).await?;
    sky.each_has_its_own("first")?;
    sky.one_more_is_refused().await?;
    let env = harness.env();
    for round in 0..storm.rounds {
        let chosen: Vec<usize> =
            everybody.iter().copied().filter(|_| env.entropy.next_u64().is_multiple_of(10)).collect();
        sky.in_parallel(harness, storm, &chosen).await?;
        sky.each_has_its_own(&format!("round {round}"))?;
    }
    sky.blocks_agree().await
}

async fn open(harness: &dyn Harness, storm: Storm) -> Result<Sky, Failure> {
    let addresses = u32::try_from(storm.pods).unwrap_or(u32::MAX >> 8);
    let (agents, pool) = agents::open(harness, storm.agents, &agents::pool(POOL, FIRST, addresses)).await?;
    let pods = Mutex::new(vec![Pod::default(); storm.pods]);
    Ok(Sky { agents, pool, pods })
}

impl Sky {
    /// Deletes and creates the pods of `chosen`, as many at once as there are requesters.
    async fn in_parallel(
        self: &Arc<Self>,
        harness: &dyn Harness,
        storm: Storm,
        chosen: &[usize],
    ) -> Result<(), Failure> {
        let workers = storm.agents * storm.requesters;
        let failures = Arc::new(Mutex::new(Vec::new()));
        let tasks = (0..workers).map(|worker| {
            let (sky, failures) = (self.clone(), failures.clone());
            let own: Vec<usize> = chosen.iter().copied().skip(worker).step_by(workers).collect();
            let task: BoxFuture<()> = Box::pin(async move {
                for pod in own {
                    if let Err(failure) = sky.anew(pod).await {
                        failures.lock().push(failure);
                    }
                }
            });
            task
        });
        harness.parallel(tasks.collect()).await;
        failures.lock().first().cloned().map_or(Ok(()), Err)
    }

    fn agent_of(&self, pod: usize) -> Result<&Allocator, Failure> {
        let own = pod.checked_rem(self.agents.len()).and_then(|own| self.agents.get(own));
        own.ok_or_else(|| Failure::new("a storm without agents"))
    }

    /// The pod goes, if it is there, and comes back in another container.
    async fn anew(&self, number: usize) -> Result<(), Failure> {
        let agent = self.agent_of(number)?;
        let Some(before) = self.pods.lock().get(number).copied() else { return Ok(()) };
        if let Some(address) = before.address {
            if let Some(pod) = self.pods.lock().get_mut(number) {
                pod.address = None;
            }
            let del = DelRequest {
                timeout: TIMEOUT,
                ..DelRequest::of_container(&container(number, before.container)?)
            };
            let freed = named(agent.del(&del).await)?;
            // Also where the answer to the write was lost.
            if freed.released != [address] {
                return Err(Failure::new(format!(
                    "pod {number} had {address}; its DEL freed {:?}",
                    freed.released
                )));
            }
        }
        let address = self.grant(number, before.container + 1).await?.map_err(|error| {
            Failure::new(format!("pod {number}, for which there is an address, has none: {error}"))
        })?;
        if let Some(pod) = self.pods.lock().get_mut(number) {
            *pod = Pod { container: before.container + 1, address: Some(address) };
        }
        Ok(())
    }

    async fn grant(&self, pod: usize, incarnation: usize) -> Result<Result<Address, AddError>, Failure> {
        let interface = named(InterfaceName::new("eth0"))?;
        let request = AddRequest::of_container(&container(pod, incarnation)?, &interface, &self.pool);
        let granted = self.agent_of(pod)?.add(&AddRequest { timeout: TIMEOUT, ..request }).await;
        Ok(match granted {
            Ok(granted) => match &granted[..] {
                [one] => Ok(one.address),
                other => return Err(Failure::new(format!("{} addresses for one part", other.len()))),
            },
            Err(error) => Err(error),
        })
    }

    fn each_has_its_own(&self, when: &str) -> Result<(), Failure> {
        let pods = self.pods.lock();
        let distinct: BTreeSet<Address> = pods.iter().filter_map(|pod| pod.address).collect();
        let inside = distinct.iter().all(|address| self.pool.usable.contains(*address));
        if distinct.len() == pods.len() && inside {
            return Ok(());
        }
        Err(Failure::new(format!("{when}: {} pods have {} addresses", pods.len(), distinct.len())))
    }

    async fn one_more_is_refused(&self) -> Result<(), Failure> {
        let one_more = self.pods.lock().len();
        for extra in 0..self.agents.len() {
            match self.grant(one_more + extra, 0).await? {
                Err(AddError::Refused { candidates, .. })
                    if candidates.iter().all(|(_, why)| *why == Refusal::Exhausted) => {}
                other => {
                    let message = format!("a pod too many was not refused as exhausted: {other:?}");
                    return Err(Failure::new(message));
                }
            }
        }
        Ok(())
    }

    async fn blocks_agree(&self) -> Result<(), Failure> {
        let agent = self.agent_of(0)?;
        let records = named(agent.inspect().records(&RecordFilter::default()).await)?;
        let held: BTreeSet<Address> = records.iter().map(|(address, _)| *address).collect();
        let known: BTreeSet<Address> = self.pods.lock().iter().filter_map(|pod| pod.address).collect();
        if held == known && held.len() == records.len() {
            return Ok(());
        }
        let leaked: Vec<_> = held.difference(&known).collect();
        let lost: Vec<_> = known.difference(&held).collect();
        Err(Failure::new(format!("held by nobody: {leaked:?}; held by pods only: {lost:?}")))
    }
}

fn container(pod: usize, incarnation: usize) -> Result<ContainerId, Failure> {
    named(ContainerId::new(format!("pod-{pod}-{incarnation}")))
}
