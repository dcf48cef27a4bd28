//! Going on after a loss that was accepted: what could be read is written into a new database.

use std::fs;

use spiderpool_core::store::{Key, Versioned, encode, local::Revision};

use crate::{
    OpenError,
    block::delta,
    engine::{Engine, Failure},
    keys::{self, META},
    layout::Layout,
    load::Contents,
    meta::Meta,
    value::Unsealed,
};

/// How much goes into one batch.
const BATCH: usize = 1000;

/// Moves sled's files to the first free name beside them. Nothing is deleted.
pub(crate) fn put_aside(layout: &Layout) -> Result<(), OpenError> {
    let from = layout.database();
    if !from.exists() {
        return Ok(());
    }
    let mut names = (1..u32::MAX).map(|n| layout.directory.join(format!("documents.damaged-{n}")));
    let to = names.find(|to| !to.exists()).unwrap_or_else(|| layout.directory.join("documents.damaged"));
    fs::rename(&from, to).map_err(layout.failed("rename", &from))
}

/// Writes all documents into the empty database `engine`, each with a new revision after `meta.last`: what was read
/// before the loss is no ground for a write after it.
pub(crate) fn rewrite(engine: &Engine, meta: &mut Meta, contents: &mut Contents) -> Result<(), Failure> {
    let broken = |error: spiderpool_core::store::StoreError| Failure::Broken(error.to_string());
    let names: Vec<Key> = contents.documents.iter().filter_map(|(bytes, _)| keys::document(bytes)).collect();
    (meta.documents, meta.digest) = (0, 0);
    contents.documents.clear();
    contents.checksums.clear();
    contents.damaged.clear();
    let mut batch = sled::Batch::default();
    for (n, key) in names.iter().enumerate() {
        let Some(found) = contents.table.get(key) else { continue };
        let bytes = keys::encode(key);
        let revision: Revision = meta.last.next();
        match (key, found.document.as_block()) {
            (Key::Block(id), Some(block)) => {
                let delta = delta(key, &bytes, None, block, revision).map_err(broken)?;
                for (place, value) in delta.puts {
                    batch.insert(place, value);
                }
                contents.checksums.insert(id.clone(), delta.checksums);
            }
            _ => {
                let body = encode(key, &found.document).map_err(broken)?;
                batch.insert(&bytes[..], Unsealed::new(&bytes, &body).seal(revision).0);
            }
        }
        meta.last = revision;
        meta.add(&bytes, revision);
        contents.documents.push((bytes, revision));
        contents.table.put(Versioned { token: revision.token(), ..found });
        if n % BATCH == BATCH - 1 {
            batch.insert(META, meta.encode());
            engine.commit(std::mem::take(&mut batch))?;
        }
    }
    batch.insert(META, meta.encode());
    engine.commit(batch)
}
