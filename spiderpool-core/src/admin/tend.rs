//! One pass over everything that edits and crashes may have left half-done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AdminError, Deletion, Mode};
use crate::{
    addr::Family,
    alloc::Allocator,
    api::SpiderIPPool,
    inspect::RecordFilter,
    model::{BlockId, PlanId, Pool},
    name::{ObjectName, Uid},
    protocol::{Subject, pool_usable, unreserved},
    store::{Key, Kind, Selector, StoreExt},
};

/// What [`Allocator::tend`] did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tended {
    /// Pools and Subnets whose deletion is complete now.
    pub deleted: Vec<Key>,
    /// Plans that say what their objects say now, and did not before.
    pub settled: Vec<PlanId>,
    /// Plans of pools that are gone, removed with their copies.
    pub buried: Vec<PlanId>,
    /// Blocks that had copies of plans that are gone.
    #[serde(default)]
    pub cleaned: Vec<BlockId>,
    /// Subnets whose record did not say what their pools have.
    #[serde(default)]
    pub subnets: Vec<ObjectName>,
}

impl Allocator {
    /// Finishes what was begun: deletes terminating pools that hold nothing any more and Subnets whose deletion was
    /// interrupted; settles plans, fencing edits that have been in flight for longer than the grace; keeps the records
    /// of Subnets; removes plans and copies of pools that are gone. Frees no address.
    ///
    /// To be called now and then by whoever administers a store without a controller. Cost: one listing of each kind
    /// but resources and endpoints, and the writes that are needed; none if nothing is.
    ///
    /// # Errors
    /// The store failed, or somebody else edits the same objects; the next call goes on.
    pub async fn tend(&self) -> Result<Tended, AdminError> {
        let mut tended = self.tend_objects().await?;
        tended.cleaned = self.tend_copies().await?;
        Ok(tended)
    }

    /// All of [`Allocator::tend`] but for copies of plans that are gone and that nobody saw go. Cost: no listing of blocks, unless
    /// a pool is terminating.
    ///
    /// # Errors
    /// As [`Allocator::tend`].
    pub async fn tend_objects(&self) -> Result<Tended, AdminError> {
        let mut tended = Tended::default();
        self.finish_subnets(&mut tended).await?;
        self.finish_pools(&mut tended).await?;
        self.settle_plans(&mut tended).await?;
        tended.subnets = self.reconcile_subnets().await?;
        Ok(tended)
    }

    /// Removes copies of plans of pools that are gone: those that a crash in the middle of a deletion left. The blocks that had
    /// some. Nothing waits for it: such a copy allows nothing to anybody. Cost: a listing of blocks, plans and pools.
    ///
    /// # Errors
    /// As [`Allocator::tend`].
    pub async fn tend_copies(&self) -> Result<Vec<BlockId>, AdminError> {
        let mut tended = Tended::default();
        self.drop_dead_copies(&mut tended).await?;
        Ok(tended.cleaned)
    }

    /// Brings the records of all Subnets up to what their pools say, and names those that did not.
    pub(crate) async fn reconcile_subnets(&self) -> Result<Vec<ObjectName>, AdminError> {
        let mut changed = Vec::new();
        for subnet in self.list_subnets().await? {
            if let Ok(name) = ObjectName::new(&subnet.metadata.name) {
                match self.reconcile(&name, None).await {
                    // A record that cannot be read stays for `fsck` to report.
                    Ok(_) | Err(AdminError::Invalid { .. }) => {}
                    Err(error) => return Err(error),
                }
                let after = self.store().subnet(&name).await?;
                if after.is_some_and(|(after, _)| after.status != subnet.status) {
                    changed.push(name);
                }
            }
        }
        Ok(changed)
    }

    pub(crate) async fn finish_subnets(&self, tended: &mut Tended) -> Result<(), AdminError> {
        for subnet in self.list_subnets().await? {
            let terminating = subnet.metadata.deletion_timestamp.is_some();
            if let Some(name) = ObjectName::new(&subnet.metadata.name).ok().filter(|_| terminating) {
                match self.delete_subnet(&name, Deletion::Terminate, Mode::Real).await {
                    Ok(_) => tended.deleted.push(Key::Subnet(name)),
                    Err(AdminError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn finish_pools(&self, tended: &mut Tended) -> Result<(), AdminError> {
        let pools = self.list_pools().await?;
        let is_terminating = |pool: &SpiderIPPool| pool.metadata.deletion_timestamp.is_some();
        let terminating: Vec<_> =
            pools.iter().map(|(pool, _)| pool).filter(|pool| is_terminating(pool)).collect();
        if terminating.is_empty() {
            return Ok(());
        }
        // Also records outside the pool's ranges: they name it all the same.
        let records = self.inspect().records(&RecordFilter::default()).await?;
        let held: BTreeSet<&str> = records.iter().map(|(_, record)| record.pool.as_str()).collect();
        for pool in terminating {
            let name = ObjectName::new(&pool.metadata.name).map_err(AdminError::Name)?;
            if pool.metadata.uid.as_deref().is_some_and(|uid| held.contains(uid)) {
                continue;
            }
            match self.delete_pool(&name, Deletion::Guarded, Mode::Real).await {
                Ok(_) => tended.deleted.push(Key::Pool(name)),
                Err(AdminError::NotFound { .. } | AdminError::Held { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Brings all plans up to what their objects say, and makes those that are missing.
    pub(crate) async fn settle_plans(&self, tended: &mut Tended) -> Result<(), AdminError> {
        // Plans first: a pool that is made after this listing is none of a dead plan's business.
        let plans = self.store().list(&Selector::Kind(Kind::Plan)).await?;
        let reservations = self.store().list(&Selector::Kind(Kind::Reservation)).await?;
        let pools = self.list_pools().await?;
        let by_uid: BTreeMap<&str, &SpiderIPPool> = pools
            .iter()
            .filter_map(|(pool, _)| Some((pool.metadata.uid.as_deref()?, pool.as_ref())))
            .collect();
        let mut planned = BTreeSet::new();
        for item in &plans.items {
            let Some(plan) = item.document.as_plan() else { continue };
            planned.insert(plan.id.clone());
            let subject =
                Subject { plan: plan.id.clone(), pool: plan.pool.clone(), family: plan.usable.family() };
            let says = match &plan.id {
                PlanId::Pool(uid) => by_uid.get(uid.as_str()).map(|pool| pool_usable(pool, subject.family)),
                PlanId::Reservations(scope, _) if scope != self.scope() => continue,
                PlanId::Reservations(..) => Some(unreserved(&reservations, subject.family)),
            };
            match says {
                None => {
                    let whole =
                        plan.pending.iter().fold(plan.usable.clone(), |all, edit| all.union(&edit.removed));
                    self.settle(&subject).await?;
                    self.bury(&subject, &whole).await?;
                    if self.store().get(&item.key).await?.is_none() {
                        tended.buried.push(plan.id.clone());
                    }
                }
                Some(says) if says != plan.usable || !plan.pending.is_empty() => {
                    if self.settle(&subject).await?.is_some() {
                        tended.settled.push(plan.id.clone());
                    }
                }
                Some(_) => {}
            }
        }
        let mut missing: Vec<Subject> = Vec::new();
        for (object, _) in &pools {
            let uid = object.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok());
            let plan = uid.map(PlanId::Pool).filter(|plan| !planned.contains(plan));
            if let (Some(plan), Ok(pool)) = (plan, Pool::try_from(object.as_ref())) {
                missing.push(Subject { plan, pool: Some(pool.name), family: pool.family });
            }
        }
        for family in [Family::V4, Family::V6] {
            let subject = Subject::reservations(self.scope(), family);
            let reserved = unreserved(&reservations, family) != crate::addr::IpSet::everything(family);
            if reserved && !planned.contains(&subject.plan) {
                missing.push(subject);
            }
        }
        for subject in missing {
            if self.settle(&subject).await?.is_some() {
                tended.settled.push(subject.plan);
            }
        }
        Ok(())
    }

    /// Copies first, then plans: a plan that has a copy and is not found afterwards is gone for good, as no plan is
    /// ever made again under the uid of a pool that is gone.
    pub(crate) async fn drop_dead_copies(&self, tended: &mut Tended) -> Result<(), AdminError> {
        let blocks = self.store().list(&Selector::Kind(Kind::Block)).await?;
        let plans = self.store().list(&Selector::Kind(Kind::Plan)).await?;
        let pools = self.list_pools().await?;
        let planned: BTreeSet<&Key> = plans.items.iter().map(|item| &item.key).collect();
        let pools: BTreeSet<&str> =
            pools.iter().filter_map(|(pool, _)| pool.metadata.uid.as_deref()).collect();
        let alive = |plan: &PlanId| {
            let PlanId::Pool(uid) = plan else { return true };
            planned.contains(&Key::Plan(plan.clone())) || pools.contains(uid.as_str())
        };
        let copied: BTreeSet<&PlanId> = blocks
            .items
            .iter()
            .filter_map(|item| item.document.as_block())
            .filter(|block| block.id().scope == *self.scope())
            .flat_map(|block| block.copies())
            .map(|copy| &copy.plan)
            .collect();
        let dead: BTreeSet<&PlanId> = copied.into_iter().filter(|plan| !alive(plan)).collect();
        if dead.is_empty() {
            return Ok(());
        }
        for item in &blocks.items {
            let Some(block) = item.document.as_block() else { continue };
            let has = block.copies().iter().any(|copy| dead.contains(&copy.plan));
            if has && block.id().scope == *self.scope() {
                self.drop_copies(block, item.token.clone(), |plan| dead.contains(plan)).await?;
                tended.cleaned.push(block.id().clone());
            }
        }
        Ok(())
    }
}
