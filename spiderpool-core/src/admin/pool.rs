//! Edits of pools.

use std::sync::Arc;

use super::{
    AdminError, Applied, Deletion, Mode,
    claim::{Claim, Ticket, Wanted},
    edit::{Judged, TRIES, carried, subject_of},
    outcome::list_holders,
    surroundings::Surroundings,
};
use crate::{
    addr::{Cidr, IpSet},
    alloc::Allocator,
    api::SpiderIPPool,
    model::{Pool, Subnet},
    name::ObjectName,
    protocol::{Guard, Subject, pool_usable},
    store::{Key, StoreError, StoreExt, Token},
    validate::{self, Context, Editor},
};

/// A pool that was judged and may be written.
pub(super) struct Fit {
    pub(super) object: SpiderIPPool,
    pub(super) pool: Pool,
    /// The Subnet it belongs to.
    pub(super) home: Option<ObjectName>,
}

impl Allocator {
    /// Creates or changes a pool.
    ///
    /// What it leaves out is filled in, then it is validated, then its addresses are claimed in its Subnet if it
    /// belongs to one, then judged by who holds what, then written. Taking addresses away costs one write per block
    /// that holds some of them; everything else costs a few writes. Cancellation: an edit that was begun is resolved
    /// by applying it again, or by whoever settles next.
    ///
    /// # Errors
    /// See [`AdminError`]; nothing of a refused edit is in force afterwards.
    pub async fn apply_pool(&self, wanted: &SpiderIPPool, mode: Mode) -> Result<Applied, AdminError> {
        self.apply_pool_by(wanted, Editor::Person, mode).await
    }

    /// As [`Allocator::apply_pool`], by an editor who may have rights of his own.
    pub(crate) async fn apply_pool_by(
        &self,
        wanted: &SpiderIPPool,
        by: Editor,
        mode: Mode,
    ) -> Result<Applied, AdminError> {
        let name = ObjectName::new(&wanted.metadata.name).map_err(AdminError::Name)?;
        for _ in 0..TRIES {
            let done = match self.store().pool(&name).await? {
                None => self.create_pool(&name, wanted, by, mode).await?,
                Some((old, token)) => self.change_pool(&name, (&old, token), wanted, by, mode).await?,
            };
            if let Some(applied) = done {
                return Ok(applied);
            }
        }
        Err(AdminError::Contended { object: Key::Pool(name) })
    }

    async fn create_pool(
        &self,
        name: &ObjectName,
        wanted: &SpiderIPPool,
        by: Editor,
        mode: Mode,
    ) -> Result<Option<Applied>, AdminError> {
        let around = self.surroundings().await?;
        let mut object = wanted.clone();
        object.status = Default::default();
        self.born(&mut object.metadata);
        let Fit { mut object, pool, home } = fit(name, object, None, &around, by)?;
        let ips = pool.allocatable();
        let claim = self.claim_for(name, &home, pool.subnet, None, &ips, mode).await?;
        let Some(ticket) = claim else { return Ok(None) };
        if mode == Mode::DryRun {
            return Ok(Some(Applied::Created { warnings: Vec::new() }));
        }
        if let Some(ticket) = ticket.as_ref().filter(|ticket| !self.is_fresh(ticket)) {
            self.reconcile(&ticket.subnet, Some(ticket)).await?;
            return Ok(None);
        }
        match self.store().create(&Key::Pool(name.clone()), object.clone().into()).await {
            Err(StoreError::AlreadyExists { .. }) => {
                self.give_back(ticket.as_ref()).await?;
                return Ok(None);
            }
            other => other?,
        };
        if self.store().capabilities().draws_uids {
            let created = self.store().pool(name).await?.filter(|(found, _)| found.spec == object.spec);
            object.metadata.uid = created.and_then(|(found, _)| found.metadata.uid.clone());
        }
        if let Some(subnet) = self.record_pool(pool.subnet, ticket.as_ref()).await? {
            let others = Self::lost(&subnet, name, &ips);
            if !others.is_empty() && ticket.is_some() {
                self.withdraw(name, &object).await?;
                return Err(AdminError::Taken { pool: name.clone(), subnet: subnet.name.clone(), others });
            }
        }
        if let Some(subject) = subject_of(name, &object.metadata, pool.family) {
            self.settle(&subject).await?;
            // Or the first grants of this family would all find that it has no plan.
            self.settle(&Subject::reservations(self.scope(), pool.family)).await?;
        }
        Ok(Some(Applied::Created { warnings: Vec::new() }))
    }

    async fn change_pool(
        &self,
        name: &ObjectName,
        (old, token): (&SpiderIPPool, Token),
        wanted: &SpiderIPPool,
        by: Editor,
        mode: Mode,
    ) -> Result<Option<Applied>, AdminError> {
        let key = Key::Pool(name.clone());
        if old.metadata.deletion_timestamp.is_some() {
            return Err(AdminError::Terminating { object: key });
        }
        let around = self.surroundings().await?;
        let mut object = wanted.clone();
        object.status = old.status.clone();
        carried(&old.metadata, &mut object.metadata);
        let Fit { mut object, pool, home } = fit(name, object, Some(old), &around, by)?;
        let Some(subject) = subject_of(name, &object.metadata, pool.family) else {
            return Err(AdminError::NotFound { object: key });
        };
        if object == *old {
            // Plan and record may still lag behind an edit that was interrupted.
            if mode == Mode::Real {
                self.settle(&subject).await?;
                self.record_pool(pool.subnet, None).await?;
            }
            return Ok(Some(Applied::Unchanged));
        }
        object.metadata.generation = old.metadata.generation.map(|generation| generation + 1);
        let before = Pool::try_from(old).map_or_else(|_| IpSet::new(pool.family), |old| old.allocatable());
        let added = pool.allocatable().difference(&before);
        let claim = self.claim_for(name, &home, pool.subnet, Some(&token), &added, mode).await?;
        let Some(ticket) = claim else { return Ok(None) };
        let judged = Judged {
            key: key.clone(),
            base: Some(token.clone()),
            creates: None,
            subject: subject.clone(),
            old: pool_usable(old, pool.family),
            new: pool_usable(&object, pool.family),
            guard: Guard::Refuse,
            mode,
        };
        if let Err(refused) = self.admit(judged).await {
            self.give_back(ticket.as_ref()).await?;
            return Err(refused);
        }
        if mode == Mode::DryRun {
            return Ok(Some(Applied::Configured { warnings: Vec::new() }));
        }
        match self.store().update(&key, &token, object.into()).await {
            Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {
                // The edit is dead: the object has another token.
                self.settle(&subject).await?;
                self.give_back(ticket.as_ref()).await?;
                return Ok(None);
            }
            other => other?,
        };
        self.settle(&subject).await?;
        self.record_pool(pool.subnet, ticket.as_ref()).await?;
        Ok(Some(Applied::Configured { warnings: Vec::new() }))
    }

    /// Claims `ips` where the pool belongs to a Subnet. None: everything has to be looked at again.
    async fn claim_for(
        &self,
        pool: &ObjectName,
        home: &Option<ObjectName>,
        network: Cidr,
        base: Option<&Token>,
        ips: &IpSet,
        mode: Mode,
    ) -> Result<Option<Option<Ticket>>, AdminError> {
        let Some(subnet) = home.as_ref().filter(|_| !ips.is_empty()) else { return Ok(Some(None)) };
        let wanted = Wanted { pool, network, base, ips };
        Ok(match self.claim(subnet, wanted, mode).await? {
            Claim::Made(ticket) if mode == Mode::Real => Some(Some(ticket)),
            Claim::Made(_) => Some(None),
            Claim::Moved => None,
        })
    }

    async fn give_back(&self, ticket: Option<&Ticket>) -> Result<(), AdminError> {
        if let Some(ticket) = ticket {
            self.reconcile(&ticket.subnet, Some(ticket)).await?;
        }
        Ok(())
    }

    /// Brings the record of the Subnet of `network` up to what its pools say, once an edit took effect. Looks for the
    /// Subnet anew: one that was made meanwhile did not see this pool.
    async fn record_pool(
        &self,
        network: Cidr,
        ticket: Option<&Ticket>,
    ) -> Result<Option<Arc<Subnet>>, AdminError> {
        let home = match ticket {
            Some(ticket) => Some(ticket.subnet.clone()),
            None => self.surroundings().await?.home_of(network),
        };
        match home {
            Some(subnet) => self.reconcile(&subnet, ticket).await,
            None => Ok(None),
        }
    }

    /// Takes a pool back whose addresses went to others while it was created. Nobody was granted any of them from
    /// this pool by then, or they are held: then it terminates.
    async fn withdraw(&self, name: &ObjectName, object: &SpiderIPPool) -> Result<(), AdminError> {
        match self.store().pool(name).await? {
            Some((found, _)) if found.metadata.uid == object.metadata.uid => {}
            _ => return Ok(()),
        }
        match self.delete_pool(name, Deletion::Terminate, Mode::Real).await {
            Ok(_) | Err(AdminError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Fills in what the pool leaves out, then checks it, all violations at once.
pub(super) fn fit(
    name: &ObjectName,
    mut object: SpiderIPPool,
    old: Option<&SpiderIPPool>,
    around: &Surroundings,
    by: Editor,
) -> Result<Fit, AdminError> {
    let context = Context { editor: by, ..around.context() };
    validate::pool::set_defaults(&mut object, &context);
    let found = match old {
        None => validate::pool::create(&object, &context),
        Some(old) => validate::pool::update(old, &object, &context),
    };
    let invalid = |violations| AdminError::Invalid { object: Key::Pool(name.clone()), violations };
    found.into_result(()).map_err(invalid)?;
    let pool = Pool::try_from(&object).map_err(invalid)?;
    let home = around.home_of(pool.subnet);
    Ok(Fit { object, pool, home })
}

/// The sentence that goes with a deletion that waits.
#[must_use]
pub fn terminating_message(holders: &[crate::protocol::Holder]) -> String {
    format!("it grants nothing any more and goes with its last address; held: {}", list_holders(holders))
}
