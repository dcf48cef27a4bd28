//! Everything that is stored, as far as it can be read.

use std::{collections::BTreeMap, sync::Arc};

use super::finding::{Finding, FindingKind};
use crate::{
    addr::{Address, Family, IpSet},
    api::{SpiderEndpoint, SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    inspect::Inspect,
    model::{Block, BlockBits, Plan, Pool, Record},
    name::{NamespacedName, ScopeName},
    protocol::unreserved,
    store::{Key, Kind, Listing, Position, Room, Selector, StoreError, Token, Versioned},
};

/// How many listings the search for damaged blocks may take.
const MOST_LISTINGS: usize = 4_096;

/// A pool as it is written and, where it can be read, as it is meant.
pub(super) struct PoolItem {
    pub(super) object: Arc<SpiderIPPool>,
    pub(super) token: Token,
    pub(super) parsed: Option<Pool>,
}

impl PoolItem {
    /// What it offers, or did before its deletion was begun.
    pub(super) fn offered(&self) -> Option<IpSet> {
        self.parsed.as_ref().map(|pool| Pool { terminating: false, ..pool.clone() }.usable())
    }
}

/// What was read. A kind that could not be read is absent, and nothing is concluded from it.
pub(super) struct Snapshot {
    pub(super) scope: ScopeName,
    /// As the scope's document says; none if there is none.
    pub(super) bits: Option<BlockBits>,
    pub(super) subnets: Option<Vec<(Arc<SpiderSubnet>, Token)>>,
    pub(super) pools: Option<Vec<PoolItem>>,
    pub(super) reservations: Option<Vec<(Arc<SpiderReservedIP>, Token)>>,
    /// What no reservation covers, by family.
    pub(super) unreserved: Option<BTreeMap<Family, IpSet>>,
    pub(super) plans: Option<Vec<Arc<Plan>>>,
    pub(super) blocks: Vec<Arc<Block>>,
    /// Whether [`Snapshot::blocks`] are all there are.
    pub(super) all_blocks: bool,
    pub(super) endpoints: Option<BTreeMap<NamespacedName, Arc<SpiderEndpoint>>>,
}

impl Snapshot {
    /// Reads everything. Blocks come last: what their records name was there when they were granted.
    pub(super) async fn read(inspect: &Inspect) -> Result<(Self, Vec<Finding>), StoreError> {
        let mut found = Vec::new();
        let scopes = list(inspect, Kind::Scope, &mut found).await?;
        let subnets = list(inspect, Kind::Subnet, &mut found).await?;
        let pools = list(inspect, Kind::Pool, &mut found).await?;
        let reservations = list(inspect, Kind::Reservation, &mut found).await?;
        let plans = list(inspect, Kind::Plan, &mut found).await?;
        let endpoints = list(inspect, Kind::Endpoint, &mut found).await?;
        if inspect.store.capabilities().own_resources {
            // Only whether they can be read.
            list(inspect, Kind::Resource, &mut found).await?;
        }
        let (mut blocks, all_blocks) = read_blocks(inspect, &mut found).await?;
        blocks.retain(|block| block.id().scope == inspect.scope);
        let own_scope = Key::Scope(inspect.scope.clone());
        let scope = scopes.iter().flatten().find(|item| item.key == own_scope);
        let pool_item = |item: Versioned| {
            let object = item.document.as_pool()?.clone();
            Some(PoolItem { parsed: Pool::try_from(object.as_ref()).ok(), object, token: item.token })
        };
        let families = [Family::V4, Family::V6];
        let left = |items: &Vec<Versioned>| {
            let listing = Listing { items: items.clone(), position: Position(String::new()) };
            families.map(|family| (family, unreserved(&listing, family))).into_iter().collect()
        };
        let endpoint = |item: Versioned| match item.key {
            Key::Endpoint(name) => Some((name, item.document.as_endpoint()?.clone())),
            _ => None,
        };
        let snapshot = Self {
            scope: inspect.scope.clone(),
            bits: match scopes.is_some() {
                true => scope.and_then(|item| Some(item.document.as_scope()?.block_bits)),
                // It cannot be read, which is said already.
                false => Some(inspect.bits),
            },
            subnets: subnets.map(|items| typed(items, |item| item.document.as_subnet().cloned())),
            pools: pools.map(|items| items.into_iter().filter_map(pool_item).collect()),
            unreserved: reservations.as_ref().map(left),
            reservations: reservations
                .map(|items| typed(items, |item| item.document.as_reservation().cloned())),
            plans: plans
                .map(|items| items.iter().filter_map(|item| item.document.as_plan().cloned()).collect()),
            blocks,
            all_blocks,
            endpoints: endpoints.map(|items| items.into_iter().filter_map(endpoint).collect()),
        };
        Ok((snapshot, found))
    }

    /// All records with their addresses.
    pub(super) fn records(&self) -> impl Iterator<Item = (Address, &Arc<Record>)> {
        self.blocks
            .iter()
            .flat_map(|block| block.records().map(|(offset, record)| (block.address(offset), record)))
    }
}

fn typed<T>(items: Vec<Versioned>, body: impl Fn(&Versioned) -> Option<T>) -> Vec<(T, Token)> {
    items.into_iter().filter_map(|item| Some((body(&item)?, item.token))).collect()
}

/// What a read that failed says of a document; an error that says nothing about documents is passed on.
fn unreadable(error: StoreError) -> Result<Finding, StoreError> {
    match error {
        StoreError::Damaged { what, message } => Ok(Finding::new(FindingKind::Damaged, what, message)),
        StoreError::NewerFormat { what, found, supported } => {
            let text = format!("it is in format {found}; this version reads up to {supported}: upgrade it");
            Ok(Finding::new(FindingKind::Damaged, what, text))
        }
        other => Err(other),
    }
}

async fn list(
    inspect: &Inspect,
    kind: Kind,
    found: &mut Vec<Finding>,
) -> Result<Option<Vec<Versioned>>, StoreError> {
    match inspect.store.list(&Selector::Kind(kind)).await {
        Ok(listing) => Ok(Some(listing.items)),
        Err(error) => {
            found.push(unreadable(error)?);
            Ok(None)
        }
    }
}

/// All blocks of the scope that can be read, and whether that is all of them.
pub(in crate::inspect) async fn readable_blocks(
    inspect: &Inspect,
) -> Result<(Vec<Arc<Block>>, bool), StoreError> {
    let (mut blocks, all) = read_blocks(inspect, &mut Vec::new()).await?;
    blocks.retain(|block| block.id().scope == inspect.scope);
    Ok((blocks, all))
}

/// All blocks that can be read, and whether that is all of them. A listing that meets a damaged block is divided until
/// the block stands alone.
async fn read_blocks(
    inspect: &Inspect,
    found: &mut Vec<Finding>,
) -> Result<(Vec<Arc<Block>>, bool), StoreError> {
    let body = |listing: Listing| -> Vec<Arc<Block>> {
        listing.items.iter().filter_map(|item| item.document.as_block().cloned()).collect()
    };
    match inspect.store.list(&Selector::Kind(Kind::Block)).await {
        Ok(listing) => return Ok((body(listing), true)),
        Err(error) => drop(unreadable(error)?),
    }
    let bits = inspect.bits.get();
    let mut blocks = Vec::new();
    let mut left = MOST_LISTINGS;
    let mut ranges =
        vec![(Family::V6, 0, Family::V6.max() >> bits), (Family::V4, 0, Family::V4.max() >> bits)];
    while let Some((family, first, last)) = ranges.pop() {
        let selector =
            Selector::Blocks { scope: inspect.scope.clone(), family, first, last, room: Room::Any };
        left = left.saturating_sub(1);
        match inspect.store.list(&selector).await {
            Ok(listing) => blocks.extend(body(listing)),
            Err(error) => {
                let finding = unreadable(error)?;
                if first == last || left == 0 {
                    found.push(finding);
                } else {
                    let middle = first + (last - first) / 2;
                    ranges.push((family, middle + 1, last));
                    ranges.push((family, first, middle));
                }
            }
        }
    }
    Ok((blocks, false))
}
