//! The scope's own document, and blocks that do not fit it.

use std::{collections::BTreeSet, sync::Arc};

use super::{Action, ActionKind, Repair, is_local};
use crate::{
    alloc::{Allocator, AllocatorConfig, OpenError, Sharing},
    env::Env,
    inspect::Inspect,
    store::{Key, Store, StoreError, StoreExt},
};

pub(super) enum Opened {
    /// The scope is open; what was done for that.
    Allocator(Allocator, Option<Action>),
    /// It cannot be opened without a guess, and why; nothing: there is nothing to repair.
    Nothing(Option<String>),
}

/// Opens the scope. An allocator makes the document of a scope that has none, of the store's own block size; so where
/// there are blocks, theirs is found out first.
pub(super) async fn open(
    store: Arc<dyn Store>,
    env: &Env,
    mut config: AllocatorConfig,
) -> Result<Opened, OpenError> {
    let key = Key::Scope(config.scope.clone());
    let mut restored = None;
    match store.get(&key).await {
        Ok(Some(_)) => {}
        Ok(None) => {
            let inspect = Inspect::open(store.clone(), env, config.scope.clone()).await?;
            let (blocks, complete) = inspect.readable_blocks().await?;
            let sizes: BTreeSet<_> = blocks.iter().map(|block| block.bits()).collect();
            let mut sizes = sizes.into_iter();
            match (sizes.next(), sizes.next(), complete) {
                (None, ..) => return Ok(Opened::Nothing(None)),
                (Some(bits), None, true) => {
                    config.block_bits = Some(bits);
                    let what =
                        format!("written again: all {} blocks have {} addresses", blocks.len(), bits.size());
                    restored =
                        Some(Action { kind: ActionKind::ScopeRestored, object: key.to_string(), what });
                }
                _ => {
                    let why =
                        format!("{key} is missing, and its blocks do not say which size they should have");
                    return Ok(Opened::Nothing(Some(why)));
                }
            }
        }
        Err(error) if is_local(&error) => return Ok(Opened::Nothing(Some(error.to_string()))),
        Err(error) => return Err(error.into()),
    }
    // What a node of this name may hold is none of a repair's business: no block has to be readable for opening.
    config.sharing = Sharing::Shared;
    config.log = None;
    Ok(Opened::Allocator(Allocator::open(store, env.clone(), config).await?, restored))
}

impl Repair {
    /// Removes blocks of another size than the scope's, where nobody holds an address in them: nobody looks there.
    pub(super) async fn drop_blocks_of_another_size(&mut self) -> Result<(), StoreError> {
        let (blocks, _) = self.allocator.inspect().readable_blocks().await?;
        let bits = self.allocator.block_bits();
        for block in blocks.iter().filter(|block| block.bits() != bits && block.held() == 0) {
            let Some((found, token)) = self.allocator.store().block(block.id()).await? else { continue };
            if found.held() != 0 || found.bits() == bits {
                continue;
            }
            let done = self.allocator.store().delete(&Key::Block(block.id().clone()), &token).await;
            if self.noted("removing a block of another size", done)?.is_some() {
                self.did(
                    ActionKind::BlockRemoved,
                    block.id(),
                    "removed: it is of another size and holds nothing",
                );
            }
        }
        Ok(())
    }
}
