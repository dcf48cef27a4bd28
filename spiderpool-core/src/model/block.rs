//! A block: up to 64 neighbouring addresses, and the only home of who holds each of them.

mod records;
mod texts;

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use self::{records::Records, texts::Texts};
use super::{Epoch, GrantKey, Plan, PlanId, Record};
use crate::{
    addr::{Address, AddressRange, Family},
    name::ScopeName,
    time::Timestamp,
};

/// The size of a scope's blocks: 2^bits addresses, bits from 0 to 6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct BlockBits(u8);

impl BlockBits {
    /// The largest block, 64 addresses: its masks are one machine word.
    pub const MAX: Self = Self(6);

    /// The size 2^`bits`.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits <= 6 { Some(Self(bits)) } else { None }
    }

    /// The exponent.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Addresses per block.
    #[must_use]
    pub const fn size(self) -> u8 {
        1 << self.0
    }

    /// The mask of all addresses of a block.
    #[must_use]
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.size() as u32)
    }
}

impl TryFrom<u8> for BlockBits {
    type Error = BlockError;

    fn try_from(bits: u8) -> Result<Self, BlockError> {
        Self::new(bits).ok_or(BlockError::Bits(bits))
    }
}

impl From<BlockBits> for u8 {
    fn from(bits: BlockBits) -> Self {
        bits.0
    }
}

/// Which block: the address space of a scope and family cut into aligned pieces.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct BlockId {
    /// The scope.
    pub scope: ScopeName,
    /// The family.
    pub family: Family,
    /// The first address, shifted right by the scope's block bits.
    #[serde(with = "crate::hex")]
    pub index: u128,
}

impl BlockId {
    /// The block of `address`.
    #[must_use]
    pub fn of(scope: &ScopeName, bits: BlockBits, address: Address) -> Self {
        Self { scope: scope.clone(), family: address.family(), index: address.value() >> bits.get() }
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}/{}/{:x}", self.scope, self.family.number(), self.index)
    }
}

/// A plan as a block knows it (rule 3): a copy, taken from the plan and never from a cached object.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Copy {
    /// The plan.
    pub plan: PlanId,
    /// The plan's epoch when the copy was taken.
    pub epoch: Epoch,
    /// Usable ∩ block, bit i for the i-th address.
    pub usable: u64,
}

/// Why a stored block is not a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// Block bits outside 0 to 6.
    #[error("block bits {0} are outside 0 to 6")]
    Bits(u8),
    /// The content contradicts itself.
    #[error("{id}: {reason}")]
    Damaged {
        /// Which block.
        id: BlockId,
        /// What is wrong.
        reason: &'static str,
    },
}

/// A block. Its records are the truth about its addresses; everything else about them is derived.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Block {
    id: BlockId,
    bits: BlockBits,
    records: Records,
    /// In order of release.
    released: Released,
    copies: Copies,
    bumps: u64,
}

/// What a block has few of stands in the block itself: every write copies it, and reads it where it has long left the
/// processor's caches.
type Released = SmallVec<[(u8, Timestamp); 2]>;
/// The pool's and the reservations'; more only where pools overlap.
type Copies = SmallVec<[Copy; 2]>;

/// The stored form: the mask of held addresses is derived, so it cannot disagree with the records.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    id: BlockId,
    bits: BlockBits,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    records: Vec<(u8, Arc<Record>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    released: Vec<(u8, Timestamp)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    copies: Vec<Copy>,
    #[serde(default)]
    bumps: u64,
}

impl From<Block> for Stored {
    fn from(block: Block) -> Self {
        let Block { id, bits, records, released, copies, bumps } = block;
        let records = records.iter().map(|(offset, record)| (offset, record.clone())).collect();
        Self { id, bits, records, released: released.into_vec(), copies: copies.into_vec(), bumps }
    }
}

impl TryFrom<Stored> for Block {
    type Error = BlockError;

    fn try_from(stored: Stored) -> Result<Self, BlockError> {
        let Stored { id, bits, records, released, copies, bumps } = stored;
        let damaged = |reason| Err(BlockError::Damaged { id: id.clone(), reason });
        if id.index > id.family.max() >> bits.get() {
            return damaged("lies outside its family's addresses");
        }
        let (mut taken, mut texts) = (Records::default(), Texts::default());
        for (offset, mut record) in records {
            if offset >= bits.size() {
                return damaged("has a record outside its addresses");
            }
            if taken.held() >> offset != 0 {
                return damaged("has records out of order, or two of one address");
            }
            if record.binding == super::Binding::Stateless && record.attachment == super::Attachment::Detached
            {
                return damaged("has a stateless record without a container");
            }
            if let Some(record) = Arc::get_mut(&mut record) {
                texts.share(record);
            }
            taken.put(offset, record);
        }
        let mut seen = taken.held();
        for (offset, _) in &released {
            if *offset >= bits.size() || seen & (1 << offset) != 0 {
                return damaged("has an address released twice, or released and held");
            }
            seen |= 1 << offset;
        }
        for (i, copy) in copies.iter().enumerate() {
            if copy.usable & !bits.mask() != 0 {
                return damaged("has a plan's copy that reaches outside it");
            }
            if copies[..i].iter().any(|other| other.plan == copy.plan) {
                return damaged("has two copies of one plan");
            }
        }
        let (released, copies) = (released.into_iter().collect(), copies.into_iter().collect());
        Ok(Self { id, bits, records: taken, released, copies, bumps })
    }
}

/// The outcome of looking for an address in a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// This one.
    Free(u8),
    /// All that are free were released too recently; the first is ready then.
    Cooling(Timestamp),
    /// None is free.
    Full,
}

impl Block {
    /// A block in which nothing is held and no plan has a copy.
    #[must_use]
    pub fn empty(id: BlockId, bits: BlockBits) -> Self {
        Self {
            id,
            bits,
            records: Records::default(),
            released: Released::new(),
            copies: Copies::new(),
            bumps: 0,
        }
    }

    /// Which block.
    #[must_use]
    pub fn id(&self) -> &BlockId {
        &self.id
    }

    /// Its size.
    #[must_use]
    pub fn bits(&self) -> BlockBits {
        self.bits
    }

    /// The value of its first address.
    #[must_use]
    pub fn first(&self) -> u128 {
        self.id.index << self.bits.get()
    }

    /// Its addresses.
    #[must_use]
    pub fn range(&self) -> AddressRange {
        block_range(&self.id, self.bits)
    }

    /// The `offset`-th address; offsets beyond the block wrap into it.
    #[must_use]
    pub fn address(&self, offset: u8) -> Address {
        let value = self.first() | u128::from(offset & (self.bits.size() - 1));
        Address::new(self.id.family, value).unwrap_or_else(|| self.range().first())
    }

    /// The place of `address` in this block, if it is one of its.
    #[must_use]
    pub fn offset(&self, address: Address) -> Option<u8> {
        let inside =
            address.family() == self.id.family && address.value() >> self.bits.get() == self.id.index;
        inside.then(|| (address.value() & u128::from(self.bits.size() - 1)) as u8)
    }

    /// The mask of held addresses.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.records.held()
    }

    /// The mask of addresses that were held before and are not now.
    #[must_use]
    pub fn released_mask(&self) -> u64 {
        self.released.iter().fold(0, |mask, (offset, _)| mask | 1 << offset)
    }

    /// The record at `offset`.
    #[must_use]
    pub fn record(&self, offset: u8) -> Option<&Arc<Record>> {
        self.records.get(offset)
    }

    /// The record of `address`.
    #[must_use]
    pub fn record_of(&self, address: Address) -> Option<&Arc<Record>> {
        self.offset(address).and_then(|offset| self.record(offset))
    }

    /// All records with their offsets, ascending.
    pub fn records(&self) -> impl Iterator<Item = (u8, &Arc<Record>)> {
        self.records.iter()
    }

    /// Where `key` holds an address in this block.
    #[must_use]
    pub fn find(&self, key: &GrantKey) -> Option<u8> {
        if key.family != self.id.family {
            return None;
        }
        self.records.find(key)
    }

    /// When the address at `offset` was released, if it was held before and is not now.
    #[must_use]
    pub fn released_at(&self, offset: u8) -> Option<Timestamp> {
        self.released.iter().find(|(at, _)| *at == offset).map(|(_, time)| *time)
    }

    /// The copies of plans.
    #[must_use]
    pub fn copies(&self) -> &[Copy] {
        &self.copies
    }

    /// The copy of `plan`.
    #[must_use]
    pub fn copy(&self, plan: &PlanId) -> Option<&Copy> {
        self.copies.iter().find(|copy| copy.plan == *plan)
    }

    /// Which of this block's addresses `plan` allows.
    #[must_use]
    pub fn usable_of(&self, plan: &Plan) -> u64 {
        plan.usable.window_mask(self.first(), self.bits.get())
    }

    /// Installs a copy of `plan`; the caller has read the plan after this block's token (rule 3).
    pub fn install(&mut self, plan: &Plan) {
        let usable = self.usable_of(plan);
        let copy = Copy { plan: plan.id.clone(), epoch: plan.epoch, usable };
        match self.copies.iter_mut().find(|copy| copy.plan == plan.id) {
            Some(old) => *old = copy,
            None => self.copies.push(copy),
        }
    }

    /// Takes the copy of `plan` away.
    pub fn uninstall(&mut self, plan: &PlanId) {
        self.copies.retain(|copy| copy.plan != *plan);
    }

    /// Looks for an address among `allowed`: one that was never held, else the longest idle.
    #[must_use]
    pub fn pick(&self, allowed: u64, now: Timestamp, cooldown: Duration) -> Pick {
        let free = allowed & !self.held() & self.bits.mask();
        if free == 0 {
            return Pick::Full;
        }
        let never_held = free & !self.released_mask();
        if never_held != 0 {
            return Pick::Free(never_held.trailing_zeros() as u8);
        }
        let oldest =
            self.released.iter().filter(|(offset, _)| free & (1 << offset) != 0).min_by_key(|(_, at)| *at);
        match oldest {
            None => Pick::Full,
            Some((offset, at)) if cooldown.is_zero() || at.after(cooldown) <= now => Pick::Free(*offset),
            Some((_, at)) => Pick::Cooling(at.after(cooldown)),
        }
    }

    /// Whether an address is neither held nor known to be unusable: what the room label says. A block without
    /// copies may have room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let mut pools = None;
        let mut reservations = self.bits.mask();
        for copy in self.copies.iter() {
            match copy.plan {
                PlanId::Pool(_) => pools = Some(pools.unwrap_or(0) | copy.usable),
                PlanId::Reservations(..) => reservations = copy.usable,
            }
        }
        pools.unwrap_or(self.bits.mask()) & reservations & !self.held() != 0
    }

    /// Writes `record` at `offset`, over whatever is there.
    pub fn put(&mut self, offset: u8, record: Arc<Record>) {
        debug_assert!(offset < self.bits.size(), "an offset inside the block");
        self.records.put(offset, record);
        self.released.retain(|(at, _)| *at != offset);
    }

    /// Takes the record at `offset` away. `released` is the time from which a cool-down counts; an address whose
    /// grant is merely undone has none.
    pub fn take(&mut self, offset: u8, released: Option<Timestamp>) -> Option<Arc<Record>> {
        let record = self.records.take(offset)?;
        if let Some(at) = released {
            self.released.push((offset, at));
        }
        Some(record)
    }

    /// Notes when the address at `offset` was released, for a block that is put together from an export. Nothing
    /// happens to an address that is held, or whose release is noted already.
    pub fn note_released(&mut self, offset: u8, at: Timestamp) {
        let inside = offset < self.bits.size();
        if inside && (self.held() | self.released_mask()) & (1 << offset) == 0 {
            self.released.push((offset, at));
        }
    }

    /// Changes nothing but the token that the next write gets: whoever holds the present one cannot write any more.
    pub fn bump(&mut self) {
        self.bumps = self.bumps.wrapping_add(1);
    }
}

/// The addresses of block `id` of a scope with `bits`.
#[must_use]
pub fn block_range(id: &BlockId, bits: BlockBits) -> AddressRange {
    let first = (id.index << bits.get()) & id.family.max();
    let last = first | u128::from(bits.size() - 1);
    let edge = |value| Address::new(id.family, value & id.family.max()).unwrap_or(Address::lowest(id.family));
    AddressRange::new(edge(first), edge(last)).unwrap_or(AddressRange::single(edge(first)))
}
