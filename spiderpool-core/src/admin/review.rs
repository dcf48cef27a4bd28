//! Edits that somebody else writes: what a webhook asks before an API server persists them (rule 5a, 5b).
//!
//! A review does all of an edit but the write of the object: it fills in, checks, claims addresses in the Subnet, and takes
//! what is taken away out of the blocks. It rests on the object's token as the API server will compare it, so a review that
//! is repeated, or whose edit is never persisted, is resolved by the token.

use super::{
    AdminError, Mode,
    claim::{Claim, Wanted},
    edit::{Judged, TRIES, subject_of},
    pool::fit,
    reservation::warn,
    surroundings::parse_subnet,
};
use crate::{
    addr::IpSet,
    alloc::Allocator,
    api::{SpiderIPPool, SpiderReservedIP, SpiderSubnet, Violation, ViolationKind},
    model::Pool,
    name::ObjectName,
    protocol::{Guard, Subject, pool_usable},
    store::{Key, Token},
    validate::{self, Editor},
};

/// An object as it is, and the token that its edit will rest on; none for a creation.
pub type Before<'a, T> = Option<(&'a T, Token)>;

impl Allocator {
    /// Fills in what `pool` leaves out, as [`Allocator::apply_pool`] does. Cost: two listings.
    ///
    /// # Errors
    /// The store failed.
    pub async fn complete_pool(&self, pool: &mut SpiderIPPool) -> Result<(), AdminError> {
        let around = self.surroundings().await?;
        validate::pool::set_defaults(pool, &around.context());
        Ok(())
    }

    /// Whether `before` may become `wanted`. What it needs is claimed and taken out of the blocks when this is done.
    ///
    /// # Errors
    /// See [`AdminError`]; then nothing of it is in force.
    pub async fn review_pool(
        &self,
        before: Before<'_, SpiderIPPool>,
        wanted: &SpiderIPPool,
        mode: Mode,
    ) -> Result<(), AdminError> {
        let name = ObjectName::new(&wanted.metadata.name).map_err(AdminError::Name)?;
        let (old, base) = before.unzip();
        for _ in 0..TRIES {
            let around = self.surroundings().await?;
            let fit = fit(&name, wanted.clone(), old, &around, Editor::Person)?;
            if old.is_some_and(|old| old.metadata.deletion_timestamp.is_some()) {
                return Ok(());
            }
            let had = old.and_then(|old| Pool::try_from(old).ok());
            let had = had.map_or_else(|| IpSet::new(fit.pool.family), |old| old.allocatable());
            let added = fit.pool.allocatable().difference(&had);
            if let Some(subnet) = fit.home.as_ref().filter(|_| !added.is_empty()) {
                let network = fit.pool.subnet;
                let wanted = Wanted { pool: &name, network, base: base.as_ref(), ips: &added };
                if let Claim::Moved = self.claim(subnet, wanted, mode).await? {
                    continue;
                }
            }
            let subject = subject_of(&name, &fit.object.metadata, fit.pool.family);
            let (Some(old), Some(subject)) = (old, subject) else { return Ok(()) };
            let (old, new) = (pool_usable(old, fit.pool.family), pool_usable(&fit.object, fit.pool.family));
            let judged = Judged {
                key: Key::Pool(name.clone()),
                base,
                creates: None,
                subject,
                old,
                new,
                guard: Guard::Refuse,
                mode,
            };
            self.admit(judged).await?;
            return Ok(());
        }
        Err(AdminError::Contended { object: Key::Pool(name) })
    }

    /// Whether `before` may become `wanted`. Nothing is written: what pools have of a Subnet, and claim of it, changes its
    /// token, by which the edit is persisted.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn review_subnet(
        &self,
        before: Before<'_, SpiderSubnet>,
        wanted: &SpiderSubnet,
    ) -> Result<(), AdminError> {
        let name = ObjectName::new(&wanted.metadata.name).map_err(AdminError::Name)?;
        let around = self.surroundings().await?;
        let mut object = wanted.clone();
        validate::subnet::set_defaults(&mut object);
        let found = match before {
            None => validate::subnet::create(&object, &around.context()),
            Some((old, _)) => {
                let old = match parse_subnet(old) {
                    Ok(_) => self.recorded(old).await?,
                    Err(_) => old.clone(),
                };
                validate::subnet::update(&old, &object, &around.context())
            }
        };
        let invalid = |violations| AdminError::Invalid { object: Key::Subnet(name), violations };
        found.into_result(()).map_err(invalid)
    }

    /// Whether `before` may become `wanted`; a warning names those who hold what it reserves. A creation brings the uid
    /// that it will have.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn review_reservation(
        &self,
        before: Before<'_, SpiderReservedIP>,
        wanted: &SpiderReservedIP,
        mode: Mode,
    ) -> Result<Vec<String>, AdminError> {
        let name = ObjectName::new(&wanted.metadata.name).map_err(AdminError::Name)?;
        let key = Key::Reservation(name);
        let (old, base) = before.unzip();
        let (next, parsed) = self.fit_reservation(&key, old, wanted)?;
        let subject = Subject::reservations(self.scope(), parsed.family);
        let holders = self.judge(&key, &subject, old, Some(&next), base, mode).await?;
        Ok(warn(&holders))
    }

    /// Whether the pool may be deleted at once: not while addresses are held.
    ///
    /// # Errors
    /// [`AdminError::Held`] names the holders.
    pub async fn review_pool_deletion(&self, name: &ObjectName) -> Result<(), AdminError> {
        match self.delete_pool(name, super::Deletion::Guarded, Mode::DryRun).await {
            Ok(_) | Err(AdminError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether the Subnet may be deleted at once: not while pools take addresses from it.
    ///
    /// # Errors
    /// [`AdminError::InUse`] names the pools.
    pub async fn review_subnet_deletion(&self, name: &ObjectName) -> Result<(), AdminError> {
        match self.delete_subnet(name, super::Deletion::Guarded, Mode::DryRun).await {
            Ok(_) | Err(AdminError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl AdminError {
    /// Whether asking again later, with nothing changed, may be answered otherwise.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Contended { .. } | Self::InProgress { .. } => true,
            _ => false,
        }
    }

    /// Whether what was to be created is there already, whatever else is wrong.
    #[must_use]
    pub fn exists_already(&self) -> bool {
        let Self::Invalid { violations, .. } = self else { return false };
        let of_name = |one: &Violation| one.kind == ViolationKind::Duplicate && one.field == "metadata.name";
        violations.iter().any(of_name)
    }
}
