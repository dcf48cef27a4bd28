//! Claiming addresses of a Subnet for a pool, and giving them back (rule 5e): compare-and-swap on the Subnet.

use std::{sync::Arc, time::Duration};

use super::{
    AdminError, Mode,
    ledger::{Answer, Answered},
    record::{CLAIM_GRACE, Taken, add, claims, forget, taken},
    surroundings::{parse_subnet, resolved, with_record},
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

/// A change of a Subnet's record.
#[derive(Debug)]
pub(super) enum Change {
    /// Addresses for a pool of `network`.
    Claim { pool: ObjectName, network: Cidr, claiming: Claiming, mode: Mode },
    /// What the pools say, without the claim of this edit.
    Reconcile { without: Option<String> },
}

impl Change {
    /// Whether it may write.
    fn is_real(&self) -> bool {
        !matches!(self, Self::Claim { mode: Mode::DryRun, .. })
    }
}

/// What changes came to.
struct Changed {
    answers: Vec<Answered>,
    subnet: Subnet,
    /// Whether the record is to be written.
    writes: bool,
}

/// Does `changes` to `subnet`, whose record says what the pools say, one after the other.
fn change(mut subnet: Subnet, changes: &[&Change]) -> Changed {
    let mut writes = false;
    let mut answers = Vec::with_capacity(changes.len());
    for change in changes {
        answers.push(match change {
            Change::Reconcile { .. } => {
                writes = true;
                // Filled in below, once all claims are in.
                Ok(Answer::Moved)
            }
            Change::Claim { pool, network, claiming, mode } => {
                let fits = subnet.subnet == *network && claiming.ips.is_subset(&subnet.allocatable());
                let others = taken(&subnet.controlled, pool, &claiming.ips);
                if subnet.terminating || !fits {
                    Ok(Answer::Moved)
                } else if !others.is_empty() {
                    Err(AdminError::Taken { pool: pool.clone(), subnet: subnet.name.clone(), others })
                } else {
                    if *mode == Mode::Real && !claims(&subnet.controlled, pool, &claiming.edit) {
                        writes = true;
                        add(&mut subnet.controlled, pool, claiming.clone());
                    }
                    Ok(Answer::Made)
                }
            }
        });
    }
    let stands = Arc::new(subnet.clone());
    for (change, answer) in changes.iter().zip(&mut answers) {
        if matches!(change, Change::Reconcile { .. }) {
            *answer = Ok(Answer::Stands(stands.clone()));
        }
    }
    Changed { answers, subnet, writes }
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
        let claiming = Claiming {
            edit: edit.clone(),
            base: wanted.base.cloned(),
            since: self.env().clock.now(),
            ips: wanted.ips.clone(),
        };
        let change = Change::Claim { pool: wanted.pool.clone(), network: wanted.network, claiming, mode };
        Ok(match self.record(subnet, change).await? {
            Answer::Made => Claim::Made(Ticket { subnet: subnet.clone(), edit, since }),
            Answer::Moved | Answer::NoSubnet | Answer::Stands(_) => Claim::Moved,
        })
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
    ) -> Result<Option<Arc<Subnet>>, AdminError> {
        let without = ticket.map(|ticket| ticket.edit.clone());
        Ok(match self.record(subnet, Change::Reconcile { without }).await? {
            Answer::Stands(subnet) => Some(subnet),
            Answer::Made | Answer::Moved | Answer::NoSubnet => None,
        })
    }

    /// Who else has what the pool `name` is to have, in the record of `subnet` as it is to be.
    pub(super) fn lost(subnet: &Subnet, name: &ObjectName, ips: &IpSet) -> Vec<Taken> {
        let own =
            subnet.controlled.get(name).map_or_else(|| IpSet::new(subnet.family), |own| own.ips.clone());
        taken(&subnet.controlled, name, &ips.difference(&own))
    }

    /// The Subnet's token, then the pools, then the compare-and-swap with all changes; from the start after a conflict.
    pub(super) async fn write_record(
        &self,
        name: &ObjectName,
        changes: &[&Change],
        deadline: Moment,
    ) -> Result<Vec<Answered>, AdminError> {
        let key = Key::Subnet(name.clone());
        let without: Vec<_> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Reconcile { without } => without.as_deref(),
                Change::Claim { .. } => None,
            })
            .collect();
        let mut tries = 0u32;
        loop {
            let Some((object, token)) = self.store().subnet(name).await? else {
                return Ok(changes.iter().map(|_| Ok(Answer::NoSubnet)).collect());
            };
            let pools = self.list_pools().await?;
            let mut before = object.as_ref().clone();
            if !without.is_empty() {
                let mut subnet = parse_subnet(&object)?;
                without.iter().for_each(|edit| forget(&mut subnet.controlled, edit));
                before = with_record(&object, &subnet)?;
            }
            let by = pools.iter().map(|(pool, token)| (pool.as_ref(), token));
            let (subnet, overdue) = resolved(&before, by, self.env().clock.now())?;
            if !overdue.is_empty() && changes.iter().any(|change| change.is_real()) {
                for pool in &overdue {
                    self.fence(pool).await?;
                }
                if self.env().clock.monotonic() >= deadline {
                    return Err(AdminError::Contended { object: key });
                }
                continue;
            }
            let Changed { answers, subnet, writes } = change(subnet, changes);
            let next = with_record(&object, &subnet)?;
            if !writes || next == *object {
                return Ok(answers);
            }
            let mut token = token;
            if Mutation::ClaimSubnetBlindly.active()
                && let Some((_, present)) = self.store().subnet(name).await?
            {
                token = present;
            }
            match self.store().update(&key, &token, next.into()).await {
                Ok(_) => return Ok(answers),
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
