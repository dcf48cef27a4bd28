//! Repair of a store: everything derived is rebuilt, plans are settled, and what the sweep would free is freed.
//!
//! Nothing here decides who holds an address: blocks are the truth, and an address is freed by the sweep's verdict and
//! its fenced machines only. A dry run is the real run on a [`ShadowStore`], so it says what would be done and what
//! would be left. Any number of agents may go on meanwhile; every write is a compare-and-swap.

mod action;
mod claims;
mod copies;
mod scope;
mod views;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use action::{Action, ActionKind};

use self::scope::Opened;
use crate::{
    admin::{AdminError, Mode, Tended},
    alloc::{Allocator, AllocatorConfig, OpenError},
    env::Env,
    inspect::{Finding, Inspect, Severity},
    model::PlanId,
    name::ObjectName,
    store::{Key, ShadowStore, Store, StoreError, StoreExt},
    sweep::{Sources, SweepPolicy},
};

/// What a repair came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repaired {
    /// Whether it was done, or only looked at.
    pub mode: Mode,
    /// What was wrong before.
    pub found: Vec<Finding>,
    /// What was done, in this order; in a dry run, what would be.
    pub actions: Vec<Action>,
    /// What could not be done, and why: a document that cannot be read, somebody who edits the same objects.
    pub failures: Vec<String>,
    /// What is wrong afterwards: for a person to decide. The words of each finding say how.
    pub left: Vec<Finding>,
}

impl Repaired {
    /// Whether anything is left that should be put right.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.left.iter().all(|finding| finding.severity == Severity::Info)
    }
}

/// Why nothing was repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The scope cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed; what was done counts, and the next repair goes on.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// Repairs the scope of `config` in `store`. A second repair right after the first has nothing to do.
///
/// Cost: that of a check, of [`Allocator::tend`] twice and of a pass of the sweep, and the writes that are needed.
/// Cancellation: every step is whole by itself; repair again.
///
/// # Errors
/// The store fails, or the scope is of a newer format. What concerns single documents is told in
/// [`Repaired::failures`].
pub async fn repair(
    store: Arc<dyn Store>,
    env: &Env,
    config: AllocatorConfig,
    sources: &Arc<dyn Sources>,
    policy: &SweepPolicy,
    mode: Mode,
) -> Result<Repaired, RepairError> {
    let store = match mode {
        Mode::Real => store,
        Mode::DryRun => Arc::new(ShadowStore::new(store)),
    };
    let found = Inspect::open(store.clone(), env, config.scope.clone()).await?.fsck().await?;
    let mut repair = match scope::open(store, env, config).await? {
        Opened::Allocator(allocator, restored) => {
            Repair { allocator, actions: restored.into_iter().collect(), failures: Vec::new() }
        }
        Opened::Nothing(why) => {
            let left = found.clone();
            return Ok(Repaired {
                mode,
                found,
                left,
                failures: why.into_iter().collect(),
                ..Repaired::default()
            });
        }
    };
    repair.settle().await?;
    repair.drop_blocks_of_another_size().await?;
    repair.drop_wrong_copies().await?;
    repair.free(sources, policy).await?;
    repair.make_claims().await?;
    repair.rebuild_views().await?;
    // What was freed may have been the last address of something that is being deleted.
    repair.settle().await?;
    let left = repair.allocator.inspect().fsck().await?;
    Ok(Repaired { mode, found, actions: repair.actions, failures: repair.failures, left })
}

/// Gives stateful records their claims; what could not be done.
pub(crate) async fn claims(allocator: &Allocator) -> Result<Vec<String>, StoreError> {
    let mut repair = Repair { allocator: allocator.clone(), actions: Vec::new(), failures: Vec::new() };
    repair.make_claims().await?;
    Ok(repair.failures)
}

struct Repair {
    allocator: Allocator,
    actions: Vec<Action>,
    failures: Vec<String>,
}

/// What concerns one document, or an editor, is noted; only a store that fails ends the repair.
fn is_local(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Damaged { .. }
            | StoreError::NewerFormat { .. }
            | StoreError::TooLarge { .. }
            | StoreError::Refused { .. }
            | StoreError::Conflict { .. }
            | StoreError::AlreadyExists { .. }
            | StoreError::NotFound { .. }
    )
}

impl Repair {
    fn did(&mut self, kind: ActionKind, object: impl std::fmt::Display, what: impl Into<String>) {
        self.actions.push(Action { kind, object: object.to_string(), what: what.into() });
    }

    /// Goes on after what concerns one document only.
    fn noted<T>(&mut self, step: &str, done: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error) if is_local(&error) => {
                self.fail(format!("{step}: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The same for an edit, which others may be in the way of.
    fn edited<T>(&mut self, step: &str, done: Result<T, AdminError>) -> Result<Option<T>, StoreError> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(AdminError::Store(error)) => self.noted(step, Err(error)),
            Err(error) => {
                self.fail(format!("{step}: {error}"));
                Ok(None)
            }
        }
    }

    fn fail(&mut self, failure: String) {
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// What [`Allocator::tend`] does: finishes deletions, settles plans, takes away what belongs to pools that are gone, reconciles Subnets.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let (allocator, mut tended) = (self.allocator.clone(), Tended::default());
        // One by one: a document that cannot be read stops only what needs it.
        let done = allocator.finish_subnets(&mut tended).await;
        self.edited("finishing deletions of Subnets", done)?;
        let done = allocator.finish_pools(&mut tended).await;
        self.edited("finishing deletions of pools", done)?;
        let done = allocator.settle_plans(&mut tended).await;
        self.edited("settling plans", done)?;
        let done = allocator.drop_dead_copies(&mut tended).await;
        self.edited("taking copies of dead plans out", done)?;
        let done = allocator.reconcile_subnets().await;
        tended.subnets = self.edited("reconciling Subnets", done)?.unwrap_or_default();
        for key in tended.deleted {
            self.did(ActionKind::DeletionFinished, key, "its deletion is finished");
        }
        for plan in tended.settled {
            let object = self.plan_name(&plan).await;
            self.did(ActionKind::PlanSettled, object, "settled: it says what its object says");
        }
        for plan in tended.buried {
            self.did(ActionKind::PlanRemoved, format!("plan {plan}"), "removed: its pool is gone");
        }
        for block in tended.cleaned {
            self.did(ActionKind::CopyDropped, block, "copies of plans that are gone are taken out");
        }
        for subnet in tended.subnets {
            self.did(
                ActionKind::SubnetReconciled,
                Key::Subnet(subnet),
                "its record says what its pools have",
            );
        }
        Ok(())
    }

    async fn plan_name(&self, plan: &PlanId) -> String {
        let pool: Option<ObjectName> = match self.allocator.store().plan(plan).await {
            Ok(Some((plan, _))) => plan.pool.clone(),
            _ => None,
        };
        match pool {
            Some(pool) => format!("plan of pool {pool}"),
            None => format!("plan {plan}"),
        }
    }

    /// Frees what the sweep would free.
    async fn free(&mut self, sources: &Arc<dyn Sources>, policy: &SweepPolicy) -> Result<(), StoreError> {
        let swept = self.allocator.sweep(sources, policy, Mode::Real).await;
        let Some(swept) = self.noted("freeing addresses", swept)? else { return Ok(()) };
        for judged in swept.freed() {
            let owner = match (&judged.pod, &judged.owner) {
                (Some(pod), _) => format!("pod {pod}"),
                (None, Some(owner)) => format!("sandbox {owner}"),
                (None, None) => "nobody".into(),
            };
            self.did(
                ActionKind::AddressFreed,
                judged.address,
                format!("taken from {owner}: {}", judged.reason()),
            );
        }
        Ok(())
    }
}
