//! Agents, an administrator and a sweep at the same time, on any store (feature `conformance`): the actors of the simulation
//! where time and failures are real.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::agents::{self, named};
use crate::{
    addr::{Address, Family, IpSet},
    admin::{AdminError, Mode},
    alloc::{AddError, AddRequest, Allocator, DelRequest},
    api::{ObjectMeta, ReservedIPSpec, SpiderReservedIP},
    env::BoxFuture,
    inspect::{RecordFilter, Severity},
    name::{ContainerId, InterfaceName, NodeName},
    protocol::PoolRef,
    store::{
        StoreError,
        conformance::{Failure, Harness},
    },
    sweep::{Declared, SandboxSeen, Sandboxes, Sources, StoreSources, SweepPolicy},
};

/// How much of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unrest {
    /// Allocators, each with a cache and an intent log of its own; more than one needs a store that is shared, or that is
    /// in this process.
    pub agents: usize,
    /// Requests at once, of each of them.
    pub requesters: usize,
    /// Containers that each requester makes, one after the other. Every fifth one ends without a DEL.
    pub containers: usize,
    /// Edits of the administrator, one after the other: the pool made smaller and larger, addresses reserved and given back.
    pub edits: usize,
}

const POOL: &str = "unrest";
const RESERVATION: &str = "printers";
/// 64 addresses, not at the beginning of a block; the second half comes and goes, eight of the first are reserved at times.
const FIRST: u32 = 0x0a00_0007;
const ADDRESSES: u32 = 64;
const RESERVED: Range<u32> = 8..16;
const TRIES: usize = 1_000;
const TIMEOUT: Duration = Duration::from_secs(120);

/// What may be granted, and since which edit. A request that saw the same edit before and after it was bound by it.
#[derive(Clone, Debug)]
struct InForce {
    edits: usize,
    allowed: IpSet,
}

/// What everybody knows.
#[derive(Debug)]
struct Town {
    agents: Vec<Allocator>,
    pool: Arc<PoolRef>,
    /// From the answer of the ADD to the sending of the DEL.
    held: Mutex<BTreeMap<Address, ContainerId>>,
    /// None: an edit is under way.
    in_force: Mutex<Option<InForce>>,
    /// Containers that ended without a DEL.
    ended: Arc<Ended>,
    failures: Mutex<Vec<Failure>>,
}

/// The second source of the sweep.
#[derive(Debug, Default)]
struct Ended(Mutex<BTreeSet<ContainerId>>);

#[async_trait]
impl Sandboxes for Ended {
    async fn sandbox(&self, _: &NodeName, container: &ContainerId) -> SandboxSeen {
        if self.0.lock().contains(container) { SandboxSeen::Gone } else { SandboxSeen::Alive }
    }
}

/// Lets agents grant and release while an administrator edits the pool and a sweep frees what ended without a DEL. Nobody is
/// granted what somebody has, nor what the edits in force do not allow; in the end one sweep leaves nothing held, and the store
/// does not contradict itself.
///
/// The store of `harness` must be empty.
///
/// # Errors
/// What went wrong, in words.
pub async fn unrest(harness: &dyn Harness, unrest: Unrest) -> Result<(), Failure> {
    let town = Arc::new(open(harness, unrest).await?);
    let mut work: Vec<BoxFuture<()>> = Vec::new();
    for worker in 0..unrest.agents * unrest.requesters {
        let town = Arc::clone(&town);
        work.push(Box::pin(async move {
            let lived = town.live(worker, unrest).await;
            town.note(lived);
        }));
    }
    let (editor, sweeper) = (Arc::clone(&town), Arc::clone(&town));
    work.push(Box::pin(async move {
        let edited = editor.edit(unrest).await;
        editor.note(edited);
    }));
    work.push(Box::pin(async move {
        for _ in 0..unrest.edits {
            let swept = sweeper.sweep().await;
            sweeper.note(swept);
        }
    }));
    harness.parallel(work).await;
    if let Some(failure) = town.failures.lock().first() {
        return Err(failure.clone());
    }
    town.nothing_is_left().await
}

/// The addresses `of` the trial, counted from its first one.
fn range(of: Range<u32>) -> String {
    agents::range(FIRST + of.start, of.end - of.start)
}

fn set(of: Range<u32>) -> Result<IpSet, Failure> {
    named(IpSet::from_ranges(Family::V4, [named(range(of).parse())?]))
}

async fn open(harness: &dyn Harness, unrest: Unrest) -> Result<Town, Failure> {
    let (agents, pool) = agents::open(harness, unrest.agents, &agents::pool(POOL, FIRST, ADDRESSES)).await?;
    let in_force = InForce { edits: 0, allowed: set(0..ADDRESSES)? };
    Ok(Town {
        agents,
        pool,
        held: Mutex::default(),
        in_force: Mutex::new(Some(in_force)),
        ended: Arc::default(),
        failures: Mutex::default(),
    })
}

impl Town {
    fn note(&self, outcome: Result<(), Failure>) {
        self.failures.lock().extend(outcome.err());
    }

    fn agent(&self, number: usize) -> Result<&Allocator, Failure> {
        let agent = number.checked_rem(self.agents.len()).and_then(|number| self.agents.get(number));
        agent.ok_or_else(|| Failure::new("unrest without agents"))
    }

    /// One container after the other.
    async fn live(&self, worker: usize, unrest: Unrest) -> Result<(), Failure> {
        let (agent, eth0) = (self.agent(worker)?, named(InterfaceName::new("eth0"))?);
        for n in 0..unrest.containers {
            let container = named(ContainerId::new(format!("c-{worker}-{n}")))?;
            let request = AddRequest::of_container(&container, &eth0, &self.pool);
            let before = self.in_force.lock().clone();
            let granted = agent.add(&AddRequest { timeout: TIMEOUT, ..request }).await;
            match granted {
                Ok(granted) => {
                    let address = granted.first().ok_or_else(|| Failure::new("a grant of nothing"))?.address;
                    self.is_right(address, &container, before)?;
                    if n % 5 == 4 {
                        // What ends without a DEL has its address until the sweep.
                        self.held.lock().remove(&address);
                        self.ended.0.lock().insert(container);
                        continue;
                    }
                }
                // The pool is full, or an edit is in its way: a runtime would come back later.
                Err(AddError::Refused { .. } | AddError::Busy { .. }) => {}
                Err(error) => return Err(Failure::new(format!("{container}: {error}"))),
            }
            self.held.lock().retain(|_, holder| *holder != container);
            named(agent.del(&DelRequest { timeout: TIMEOUT, ..DelRequest::of_container(&container) }).await)?;
        }
        Ok(())
    }

    fn is_right(
        &self,
        address: Address,
        container: &ContainerId,
        before: Option<InForce>,
    ) -> Result<(), Failure> {
        if let Some(holder) = self.held.lock().insert(address, container.clone()) {
            return Err(Failure::new(format!("{address} of {holder} is granted to {container}")));
        }
        let after = self.in_force.lock().clone();
        match (before, after) {
            (Some(before), Some(after))
                if before.edits == after.edits && !after.allowed.contains(address) =>
            {
                Err(Failure::new(format!(
                    "{address} is granted to {container}, and no edit in force allows it"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The pool is made smaller and larger, and addresses are reserved and given back.
    async fn edit(&self, unrest: Unrest) -> Result<(), Failure> {
        let agent = self.agent(0)?;
        let (mut size, mut reserved) = (ADDRESSES, false);
        for n in 0..unrest.edits {
            *self.in_force.lock() = None;
            if n % 2 == 0 {
                let wanted = if size == ADDRESSES { ADDRESSES / 2 } else { ADDRESSES };
                if insisted(agent, Edit::Resize(wanted)).await? {
                    size = wanted;
                }
            } else {
                let edit = if reserved { Edit::GiveBack } else { Edit::Reserve };
                reserved ^= insisted(agent, edit).await?;
            }
            let all = set(0..size)?;
            let allowed = if reserved { all.difference(&set(RESERVED)?) } else { all };
            *self.in_force.lock() = Some(InForce { edits: n + 1, allowed });
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<(), Failure> {
        let agent = self.agent(1)?;
        let (store, clock) = (agent.store().clone(), agent.env().clock.clone());
        let sources: Arc<dyn Sources> =
            Arc::new(StoreSources::new(store, clock, self.ended.clone(), Declared::Always));
        named(agent.sweep(&sources, &SweepPolicy::default(), Mode::Real).await)?;
        Ok(())
    }

    async fn nothing_is_left(&self) -> Result<(), Failure> {
        self.sweep().await?;
        let inspect = self.agent(0)?.inspect();
        let records = named(inspect.records(&RecordFilter::default()).await)?;
        if let Some((address, record)) = records.first() {
            let left = records.len();
            return Err(Failure::new(format!(
                "{left} addresses leaked, {address} of {} among them",
                record.owner
            )));
        }
        let findings = named(inspect.fsck().await)?;
        match findings.iter().find(|finding| finding.severity > Severity::Info) {
            Some(finding) => Err(Failure::new(format!("{}: {}", finding.object, finding.what))),
            None => Ok(()),
        }
    }
}

/// What an administrator does.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Resize(u32),
    Reserve,
    GiveBack,
}

/// Whether the edit was made. One that is refused because of who holds what changes nothing; one that the store did not answer,
/// or that is not over, is made again: it comes to the same.
async fn insisted(agent: &Allocator, edit: Edit) -> Result<bool, Failure> {
    let name = named(RESERVATION.parse())?;
    for _ in 0..TRIES {
        let done = match edit {
            Edit::Resize(size) => {
                agent.apply_pool(&agents::pool(POOL, FIRST, size), Mode::Real).await.map(drop)
            }
            Edit::Reserve => agent.apply_reservation(&reservation(), Mode::Real).await.map(drop),
            Edit::GiveBack => agent.delete_reservation(&name, Mode::Real).await.map(drop),
        };
        match done {
            Ok(()) | Err(AdminError::NotFound { .. }) => return Ok(true),
            Err(AdminError::Held { .. }) => return Ok(false),
            Err(AdminError::InProgress { .. } | AdminError::Contended { .. }) => {}
            Err(AdminError::Store(StoreError::Unavailable { .. } | StoreError::UnknownOutcome { .. })) => {}
            Err(error) => return Err(Failure::new(format!("{edit:?}: {error}"))),
        }
    }
    Err(Failure::new("an edit that never came to its end"))
}

fn reservation() -> SpiderReservedIP {
    SpiderReservedIP {
        metadata: ObjectMeta { name: RESERVATION.into(), ..ObjectMeta::default() },
        spec: ReservedIPSpec { ips: vec![range(RESERVED)], ..ReservedIPSpec::default() },
        ..SpiderReservedIP::default()
    }
}
