//! The blocks of a pool by their tokens: what need not be read again.
//!
//! A document never changes under its token. So a block that was seen at the token that it has now is as it was seen, and a
//! pool that stays full is proven full by tokens, and by reading the blocks that changed.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    addr::IpSet,
    model::{Block, BlockBits, BlockId},
    mutation::Mutation,
    store::{Listing, Token},
};

/// A block in a survey.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Surveyed {
    /// Which.
    pub id: BlockId,
    /// Its token now.
    pub token: Token,
    /// Which of its addresses are held, a bit for each, if this process saw it at that very token.
    pub held: Option<u64>,
}

impl Surveyed {
    /// Block `id`, which has `token` now and was last seen at another one, or at this one.
    #[must_use]
    pub fn of(id: BlockId, token: Token, seen: Option<&(Token, u64)>) -> Self {
        let still = |(at, _): &&(Token, u64)| *at == token || Mutation::SeenAtAnyToken.active();
        let held = seen.filter(still).map(|(_, held)| *held);
        Self { id, token, held }
    }

    /// Whether more has to be known of it before it can be called full.
    pub(super) fn is_open(&self, allowed: &IpSet, bits: BlockBits) -> bool {
        let wanted = allowed.window_mask(self.id.index << bits.get(), bits.get());
        self.held.is_none_or(|held| wanted & !held != 0)
    }
}

/// A block as far as a proof knows it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Sight {
    /// All that the pool has of it is held.
    Full,
    /// As it was read.
    Block(Arc<Block>),
}

/// Blocks by their indices.
pub(super) type Sights = BTreeMap<u128, Sight>;

/// Which blocks there were, and their tokens.
pub(super) type Tokens = Vec<(u128, Token)>;

pub(super) fn of_listing(listing: &Listing) -> (Sights, Tokens) {
    let blocks = listing.items.iter().filter_map(|item| Some((item.document.as_block()?, &item.token)));
    let one = |(block, token): (&Arc<Block>, &Token)| {
        let index = block.id().index;
        ((index, Sight::Block(block.clone())), (index, token.clone()))
    };
    blocks.map(one).unzip()
}

pub(super) fn of_survey(blocks: &[Surveyed]) -> (Sights, Tokens) {
    let one = |block: &Surveyed| ((block.id.index, Sight::Full), (block.id.index, block.token.clone()));
    blocks.iter().map(one).unzip()
}
