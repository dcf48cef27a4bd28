//! Which block to try next for a pool: what this process knows about room, per pool.
//!
//! Everything here is a hint. A wrong one costs a read or a conflict; only the blocks themselves and the proof of
//! exhaustion decide.

use std::{
    collections::{BTreeSet, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use super::order::{Blocks, Walk};
use crate::{
    addr::IpSet,
    hash::{Map, Seed, mix},
    model::{Block, BlockBits, PlanId},
    name::Uid,
    protocol::{PoolRef, Spent},
    store::Room,
    time::{Moment, Timestamp},
};

/// How long a proof of exhaustion is believed.
const VERDICT_LIFE: Duration = Duration::from_secs(1);

/// The blocks that are known to exist, and which of them have room. Each operation takes constant time, and touches what
/// many operations touch: which blocks exist is a bit for each, and only those with room, few in a pool that is used, have
/// a place of their own.
#[derive(Debug)]
struct Seen {
    known: Marks,
    /// Those with room, in no order, and for how many addresses as far as known.
    rooms: Vec<(u128, u8)>,
    /// Each one's place in `rooms`.
    places: Map<u128, usize>,
}

impl Seen {
    fn new(seed: Seed) -> Self {
        Self { known: Marks::new(seed), rooms: Vec::new(), places: Map::with_hasher(seed) }
    }

    fn knows(&self, index: u128) -> bool {
        self.known.has(index)
    }

    fn has_room(&self, index: u128) -> bool {
        self.places.contains_key(&index)
    }

    fn with_room(&mut self, index: u128, free: u8) {
        match self.places.entry(index) {
            Entry::Occupied(place) => self.rooms[*place.get()].1 = free,
            Entry::Vacant(none) => {
                none.insert(self.rooms.len());
                self.rooms.push((index, free));
                self.known.mark(index);
            }
        }
    }

    fn without_room(&mut self, index: u128) {
        self.known.mark(index);
        let Some(at) = self.places.remove(&index) else { return };
        self.rooms.swap_remove(at);
        if let Some((moved, _)) = self.rooms.get(at) {
            self.places.insert(*moved, at);
        }
    }

    /// One with room, by a random number.
    fn choose(&self, number: u64) -> Option<Present> {
        let len = self.rooms.len() as u64;
        (len > 0).then(|| {
            let (index, left) = self.rooms[(number % len) as usize];
            Present { index, left }
        })
    }
}

/// A set of blocks, a bit for each: those that exist mostly have neighbours.
#[derive(Debug)]
struct Marks {
    words: Map<u128, u64>,
    count: u64,
}

impl Marks {
    fn new(seed: Seed) -> Self {
        Self { words: Map::with_hasher(seed), count: 0 }
    }

    fn has(&self, index: u128) -> bool {
        self.words.get(&(index >> 6)).is_some_and(|word| word >> (index & 63) & 1 != 0)
    }

    fn mark(&mut self, index: u128) {
        let word = self.words.entry(index >> 6).or_default();
        self.count += u64::from(*word >> (index & 63) & 1 == 0);
        *word |= 1 << (index & 63);
    }
}

/// The block that is used now.
#[derive(Clone, Copy, Debug)]
struct Present {
    index: u128,
    /// To how many more requests it may be hinted: to as many as it has room for. Each of them ends with a write, after
    /// which the block is seen as it is.
    left: u8,
}

#[derive(Debug)]
struct OfPool {
    usable: Arc<IpSet>,
    blocks: Blocks,
    walk: Walk,
    seen: Seen,
    /// Blocks whose free addresses rest until then.
    cooling: BTreeSet<(Timestamp, u128)>,
    /// The block that is used until it is full, so that a burst of pods shares few writes.
    present: Option<Present>,
    /// The block that the walk gave last, until it is known to be of no use.
    tried: Option<u128>,
    /// How many blocks in a row the walk gave that were full.
    misses: u32,
    /// After so many of them a look at all is due.
    patience: u32,
    /// How many blocks in a row the walk gave that were nobody's.
    hits: u32,
    exhausted: Option<(Moment, Option<Timestamp>)>,
    /// How often room came up, and how often it had when a request last found nothing: a proof that was begun before
    /// an address came back says nothing about it.
    changes: u64,
    changes_at_nothing: u64,
}

impl OfPool {
    /// Block `index` has these addresses free.
    fn see(&mut self, index: u128, free: u64) {
        let free = free.count_ones() as u8;
        if free == 0 {
            self.seen.without_room(index);
            return;
        }
        self.seen.with_room(index, free);
        if let Some(present) = self.present.as_mut().filter(|present| present.index == index) {
            present.left = free;
        }
    }

    /// A block with room: the present one, until as many requests are on their way to it as it has room for.
    fn next(&mut self, number: u64) -> Option<u128> {
        if let Some(present) = &mut self.present
            && self.seen.has_room(present.index)
        {
            if present.left > 0 {
                present.left -= 1;
                return Some(present.index);
            }
            // It is seen again when their writes are done.
            self.seen.without_room(present.index);
        }
        let mut present = self.seen.choose(number)?;
        present.left = present.left.saturating_sub(1);
        self.present = Some(present);
        Some(present.index)
    }
}

/// After so many full blocks in a row a walk goes elsewhere: others were there before.
const MISSES: u32 = 3;
/// After so many blocks in a row that were nobody's a node seems to be alone.
const HITS: u32 = 4;
/// So many blocks are all listed at once rather than tried one after the other.
const FEW: u128 = 64;

/// What the finder says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hint {
    /// Try this block.
    Block(u128),
    /// Try this block, which probably nobody has made yet.
    New(u128),
    /// Others were nearly everywhere before: list the blocks, or those with room, and say so by [`Finder::looked`].
    Look(Room),
    /// Nothing is known to have room: prove it.
    Nothing,
    /// Proven a moment ago.
    Exhausted(Option<Timestamp>),
    /// The pool's blocks are not known yet: list them and [`Finder::load`].
    Load,
}

/// The hints for all pools.
#[derive(Debug)]
pub(super) struct Finder {
    bits: BlockBits,
    /// This node's own order.
    key: u64,
    seed: Seed,
    pools: Mutex<Map<Uid, OfPool>>,
}

impl Finder {
    pub(super) fn new(bits: BlockBits, key: u64, seed: Seed) -> Self {
        Self { bits, key, seed, pools: Mutex::new(Map::with_hasher(seed)) }
    }

    /// Takes in the blocks that exist between the pool's first and last, each with the addresses that are free there as far
    /// as that is known.
    pub(super) fn load(&self, pool: &PoolRef, existing: &[(u128, u64)]) {
        let blocks = Blocks::of(&pool.usable, self.bits);
        let walk = Walk::new(self.key ^ hash(&pool.uid), blocks.count(), self.bits);
        let mut of_pool = OfPool {
            usable: pool.usable.clone(),
            blocks,
            walk,
            seen: Seen::new(self.seed),
            cooling: BTreeSet::new(),
            present: None,
            tried: None,
            misses: 0,
            patience: MISSES,
            hits: 0,
            exhausted: None,
            changes: 0,
            changes_at_nothing: 0,
        };
        self.take_in(pool, &mut of_pool, existing);
        self.pools.lock().insert(pool.uid.clone(), of_pool);
    }

    pub(super) fn hint(
        &self,
        pool: &PoolRef,
        spent: Option<(u128, Spent)>,
        now: Timestamp,
        moment: Moment,
        number: u64,
    ) -> Hint {
        let mut pools = self.pools.lock();
        let Some(known) = pools.get_mut(&pool.uid) else { return Hint::Load };
        if !Arc::ptr_eq(&known.usable, &pool.usable) {
            if *known.usable != *pool.usable {
                return Hint::Load;
            }
            known.usable = pool.usable.clone();
        }
        if let Some((index, spent)) = spent {
            known.seen.without_room(index);
            if known.tried == Some(index) {
                known.tried = None;
                known.misses += 1;
                known.hits = 0;
            }
            if let Spent::Cooling(until) = spent {
                known.cooling.insert((until, index));
            }
        }
        while let Some((until, index)) = known.cooling.first().copied()
            && until <= now
        {
            known.cooling.remove(&(until, index));
            known.seen.with_room(index, self.bits.size());
        }
        if let Some(index) = known.next(number) {
            return Hint::Block(index);
        }
        if let Some((at, cooling)) = known.exhausted {
            if moment < at.after(VERDICT_LIFE) && cooling.is_none_or(|until| now < until) {
                return Hint::Exhausted(cooling);
            }
            known.exhausted = None;
        }
        if known.tried.take().is_some() {
            (known.misses, known.patience) = (0, MISSES);
            known.hits = known.hits.saturating_add(1);
        }
        if known.misses >= MISSES && known.walk.leave() {
            known.misses = 0;
        }
        if known.misses >= known.patience {
            let unknown = known.blocks.count().saturating_sub(u128::from(known.seen.known.count));
            return Hint::Look(if unknown <= FEW { Room::Any } else { Room::Some });
        }
        for n in known.walk.by_ref() {
            let Some(index) = known.blocks.nth(n) else { continue };
            if !known.seen.knows(index) {
                // Until the block is seen, the requests here share it.
                known.seen.with_room(index, self.bits.size());
                known.present = Some(Present { index, left: self.bits.size().saturating_sub(1) });
                known.tried = Some(index);
                return if known.hits >= HITS { Hint::New(index) } else { Hint::Block(index) };
            }
        }
        known.changes_at_nothing = known.changes;
        Hint::Nothing
    }

    /// The pool has room in these blocks.
    pub(super) fn roomy(&self, pool: &PoolRef, blocks: impl Iterator<Item = u128>) {
        if let Some(known) = self.pools.lock().get_mut(&pool.uid) {
            for index in blocks {
                known.seen.with_room(index, self.bits.size());
            }
        }
    }

    /// These are all the blocks, or those with room. Each look makes the next one come later, so that what only seems to have room
    /// (it rests, it is reserved) is not tried again and again.
    pub(super) fn looked(&self, pool: &PoolRef, seen: &[(u128, u64)]) {
        let mut pools = self.pools.lock();
        let Some(known) = pools.get_mut(&pool.uid) else { return };
        known.misses = 0;
        known.patience = known.patience.saturating_mul(2);
        self.take_in(pool, known, seen);
    }

    fn take_in(&self, pool: &PoolRef, known: &mut OfPool, seen: &[(u128, u64)]) {
        for (index, free) in seen {
            let allowed = pool.usable.window_mask(index << self.bits.get(), self.bits.get());
            if allowed != 0 {
                known.see(*index, allowed & free);
            }
        }
    }

    /// The pool is gone.
    pub(super) fn forget(&self, pool: &Uid) {
        self.pools.lock().remove(pool);
    }

    /// A pool was proven to be exhausted.
    pub(super) fn exhausted(&self, pool: &PoolRef, cooling: Option<Timestamp>, moment: Moment) {
        if let Some(known) = self.pools.lock().get_mut(&pool.uid)
            && known.changes == known.changes_at_nothing
        {
            known.exhausted = Some((moment, cooling));
        }
    }

    /// A block as it stands in the store now.
    pub(super) fn observe(&self, block: &Block) {
        let mut pools = self.pools.lock();
        let mut unreserved = self.bits.mask();
        for copy in block.copies() {
            if let PlanId::Reservations(..) = copy.plan {
                unreserved = copy.usable;
            }
        }
        for copy in block.copies() {
            let PlanId::Pool(uid) = &copy.plan else { continue };
            let Some(known) = pools.get_mut(uid) else { continue };
            let index = block.id().index;
            let free = copy.usable & unreserved & !block.held();
            known.see(index, free);
            if free != 0 {
                known.exhausted = None;
                known.changes += 1;
            }
        }
    }
}

fn hash(uid: &Uid) -> u64 {
    uid.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| mix(hash ^ u64::from(byte)))
}
