//! Deleting pools (rule 5d), and what is left of them.

use super::{
    AdminError, Applied, Deletion, Mode,
    edit::{Judged, TRIES, subject_of},
};
use crate::{
    addr::{Cidr, IpSet},
    alloc::Allocator,
    api::SpiderIPPool,
    model::{Block, PlanId, Pool},
    name::{ObjectName, Uid},
    protocol::{Guard, Subject},
    store::{Key, Kind, Room, Selector, StoreError, StoreExt, Token},
};

impl Allocator {
    /// Deletes a pool.
    ///
    /// Guarded, it is refused while addresses are held. Otherwise the pool terminates: it grants nothing from then on,
    /// and goes with its last address (by deleting it again, or by [`Allocator::tend`]).
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn delete_pool(
        &self,
        name: &ObjectName,
        deletion: Deletion,
        mode: Mode,
    ) -> Result<Applied, AdminError> {
        let key = Key::Pool(name.clone());
        for _ in 0..TRIES {
            let Some((old, token)) = self.store().pool(name).await? else {
                // A deletion that was interrupted may have left something.
                if mode == Mode::Real {
                    self.clean_up_after(name).await?;
                }
                return Err(AdminError::NotFound { object: key });
            };
            let Some((subject, offered)) = self.offered(name, &old).await? else {
                // It cannot be read and has no plan: it never granted anything.
                match self.remove(&key, &token, mode).await? {
                    Some(applied) => return Ok(applied),
                    None => continue,
                }
            };
            let guard = match deletion {
                Deletion::Guarded => Guard::Refuse,
                Deletion::Terminate => Guard::Warn,
            };
            let none = IpSet::new(subject.family);
            let judged = Judged {
                key: key.clone(),
                base: Some(token.clone()),
                creates: None,
                subject: subject.clone(),
                old: offered.clone(),
                new: none,
                guard,
                mode,
            };
            let holders = self.admit(judged).await?;
            if mode == Mode::DryRun {
                let free = holders.is_empty();
                return Ok(if free { Applied::Deleted } else { Applied::Terminating { holders } });
            }
            if holders.is_empty() {
                let removed = self.remove(&key, &token, mode).await?;
                self.settle(&subject).await?;
                if removed.is_some() {
                    self.bury(&subject, &offered).await?;
                    self.leave_subnet(&old).await?;
                    return Ok(Applied::Deleted);
                }
                continue;
            }
            let mut terminating = old.as_ref().clone();
            terminating.metadata.deletion_timestamp.get_or_insert(self.env().clock.now().to_string());
            // Another token in any case: it ends the edit that was admitted above.
            terminating.status.fence = Some(format!("{:016x}", self.number()));
            let written = self.store().update(&key, &token, terminating.into()).await;
            match written {
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {
                    self.settle(&subject).await?;
                    continue;
                }
                other => other?,
            };
            self.settle(&subject).await?;
            return Ok(Applied::Terminating { holders });
        }
        Err(AdminError::Contended { object: key })
    }

    /// The plan of a pool, and what it could ever have granted; none where there is neither a readable object nor a
    /// plan.
    async fn offered(
        &self,
        name: &ObjectName,
        object: &SpiderIPPool,
    ) -> Result<Option<(Subject, IpSet)>, AdminError> {
        // A terminating pool offers nothing by its object.
        if let Ok(pool) = Pool::try_from(object) {
            let usable = Pool { terminating: false, ..pool }.usable();
            return Ok(subject_of(name, &object.metadata, usable.family()).map(|subject| (subject, usable)));
        }
        let Some(uid) = object.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()) else {
            return Ok(None);
        };
        let plan = PlanId::Pool(uid);
        let found = self.store().plan(&plan).await?;
        Ok(found.map(|(found, _)| {
            let usable =
                found.pending.iter().fold(found.usable.clone(), |all, edit| all.union(&edit.removed));
            (Subject { plan, pool: Some(name.clone()), family: usable.family() }, usable)
        }))
    }

    /// Deletes an object by its token. None: it has another token by now.
    pub(super) async fn remove(
        &self,
        key: &Key,
        token: &Token,
        mode: Mode,
    ) -> Result<Option<Applied>, AdminError> {
        if mode == Mode::DryRun {
            return Ok(Some(Applied::Deleted));
        }
        match self.store().delete(key, token).await {
            Ok(()) => Ok(Some(Applied::Deleted)),
            Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the plan of a pool that is gone, and its copies. Neither can grant anything: the plan allows nothing
    /// any more, and was installed in every block that held a copy of it. Copies are looked for in the blocks of
    /// `offered`; everywhere, where the plan's ranges changed other than by being made and emptied.
    pub(super) async fn bury(&self, subject: &Subject, offered: &IpSet) -> Result<(), AdminError> {
        if let PlanId::Pool(uid) = &subject.plan {
            self.forget_pool(uid);
        }
        let mut edited = false;
        if let Some((plan, token)) = self.store().plan(&subject.plan).await? {
            if !plan.pending.is_empty() || !plan.usable.is_empty() {
                // Somebody else's edit: whoever settles it sees that the pool is gone.
                return Ok(());
            }
            edited = plan.epoch.n > 2;
            match self.store().delete(&Key::Plan(subject.plan.clone()), &token).await {
                Ok(()) | Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let bits = self.block_bits().get();
        let (first, last) = match (offered.first(), offered.last()) {
            _ if edited => (0, subject.family.max() >> bits),
            (Some(first), Some(last)) => (first.value() >> bits, last.value() >> bits),
            _ => return Ok(()),
        };
        let (scope, family) = (self.scope().clone(), subject.family);
        let selector = Selector::Blocks { scope, family, first, last, room: Room::Any };
        for item in self.store().list(&selector).await?.items {
            if let Some(block) = item.document.as_block() {
                self.drop_copies(block, item.token, |plan| *plan == subject.plan).await?;
            }
        }
        Ok(())
    }

    /// Takes copies of dead plans out of a block. By its token, so that nothing else is touched.
    pub(crate) async fn drop_copies(
        &self,
        block: &Block,
        token: Token,
        dead: impl Fn(&PlanId) -> bool,
    ) -> Result<(), AdminError> {
        let (mut block, mut token) = (block.clone(), token);
        loop {
            let plans: Vec<PlanId> =
                block.copies().iter().map(|copy| &copy.plan).filter(|plan| dead(plan)).cloned().collect();
            if plans.is_empty() {
                return Ok(());
            }
            let id = block.id().clone();
            plans.iter().for_each(|plan| block.uninstall(plan));
            match self.store().update(&Key::Block(id.clone()), &token, block.into()).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            match self.store().block(&id).await? {
                Some((found, newer)) => (block, token) = (found.as_ref().clone(), newer),
                None => return Ok(()),
            }
        }
    }

    /// Gives a deleted pool's addresses back to its Subnet.
    async fn leave_subnet(&self, pool: &SpiderIPPool) -> Result<(), AdminError> {
        let Ok(network) = pool.spec.subnet.parse::<Cidr>() else { return Ok(()) };
        if let Some(subnet) = self.surroundings().await?.home_of(network) {
            self.reconcile(&subnet, None).await?;
        }
        Ok(())
    }

    /// Finishes the deletion of pools that were called `name`.
    async fn clean_up_after(&self, name: &ObjectName) -> Result<(), AdminError> {
        for item in self.store().list(&Selector::Kind(Kind::Plan)).await?.items {
            if let Some(plan) = item.document.as_plan().filter(|plan| plan.pool.as_ref() == Some(name)) {
                let subject =
                    Subject { plan: plan.id.clone(), pool: plan.pool.clone(), family: plan.usable.family() };
                let whole =
                    plan.pending.iter().fold(plan.usable.clone(), |all, edit| all.union(&edit.removed));
                self.settle(&subject).await?;
                self.bury(&subject, &whole).await?;
            }
        }
        for subnet in self.list_subnets().await? {
            let named =
                subnet.status.controlled_ip_pools.as_deref().is_some_and(|text| text.contains(name.as_str()));
            if let Some(subnet) = ObjectName::new(&subnet.metadata.name).ok().filter(|_| named) {
                self.reconcile(&subnet, None).await?;
            }
        }
        Ok(())
    }
}
