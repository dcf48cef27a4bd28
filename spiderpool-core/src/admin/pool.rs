//! Edits of pools.

use super::{
    AdminError, Applied, Deletion, Mode,
    edit::{Judged, TRIES, carried, subject_of},
    outcome::list_holders,
};
use crate::{
    addr::IpSet,
    alloc::Allocator,
    api::SpiderIPPool,
    model::Pool,
    name::ObjectName,
    protocol::{Guard, Subject, pool_usable},
    store::{Key, StoreError, StoreExt},
};

impl Allocator {
    /// Creates or changes a pool.
    ///
    /// Taking addresses away costs one write per block that holds some of them; everything else costs two writes.
    /// Cancellation: an edit that was begun is resolved by applying it again, or by whoever settles next.
    ///
    /// # Errors
    /// See [`AdminError`]; nothing of a refused edit is in force afterwards.
    pub async fn apply_pool(&self, wanted: &SpiderIPPool, mode: Mode) -> Result<Applied, AdminError> {
        let name = pool_name(wanted)?;
        let key = Key::Pool(name.clone());
        for _ in 0..TRIES {
            let done = match self.store().pool(&name).await? {
                None => self.create_pool(&name, wanted, mode).await?,
                Some((old, token)) => self.change_pool(&name, &old, token, wanted, mode).await?,
            };
            if let Some(applied) = done {
                return Ok(applied);
            }
        }
        Err(AdminError::Contended { object: key })
    }

    async fn create_pool(
        &self,
        name: &ObjectName,
        wanted: &SpiderIPPool,
        mode: Mode,
    ) -> Result<Option<Applied>, AdminError> {
        let mut pool = wanted.clone();
        pool.status = Default::default();
        self.born(&mut pool.metadata);
        let parsed = self.check_pool(name, &mut pool, None).await?;
        if mode == Mode::DryRun {
            return Ok(Some(Applied::Created { warnings: Vec::new() }));
        }
        match self.store().create(&Key::Pool(name.clone()), pool.clone().into()).await {
            Err(StoreError::AlreadyExists { .. }) => return Ok(None),
            other => other?,
        };
        if let Some(subject) = subject_of(name, &pool.metadata, parsed.family) {
            self.settle(&subject).await?;
        }
        Ok(Some(Applied::Created { warnings: Vec::new() }))
    }

    async fn change_pool(
        &self,
        name: &ObjectName,
        old: &SpiderIPPool,
        token: crate::store::Token,
        wanted: &SpiderIPPool,
        mode: Mode,
    ) -> Result<Option<Applied>, AdminError> {
        let key = Key::Pool(name.clone());
        if old.metadata.deletion_timestamp.is_some() {
            return Err(AdminError::Terminating { object: key });
        }
        let mut pool = wanted.clone();
        pool.status = old.status.clone();
        carried(&old.metadata, &mut pool.metadata);
        let parsed = self.check_pool(name, &mut pool, Some(old)).await?;
        let Some(subject) = subject_of(name, &pool.metadata, parsed.family) else {
            return Err(AdminError::NotFound { object: key });
        };
        if pool == *old {
            // The plan may still lag behind an edit that was interrupted.
            if mode == Mode::Real {
                self.settle(&subject).await?;
            }
            return Ok(Some(Applied::Unchanged));
        }
        pool.metadata.generation = old.metadata.generation.map(|generation| generation + 1);
        self.admit(Judged {
            key: key.clone(),
            base: Some(token.clone()),
            subject: subject.clone(),
            old: pool_usable(old, parsed.family),
            new: pool_usable(&pool, parsed.family),
            guard: Guard::Refuse,
            mode,
        })
        .await?;
        if mode == Mode::DryRun {
            return Ok(Some(Applied::Configured { warnings: Vec::new() }));
        }
        match self.store().update(&key, &token, pool.into()).await {
            Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {
                // The edit is dead: the object has another token.
                self.settle(&subject).await?;
                return Ok(None);
            }
            other => other?,
        };
        self.settle(&subject).await?;
        Ok(Some(Applied::Configured { warnings: Vec::new() }))
    }

    /// Deletes a pool (rule 5d).
    ///
    /// # Errors
    /// See [`AdminError`]; [`AdminError::Held`] where it is guarded and addresses are held.
    pub async fn delete_pool(
        &self,
        name: &ObjectName,
        deletion: Deletion,
        mode: Mode,
    ) -> Result<Applied, AdminError> {
        let key = Key::Pool(name.clone());
        for _ in 0..TRIES {
            let Some((old, token)) = self.store().pool(name).await? else {
                return Err(AdminError::NotFound { object: key });
            };
            let family = crate::model::Pool::try_from(old.as_ref()).map(|pool| pool.family);
            let family =
                family.map_err(|violations| AdminError::Invalid { object: key.clone(), violations })?;
            let Some(subject) = subject_of(name, &old.metadata, family) else {
                return Err(AdminError::NotFound { object: key });
            };
            let guard = match deletion {
                Deletion::Guarded => Guard::Refuse,
                Deletion::Terminate => Guard::Warn,
            };
            // What it could ever have granted: a terminating pool offers nothing by its object.
            let mut offered = old.as_ref().clone();
            offered.metadata.deletion_timestamp = None;
            let holders = self
                .admit(Judged {
                    key: key.clone(),
                    base: Some(token.clone()),
                    subject: subject.clone(),
                    old: pool_usable(&offered, family),
                    new: IpSet::new(family),
                    guard,
                    mode,
                })
                .await?;
            if mode == Mode::DryRun {
                return Ok(if holders.is_empty() {
                    Applied::Deleted
                } else {
                    Applied::Terminating { holders }
                });
            }
            let done = if holders.is_empty() {
                self.store().delete(&key, &token).await
            } else {
                let mut terminating = old.as_ref().clone();
                terminating.metadata.deletion_timestamp.get_or_insert(self.env().clock.now().to_string());
                self.store().update(&key, &token, terminating.into()).await.map(|_| ())
            };
            match done {
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {
                    self.settle(&subject).await?;
                    continue;
                }
                other => other?,
            }
            self.settle(&subject).await?;
            if !holders.is_empty() {
                return Ok(Applied::Terminating { holders });
            }
            self.bury(&subject).await?;
            return Ok(Applied::Deleted);
        }
        Err(AdminError::Contended { object: key })
    }

    /// Removes the plan of a pool that is gone. Its copies in blocks are harmless: its uid is never used again.
    pub(super) async fn bury(&self, subject: &Subject) -> Result<(), AdminError> {
        if let Some((plan, token)) = self.store().plan(&subject.plan).await?
            && plan.pending.is_empty()
            && plan.usable.is_empty()
        {
            match self.store().delete(&Key::Plan(subject.plan.clone()), &token).await {
                // Somebody settles it: then somebody else buries it.
                Ok(()) | Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Checks a pool that is about to be written, all violations at once.
    async fn check_pool(
        &self,
        name: &ObjectName,
        pool: &mut SpiderIPPool,
        old: Option<&SpiderIPPool>,
    ) -> Result<Pool, AdminError> {
        let _ = old;
        Pool::try_from(&*pool)
            .map_err(|violations| AdminError::Invalid { object: Key::Pool(name.clone()), violations })
    }
}

fn pool_name(pool: &SpiderIPPool) -> Result<ObjectName, AdminError> {
    ObjectName::new(&pool.metadata.name).map_err(AdminError::Name)
}

/// The sentence that goes with a deletion that waits.
#[must_use]
pub fn terminating_message(holders: &[crate::protocol::Holder]) -> String {
    format!("it grants nothing any more and goes with its last address; held: {}", list_holders(holders))
}
