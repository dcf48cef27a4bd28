//! Where a store draws uids itself, an imported pool has another one than the records of its addresses say.
//!
//! The records are written first, with the old uid: so their addresses are held before there is a pool to grant them.

use std::{collections::BTreeMap, sync::Arc};

use super::ObjectExport;
use crate::{
    name::Uid,
    store::{Document, Kind, Selector, Store, StoreError},
};

/// The new uid of each pool, by its old one.
pub(super) async fn drawn_uids(
    store: &dyn Store,
    objects: &[ObjectExport],
) -> Result<BTreeMap<Uid, Uid>, StoreError> {
    let uid = |document: &Document| {
        let uid = document.as_pool()?.metadata.uid.as_deref()?;
        Uid::new(uid).ok()
    };
    let mut drawn = BTreeMap::new();
    for object in objects.iter().filter(|object| object.key.kind() == Kind::Pool) {
        let found = store.get(&object.key).await?;
        let new = found.as_ref().and_then(|found| uid(&found.document));
        if let (Some(old), Some(new)) = (uid(&object.document), new) {
            drawn.insert(old, new);
        }
    }
    Ok(drawn)
}

/// Writes the new uids into all records. Nobody else writes: the store was empty.
pub(super) async fn rename_pools(store: &dyn Store, drawn: &BTreeMap<Uid, Uid>) -> Result<(), StoreError> {
    for item in store.list(&Selector::Kind(Kind::Block)).await?.items {
        let Document::Block(block) = item.document else { continue };
        let mut renamed = block.as_ref().clone();
        for (offset, record) in block.records() {
            if let Some(pool) = drawn.get(&record.pool) {
                let mut record = record.as_ref().clone();
                record.pool = pool.clone();
                renamed.put(offset, Arc::new(record));
            }
        }
        if renamed != *block {
            store.update(&item.key, &item.token, renamed.into()).await?;
        }
    }
    Ok(())
}
