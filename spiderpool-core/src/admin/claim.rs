//! Claiming addresses of a Subnet for a pool, and giving them back (rule 5e): compare-and-swap on the Subnet.

use std::time::Duration;

use super::{
    AdminError, Mode,
    edit::BUDGET,
    record::{CLAIM_GRACE, Taken, add, forget, taken},
    surroundings::{resolved, with_record},
};
use crate::{
    addr::{Cidr, IpSet},
    alloc::Allocator,
    model::{Claiming, Subnet},
    mutation::Mutation,
    name::ObjectName,
    store::{Key, StoreError, StoreExt, Token},
    time::Moment,
};

/// A claim that was written.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) subnet: ObjectName,
    pub(super) edit: String,
    since: Moment,
}

/// What is to be claimed.
pub(super) struct Wanted<'a> {
    pub(super) pool: &'a ObjectName,
    pub(super) network: Cidr,
    /// The pool's token that the edit rests on; none for a creation.
    pub(super) base: Option<&'a Token>,
    pub(super) ips: &'a IpSet,
}

/// What became of it.
pub(super) enum Claim {
    /// It is written (in a dry run: could be).
    Made(Ticket),
    /// There is no such Subnet any more, or it has other addresses: look at everything again.
    Moved,
}

/// What [`Allocator::edit_record`] is to do.
enum Write {
    Nothing,
    Put(Subnet),
}

impl Allocator {
    /// Claims addresses of `subnet`. Of all claims of one address, whoever makes them, exactly one is made.
    pub(super) async fn claim(
        &self,
        subnet: &ObjectName,
        wanted: Wanted<'_>,
        mode: Mode,
    ) -> Result<Claim, AdminError> {
        let (edit, since) = (self.env().random_id(), self.env().clock.monotonic());
        let done = self
            .edit_record(subnet, None, mode, |mut found| {
                let fits = found.subnet == wanted.network && wanted.ips.is_subset(&found.allocatable());
                if found.terminating || !fits {
                    return Ok((Write::Nothing, Claim::Moved));
                }
                let others = taken(&found.controlled, wanted.pool, wanted.ips);
                if !others.is_empty() {
                    let (pool, subnet) = (wanted.pool.clone(), subnet.clone());
                    return Err(AdminError::Taken { pool, subnet, others });
                }
                let ticket = Ticket { subnet: subnet.clone(), edit: edit.clone(), since };
                if mode == Mode::DryRun {
                    return Ok((Write::Nothing, Claim::Made(ticket)));
                }
                let claiming = Claiming {
                    edit: edit.clone(),
                    base: wanted.base.cloned(),
                    since: self.env().clock.now(),
                    ips: wanted.ips.clone(),
                };
                add(&mut found.controlled, wanted.pool, claiming);
                Ok((Write::Put(found), Claim::Made(ticket)))
            })
            .await?;
        Ok(done.unwrap_or(Claim::Moved))
    }

    /// Whether a creation may still be sent on `ticket`: long before anybody may take it for dead.
    pub(super) fn is_fresh(&self, ticket: &Ticket) -> bool {
        self.env().clock.monotonic() < ticket.since.after(CLAIM_GRACE / 2)
    }

    /// Brings the record of `subnet` up to what the pools say, without the claim of `ticket`. The Subnet as it stands
    /// then; none if there is none.
    pub(super) async fn reconcile(
        &self,
        subnet: &ObjectName,
        ticket: Option<&Ticket>,
    ) -> Result<Option<Subnet>, AdminError> {
        let edit = ticket.map(|ticket| ticket.edit.as_str());
        self.edit_record(subnet, edit, Mode::Real, |found| Ok((Write::Put(found.clone()), found))).await
    }

    /// Who else has what the pool `name` is to have, in the record of `subnet` as it is to be.
    pub(super) fn lost(subnet: &Subnet, name: &ObjectName, ips: &IpSet) -> Vec<Taken> {
        let own =
            subnet.controlled.get(name).map_or_else(|| IpSet::new(subnet.family), |own| own.ips.clone());
        taken(&subnet.controlled, name, &ips.difference(&own))
    }

    /// The Subnet's token, then the pools, then the compare-and-swap; from the start after a conflict.
    async fn edit_record<T>(
        &self,
        name: &ObjectName,
        without: Option<&str>,
        mode: Mode,
        decide: impl Fn(Subnet) -> Result<(Write, T), AdminError>,
    ) -> Result<Option<T>, AdminError> {
        let key = Key::Subnet(name.clone());
        let deadline = self.env().clock.monotonic().after(BUDGET);
        let mut tries = 0u32;
        loop {
            let Some((object, token)) = self.store().subnet(name).await? else { return Ok(None) };
            let pools = self.list_pools().await?;
            let mut before = object.as_ref().clone();
            if let Some(edit) = without {
                let mut subnet = super::surroundings::parse_subnet(&object)?;
                forget(&mut subnet.controlled, edit);
                before = with_record(&object, &subnet)?;
            }
            let by = pools.iter().map(|(pool, token)| (pool.as_ref(), token));
            let (subnet, overdue) = resolved(&before, by, self.env().clock.now())?;
            if !overdue.is_empty() && mode == Mode::Real {
                for pool in &overdue {
                    self.fence(pool).await?;
                }
                if self.env().clock.monotonic() >= deadline {
                    return Err(AdminError::Contended { object: key });
                }
                continue;
            }
            let (write, answer) = decide(subnet)?;
            let Write::Put(subnet) = write else { return Ok(Some(answer)) };
            let next = with_record(&object, &subnet)?;
            if next == *object {
                return Ok(Some(answer));
            }
            let mut token = token;
            if Mutation::ClaimSubnetBlindly.active()
                && let Some((_, present)) = self.store().subnet(name).await?
            {
                token = present;
            }
            match self.store().update(&key, &token, next.into()).await {
                Ok(_) => return Ok(Some(answer)),
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if self.env().clock.monotonic() >= deadline {
                return Err(AdminError::Contended { object: key });
            }
            tries += 1;
            if tries > 2 {
                let most = 1_000u64 << tries.min(6);
                self.env().timer.sleep(Duration::from_micros(self.number() % most)).await;
            }
        }
    }

    /// Gives the pool `name` another token, so that an edit that rests on the present one is dead.
    async fn fence(&self, name: &ObjectName) -> Result<(), AdminError> {
        let Some((pool, token)) = self.store().pool(name).await? else { return Ok(()) };
        let mut fenced = pool.as_ref().clone();
        fenced.status.fence = Some(format!("{:016x}", self.number()));
        match self.store().update(&Key::Pool(name.clone()), &token, fenced.into()).await {
            Ok(_) | Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
