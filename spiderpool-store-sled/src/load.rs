//! Reads a whole database, and finds what is wrong with it.

use std::{collections::HashMap, sync::Arc};

use spiderpool_core::{
    model::{Block, BlockId, Record},
    store::{
        Document, Key, StoreError, Versioned, decode,
        local::{Revision, Table},
    },
};

use crate::{
    block::{Checksums, decode_list},
    keys::{self, Place},
    value,
};

/// Everything that stands in a database.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) table: Table,
    /// Of every block with records.
    pub(crate) checksums: HashMap<BlockId, Checksums>,
    /// The documents by the bytes of their keys, as they are counted in the database's own sum.
    pub(crate) documents: Vec<(Vec<u8>, Revision)>,
    /// What cannot be read: its key in the database, and why.
    pub(crate) damaged: Vec<(Vec<u8>, String)>,
    /// A document of a newer version, with its format.
    pub(crate) newer: Option<(Key, u32)>,
    open: Option<Open>,
}

/// The block whose records come next.
#[derive(Debug)]
struct Open {
    key: Vec<u8>,
    id: BlockId,
    revision: Revision,
    block: Block,
    checksums: Checksums,
    /// How many of them were found.
    found: usize,
}

impl Contents {
    /// Takes the next entry, in the order of keys.
    pub(crate) fn take(&mut self, key: &[u8], bytes: &[u8]) {
        let place = keys::decode(key);
        match place {
            Some(Place::Meta) => return,
            Some(Place::Record(id, offset)) => return self.take_record(key, bytes, &id, offset),
            _ => self.close_block(),
        }
        let Some(Place::Document(name)) = place else { return self.damage(key, "its key is none of ours") };
        let Some(opened) = value::open(key, bytes) else { return self.damage(key, "its checksum is wrong") };
        let (list, body) = match &name {
            Key::Block(_) => match decode_list(opened.body) {
                Some(parts) => parts,
                None => return self.damage(key, "its list of records is cut off"),
            },
            _ => (Checksums::new(), opened.body),
        };
        match (decode(&name, body), name) {
            (Ok(Document::Block(block)), Key::Block(id)) => {
                let (key, revision, block) = (key.to_vec(), opened.revision, Arc::unwrap_or_clone(block));
                self.open = Some(Open { key, id, revision, block, checksums: list, found: 0 });
            }
            (Ok(document), name) => self.document(key.to_vec(), opened.revision, name, document),
            (Err(StoreError::NewerFormat { found, .. }), name) => self.newer = Some((name, found)),
            (Err(error), _) => self.damage(key, &error.to_string()),
        }
    }

    /// Ends the reading.
    pub(crate) fn end(&mut self) {
        self.close_block();
    }

    fn document(&mut self, key: Vec<u8>, revision: Revision, name: Key, document: Document) {
        self.table.put(Versioned { key: name, token: revision.token(), document });
        self.documents.push((key, revision));
    }

    fn take_record(&mut self, key: &[u8], bytes: &[u8], id: &BlockId, offset: u8) {
        let Some(open) = self.open.as_mut().filter(|open| open.id == *id) else {
            return self.damage(key, "its block is missing");
        };
        let Some(opened) = value::open(key, bytes) else { return self.damage(key, "its checksum is wrong") };
        let Ok(record) = serde_json::from_slice::<Record>(opened.body) else {
            return self.damage(key, "it is no record");
        };
        if offset >= open.block.bits().size() {
            return self.damage(key, "it lies outside its block");
        }
        open.block.put(offset, Arc::new(record));
        let listed = open.checksums.contains(&(offset, opened.checksum));
        open.found += usize::from(listed);
        if !listed {
            self.damage(key, "its block knows another record of this address");
        }
    }

    fn close_block(&mut self) {
        let Some(open) = self.open.take() else { return };
        let Open { key, id, revision, block, checksums, found } = open;
        if found < checksums.len() {
            self.damage(
                &key,
                &format!("{} of its {} records are missing", checksums.len() - found, checksums.len()),
            );
        }
        if !checksums.is_empty() {
            self.checksums.insert(id.clone(), checksums);
        }
        self.document(key, revision, Key::Block(id), block.into());
    }

    fn damage(&mut self, key: &[u8], why: &str) {
        let name = match keys::decode(key) {
            Some(Place::Document(key)) => key.to_string(),
            Some(Place::Record(id, offset)) => format!("record {offset} of {id}"),
            _ => format!("entry {:?}", String::from_utf8_lossy(key)),
        };
        self.damaged.push((key.to_vec(), format!("{name}: {why}")));
    }
}
