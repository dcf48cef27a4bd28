//! What an edit is judged against: the other objects, listed.

use std::sync::Arc;

use super::{
    AdminError,
    record::{Resolved, members, resolve},
};
use crate::{
    addr::{Cidr, IpSet},
    alloc::Allocator,
    api::{SpiderIPPool, SpiderSubnet},
    inspect::clamp,
    model::{Families, Subnet},
    name::ObjectName,
    store::{Key, Kind, Selector, StoreError, StoreExt, Token},
    time::Timestamp,
    validate::{self, Context, Editor},
};

/// The settings that objects are judged by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rules {
    /// The enabled families.
    pub families: Families,
    /// Whether Subnets govern pools.
    pub subnets: validate::Subnets,
}

/// All pools and Subnets. The Subnets were listed first, so what is found among the pools is at least as new.
pub(super) struct Surroundings {
    rules: Rules,
    pools: Vec<Arc<SpiderIPPool>>,
    /// With their records resolved.
    subnets: Vec<Arc<SpiderSubnet>>,
}

impl Surroundings {
    pub(super) fn context(&self) -> Context<'_> {
        Context {
            families: self.rules.families,
            feature: self.rules.subnets,
            editor: Editor::Person,
            pools: &self.pools,
            subnets: &self.subnets,
        }
    }

    /// The Subnet that pools of network `cidr` belong to.
    pub(super) fn home_of(&self, cidr: Cidr) -> Option<ObjectName> {
        let name = &self.context().subnet_of(cidr)?.metadata.name;
        ObjectName::new(name).ok()
    }

    /// The other Subnets that overlap `cidr` and are not being deleted.
    pub(super) fn rivals(&self, name: &ObjectName, cidr: Cidr) -> impl Iterator<Item = &SpiderSubnet> {
        self.subnets.iter().map(AsRef::as_ref).filter(move |other| {
            other.metadata.deletion_timestamp.is_none()
                && other.metadata.name != name.as_str()
                && other.spec.subnet.parse().is_ok_and(|theirs: Cidr| theirs.overlaps(&cidr))
        })
    }
}

/// `subnet` with this record, and the counts that go with it.
pub(super) fn with_record(object: &SpiderSubnet, subnet: &Subnet) -> Result<SpiderSubnet, AdminError> {
    let mut object = object.clone();
    let written = subnet.write_controlled().map_err(|error| {
        let (what, message) = (Key::Subnet(subnet.name.clone()).to_string(), error.to_string());
        AdminError::Store(StoreError::Damaged { what, message })
    })?;
    let claimed =
        subnet.controlled.values().fold(IpSet::new(subnet.family), |all, pool| all.union(&pool.ips));
    object.status.controlled_ip_pools = written;
    object.status.total_ip_count = Some(clamp(subnet.allocatable().len_saturating()));
    object.status.allocated_ip_count = Some(clamp(claimed.len_saturating()));
    Ok(object)
}

/// A Subnet with its record resolved by `pools`, which were read after its token.
pub(super) fn resolved<'a>(
    object: &SpiderSubnet,
    pools: impl IntoIterator<Item = (&'a SpiderIPPool, &'a Token)>,
    now: Timestamp,
) -> Result<(Subnet, Vec<ObjectName>), AdminError> {
    let mut subnet = parse_subnet(object)?;
    let members = members(pools, subnet.subnet);
    let Resolved { record, overdue } = resolve(&subnet.controlled, &members, subnet.subnet, now);
    subnet.controlled = record;
    Ok((subnet, overdue))
}

pub(super) fn parse_subnet(object: &SpiderSubnet) -> Result<Subnet, AdminError> {
    Subnet::try_from(object).map_err(|violations| match ObjectName::new(&object.metadata.name) {
        Ok(name) => AdminError::Invalid { object: Key::Subnet(name), violations },
        Err(error) => AdminError::Name(error),
    })
}

/// Pools with their tokens.
pub(crate) type Pools = Vec<(Arc<SpiderIPPool>, Token)>;

impl Allocator {
    pub(crate) async fn list_pools(&self) -> Result<Pools, StoreError> {
        let listing = self.store().list(&Selector::Kind(Kind::Pool)).await?;
        let pools = listing.items.into_iter();
        Ok(pools.filter_map(|item| Some((item.document.as_pool()?.clone(), item.token))).collect())
    }

    /// The Subnet `name` with its record resolved by the pools as they are now, and those; none if there is no such Subnet.
    pub(crate) async fn present_subnet(
        &self,
        name: &ObjectName,
    ) -> Result<Option<(Subnet, Pools)>, AdminError> {
        let Some((object, _)) = self.store().subnet(name).await? else { return Ok(None) };
        let pools = self.list_pools().await?;
        let by = pools.iter().map(|(pool, token)| (pool.as_ref(), token));
        let subnet = resolved(&object, by, self.env().clock.now())?.0;
        Ok(Some((subnet, pools)))
    }

    pub(super) async fn list_subnets(&self) -> Result<Vec<Arc<SpiderSubnet>>, StoreError> {
        let listing = self.store().list(&Selector::Kind(Kind::Subnet)).await?;
        Ok(listing.items.iter().filter_map(|item| item.document.as_subnet().cloned()).collect())
    }

    pub(super) async fn surroundings(&self) -> Result<Surroundings, AdminError> {
        let subnets = self.list_subnets().await?;
        let pools = self.list_pools().await?;
        let now = self.env().clock.now();
        let resolve = |object: Arc<SpiderSubnet>| {
            let pools = pools.iter().map(|(pool, token)| (pool.as_ref(), token));
            // One whose record cannot be read is judged as it stands.
            let resolved =
                resolved(&object, pools, now).and_then(|(subnet, _)| with_record(&object, &subnet));
            resolved.map_or(object, Arc::new)
        };
        let subnets = subnets.into_iter().map(resolve).collect();
        let pools = pools.iter().map(|(pool, _)| pool.clone()).collect();
        Ok(Surroundings { rules: self.rules(), pools, subnets })
    }
}
