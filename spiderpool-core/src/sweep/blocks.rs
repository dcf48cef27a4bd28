//! The blocks that a pass over everything judges.

use std::{fmt::Debug, sync::Arc};

use crate::{
    alloc::Allocator,
    model::{Block, BlockId},
    store::{Key, Kind, Selector, StoreError, Token},
};

/// Blocks that are kept for another purpose, so that a pass has none of its own.
pub trait BlocksAtHand: Debug + Send + Sync {
    /// The block as it is under `token`, without asking anybody; none where that is not at hand. A block never changes
    /// under its token.
    fn block(&self, id: &BlockId, token: &Token) -> Option<Arc<Block>>;
}

/// With more of them not at hand, or after so many surveys, all are listed.
const MOST_READ: usize = 64;
const SURVEYS: usize = 3;

/// All blocks of the scope that can be read, as they were at one instant of this call, and whether that is all of them.
///
/// Cost: a listing of their tokens and a read for each that is not at hand; without any at hand, a listing.
pub(super) async fn readable(
    allocator: &Allocator,
    at_hand: Option<&dyn BlocksAtHand>,
) -> Result<(Vec<Arc<Block>>, bool), StoreError> {
    if let Some(at_hand) = at_hand {
        for _ in 0..SURVEYS {
            match surveyed(allocator, at_hand).await {
                Ok(Some(blocks)) => return Ok((blocks, true)),
                Ok(None) => {}
                // The listing tells which.
                Err(StoreError::Damaged { .. }) => break,
                Err(error) => return Err(error),
            }
        }
    }
    allocator.inspect().readable_blocks().await
}

/// The blocks under the tokens that they have now; none if that cannot be said of all of them, or too many are not at hand.
async fn surveyed(
    allocator: &Allocator,
    at_hand: &dyn BlocksAtHand,
) -> Result<Option<Vec<Arc<Block>>>, StoreError> {
    let (mut blocks, mut others) = (Vec::new(), Vec::new());
    for (key, token) in allocator.store().tokens(&Selector::Kind(Kind::Block)).await? {
        let Key::Block(id) = &key else { continue };
        if id.scope != *allocator.scope() {
            continue;
        }
        match at_hand.block(id, &token) {
            Some(block) => blocks.push(block),
            None if others.len() == MOST_READ => return Ok(None),
            None => others.push((key, token)),
        }
    }
    for (key, token) in others {
        let found = allocator.store().get(&key).await?.filter(|found| found.token == token);
        let Some(block) = found.as_ref().and_then(|found| found.document.as_block()) else { return Ok(None) };
        blocks.push(block.clone());
    }
    Ok(Some(blocks))
}
