//! The scope's own document: the size of its blocks and the stored format.

use std::collections::BTreeSet;

use super::OpenError;
use crate::{
    model::{BlockBits, FORMAT, Scope},
    name::ScopeName,
    store::{Key, Kind, Selector, Store, StoreError},
};

/// The block size of the scope `name`; a scope that does not exist is made with `bits`.
pub(super) async fn open(
    store: &dyn Store,
    name: &ScopeName,
    bits: BlockBits,
) -> Result<BlockBits, OpenError> {
    let key = Key::Scope(name.clone());
    loop {
        if let Some(found) = store.get(&key).await? {
            let Some(scope) = found.document.as_scope() else {
                let message = "another document stands in its place".into();
                return Err(StoreError::Damaged { what: key.to_string(), message }.into());
            };
            if scope.format > FORMAT {
                let (scope, found) = (name.clone(), scope.format);
                return Err(OpenError::NewerFormat { scope, found, supported: FORMAT });
            }
            return Ok(scope.block_bits);
        }
        // With blocks of another size than the existing ones, held addresses would look free.
        let block_bits = size_of_blocks(store, name).await?.unwrap_or(bits);
        let scope = Scope { name: name.clone(), block_bits, format: FORMAT };
        match store.create(&key, scope.into()).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. } | StoreError::UnknownOutcome { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The size that all blocks of the scope have; none where there is no block.
async fn size_of_blocks(store: &dyn Store, name: &ScopeName) -> Result<Option<BlockBits>, OpenError> {
    let lost = |why| OpenError::ScopeLost { scope: name.clone(), why };
    let blocks = match store.list(&Selector::Kind(Kind::Block)).await {
        Ok(listing) => listing.items,
        Err(StoreError::Damaged { what, message }) => {
            return Err(lost(format!("{what} is damaged: {message}")));
        }
        Err(error) => return Err(error.into()),
    };
    let blocks = blocks.iter().filter_map(|item| item.document.as_block());
    let sizes: BTreeSet<_> =
        blocks.filter(|block| block.id().scope == *name).map(|block| block.bits()).collect();
    if sizes.len() > 1 {
        let sizes: Vec<_> = sizes.iter().map(|bits| bits.size().to_string()).collect();
        return Err(lost(format!("they have {} addresses", sizes.join(" and "))));
    }
    Ok(sizes.into_iter().next())
}
