//! Which addresses of a block were held when this process saw it last, and at which token: so much is kept of many more
//! blocks than the cache has room for, and so much is enough to know that a full pool still is.

use std::{collections::BTreeMap, ops::RangeInclusive};

use parking_lot::Mutex;

use crate::{
    model::{Block, BlockId},
    store::{Selector, Token, Versioned},
};

/// At most this many blocks; when full, everything is forgotten and read again on demand.
const CAPACITY: usize = 65_536;

type Seen = BTreeMap<BlockId, (Token, u64)>;

/// What was seen; off where the store answers from its own memory.
#[derive(Debug)]
pub(super) struct Sightings(Option<Mutex<Seen>>);

impl Sightings {
    pub(super) fn on() -> Self {
        Self(Some(Mutex::default()))
    }

    pub(super) fn off() -> Self {
        Self(None)
    }

    pub(super) fn saw<'a>(&self, blocks: impl IntoIterator<Item = (&'a Token, &'a Block)>) {
        let Some(seen) = &self.0 else { return };
        let mut seen = seen.lock();
        for (token, block) in blocks {
            if seen.len() >= CAPACITY {
                seen.clear();
            }
            seen.insert(block.id().clone(), (token.clone(), block.held()));
        }
    }

    pub(super) fn read<'a>(&self, found: impl IntoIterator<Item = &'a Versioned>) {
        let blocks =
            found.into_iter().filter_map(|item| Some((&item.token, item.document.as_block()?.as_ref())));
        self.saw(blocks);
    }

    pub(super) fn last(&self, id: &BlockId) -> Option<(Token, u64)> {
        self.0.as_ref()?.lock().get(id).cloned()
    }

    /// Whether `selector` may select more than a few blocks, and at least half of them were seen.
    pub(super) fn know_most_of(&self, selector: &Selector, few: u32) -> bool {
        let span = span(selector).filter(|(_, count)| *count > u128::from(few));
        let (Some(seen), Some((range, count))) = (&self.0, span) else { return false };
        let seen = seen.lock().range(range).count() as u128;
        seen > 0 && seen >= count / 2
    }
}

/// The blocks that a selector of blocks may select.
fn span(selector: &Selector) -> Option<(RangeInclusive<BlockId>, u128)> {
    let Selector::Blocks { scope, family, first, last, .. } = selector else { return None };
    let id = |index: u128| BlockId { scope: scope.clone(), family: *family, index };
    let count = last.checked_sub(*first)?.saturating_add(1);
    Some((id(*first)..=id(*last), count))
}
