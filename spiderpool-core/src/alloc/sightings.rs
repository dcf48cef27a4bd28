//! Which addresses of a block were held when this process saw it last, and at which token: so much is kept of many more
//! blocks than the cache has room for, and so much is enough to know that a full pool still is.

use std::{collections::BTreeMap, ops::RangeInclusive};

use parking_lot::Mutex;

use crate::{
    model::{Block, BlockId},
    store::{Listing, Selector, Token, Versioned},
};

/// At most this many blocks; when full, everything is forgotten and read again on demand.
const CAPACITY: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Sightings(Mutex<BTreeMap<BlockId, (Token, u64)>>);

impl Sightings {
    pub(super) fn saw(&self, token: &Token, block: &Block) {
        let mut seen = self.0.lock();
        if seen.len() >= CAPACITY {
            seen.clear();
        }
        seen.insert(block.id().clone(), (token.clone(), block.held()));
    }

    pub(super) fn saw_all(&self, listing: &Listing) {
        for Versioned { token, document, .. } in &listing.items {
            if let Some(block) = document.as_block() {
                self.saw(token, block);
            }
        }
    }

    pub(super) fn last(&self, id: &BlockId) -> Option<(Token, u64)> {
        self.0.lock().get(id).cloned()
    }

    /// Whether `selector` may select more than a few blocks, and at least half of them were seen.
    pub(super) fn know_most_of(&self, selector: &Selector, few: u32) -> bool {
        let Some((range, count)) = span(selector).filter(|(_, count)| *count > u128::from(few)) else {
            return false;
        };
        let seen = self.0.lock().range(range).count() as u128;
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
