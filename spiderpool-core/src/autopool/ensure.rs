//! Bringing one auto pool up to what its application wants.

use std::{fmt, sync::Arc, time::Duration};

use super::{Carver, Demand, Workload, name::pool_name, object, size::sized};
use crate::{
    addr::{Family, IpSet},
    admin::{AdminError, Applied, Editor, Mode, Pools, TRIES},
    alloc::Allocator,
    api::SpiderIPPool,
    model::{Pool, Reclaim, Subnet},
    name::{NameError, ObjectName},
    protocol::unreserved,
    store::{Kind, Selector, StoreError},
};

/// What became of an auto pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ensured {
    /// Its name.
    pub pool: ObjectName,
    /// So many addresses it has.
    pub has: u128,
    /// So many more it is to have, and its Subnet has none left.
    pub missing: u128,
    /// So many it is to give back once nobody holds them.
    pub surplus: u128,
    /// What was done.
    pub resize: Resize,
}

/// What was done to an auto pool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resize {
    /// Nothing: it was so already.
    Unchanged,
    /// It was made.
    Created,
    /// One that an earlier application left behind has a new owner.
    TakenOver,
    /// It has more addresses.
    Grown,
    /// It has fewer addresses.
    Shrunk,
    /// It has as many, and something else of it changed.
    Changed,
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Created => "created",
            Self::TakenOver => "taken over",
            Self::Grown => "grown",
            Self::Shrunk => "shrunk",
            Self::Changed => "changed",
        })
    }
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AutoPoolError {
    /// It is to be carved out of a Subnet that does not exist, or is being deleted.
    #[error("there is no Subnet \"{subnet}\": create it, or name another one in the annotation of the pods")]
    NoSubnet {
        /// The Subnet.
        subnet: ObjectName,
    },
    /// The Subnet is of the other family.
    #[error(
        "Subnet \"{subnet}\" is an {found} subnet, and is named for {wanted}: name it under the other key"
    )]
    WrongFamily {
        /// The Subnet.
        subnet: ObjectName,
        /// The family it is named for.
        wanted: Family,
        /// The family it has.
        found: Family,
    },
    /// The edit was refused, or the store failed.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl From<StoreError> for AutoPoolError {
    fn from(error: StoreError) -> Self {
        Self::Admin(error.into())
    }
}

impl From<NameError> for AutoPoolError {
    fn from(error: NameError) -> Self {
        Self::Admin(AdminError::Name(error))
    }
}

/// The pool that an application has, or could have.
struct Present {
    object: Arc<SpiderIPPool>,
    pool: Pool,
    /// Whether it was made for this very incarnation.
    own: bool,
}

impl Allocator {
    /// Makes, grows, shrinks or takes over the pool that `workload` wants by `demand`.
    ///
    /// A pool that an earlier application of the same name and kind left behind, to be kept, is taken over with its
    /// addresses. Addresses that are held are not taken away, and what the Subnet does not have is told, not waited for:
    /// call it again when addresses were released or came back to the Subnet.
    ///
    /// Cost: a few listings of Subnets and pools, one of the pool's blocks where it shrinks, and an edit (see
    /// [`Allocator::apply_pool`]); two listings where nothing is to be done. Cancellation: as that of an edit.
    ///
    /// # Errors
    /// See [`AutoPoolError`].
    pub async fn ensure_auto_pool(
        &self,
        workload: &Workload,
        demand: &Demand,
        carver: &Carver,
    ) -> Result<Ensured, AutoPoolError> {
        let mut last = None;
        for attempt in 0..TRIES {
            match self.ensure_once(workload, demand, carver).await {
                // Somebody was granted an address of it, or claimed one of the Subnet, in between.
                Err(AutoPoolError::Admin(
                    error @ (AdminError::Taken { .. }
                    | AdminError::Held { .. }
                    | AdminError::Invalid { .. }
                    | AdminError::Contended { .. }),
                )) => last = Some(error),
                done => return done,
            }
            let most = 4_000u64 << attempt.min(6);
            self.env().timer.sleep(Duration::from_micros(self.number() % most)).await;
        }
        Err(match last {
            Some(error) => error.into(),
            None => StoreError::unavailable("no attempt was made").into(),
        })
    }

    async fn ensure_once(
        &self,
        workload: &Workload,
        demand: &Demand,
        carver: &Carver,
    ) -> Result<Ensured, AutoPoolError> {
        let (subnet, pools) = self.source_of(demand).await?;
        let objects: Vec<_> = pools.iter().map(|(object, _)| object).collect();
        let present = present(&objects, workload, demand);
        let reserved = self.store().list(&Selector::Kind(Kind::Reservation)).await?;
        let have = present.as_ref().map_or_else(|| IpSet::new(demand.family), |own| own.pool.allocatable());
        let held = match &present {
            Some(own) if have.len_saturating() > demand.count => self.inspect().held_by(&own.pool).await?,
            _ => IpSet::new(demand.family),
        };
        let free = subnet.unclaimed().intersection(&unreserved(&reserved, demand.family));
        let (sized, _choice) = carver.choose(&demand.subnet, &free, |left| {
            let sized = sized(&have, &held, left, demand.count);
            let picked = sized.ips.difference(&have);
            (sized, picked)
        });
        let name = match &present {
            Some(own) => own.pool.name.clone(),
            None => free_name(&objects, workload, demand)?,
        };
        let old = present.as_ref().map(|own| own.object.as_ref());
        let wanted = object::pool(&name, old, (workload, demand), subnet.subnet, &sized.ips);
        let done = |resize| Ensured {
            pool: name.clone(),
            has: sized.ips.len_saturating(),
            missing: sized.missing,
            surplus: sized.surplus,
            resize,
        };
        if old.is_some_and(|old| *old == wanted) {
            return Ok(done(Resize::Unchanged));
        }
        let applied = self.apply_pool_by(&wanted, Editor::Controller, Mode::Real).await?;
        let (before, after) = (have.len_saturating(), sized.ips.len_saturating());
        Ok(done(match (applied, &present) {
            (Applied::Unchanged, _) => Resize::Unchanged,
            (_, None) => Resize::Created,
            (_, Some(own)) if !own.own => Resize::TakenOver,
            _ if after > before => Resize::Grown,
            _ if after < before => Resize::Shrunk,
            _ => Resize::Changed,
        }))
    }

    /// The Subnet, with its record as it is to be, and the pools that this rests on.
    async fn source_of(&self, demand: &Demand) -> Result<(Subnet, Pools), AutoPoolError> {
        let name = &demand.subnet;
        let found = self.present_subnet(name).await?.filter(|(subnet, _)| !subnet.terminating);
        let (subnet, pools) = found.ok_or_else(|| AutoPoolError::NoSubnet { subnet: name.clone() })?;
        if subnet.family != demand.family {
            let (subnet, found) = (name.clone(), subnet.family);
            return Err(AutoPoolError::WrongFamily { subnet, wanted: demand.family, found });
        }
        Ok((subnet, pools))
    }
}

/// The pool that the application has by `demand`: its own, or one that was kept for it.
fn present(objects: &[&Arc<SpiderIPPool>], workload: &Workload, demand: &Demand) -> Option<Present> {
    let candidates = objects.iter().filter_map(|object| {
        let pool = Pool::try_from(object.as_ref()).ok().filter(|pool| !pool.terminating)?;
        let auto = pool.auto.as_ref().filter(|auto| {
            auto.application == workload.application
                && auto.interface.as_ref().is_none_or(|own| *own == demand.interface)
                && auto.subnet.as_ref() == Some(&demand.subnet)
                && pool.family == demand.family
        })?;
        let own = auto.uid.as_ref().is_none_or(|uid| *uid == workload.uid);
        let kept = auto.reclaim == Reclaim::Keep;
        (own || kept).then(|| Present { object: Arc::clone(object), own, pool })
    });
    // Its own before one that was kept; else the first by name.
    candidates.min_by_key(|one| (!one.own, one.pool.name.clone()))
}

/// The first of the names for such a pool that no pool has.
fn free_name(
    objects: &[&Arc<SpiderIPPool>],
    workload: &Workload,
    demand: &Demand,
) -> Result<ObjectName, NameError> {
    let mut nth = 0;
    loop {
        let name =
            pool_name(&workload.application.name, &workload.uid, &demand.interface, demand.family, nth)?;
        if !objects.iter().any(|object| object.metadata.name == name.as_str()) {
            return Ok(name);
        }
        nth += 1;
    }
}
