//! Into a store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    EXPORT_VERSION, Export, ScopeExport, TransferError,
    uids::{drawn_uids, rename_pools},
};
use crate::{
    addr::Address,
    admin::{Mode, Tended},
    alloc::{Allocator, AllocatorConfig},
    env::Env,
    model::{Attachment, Binding, Block, BlockBits, BlockId, FORMAT, Scope},
    name::NodeName,
    store::{Document, Key, Kind, Selector, Store},
};

/// How to import.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ImportOptions {
    /// The size of blocks; none: that of the target's scope if it is there already, else that of the export.
    pub block_bits: Option<BlockBits>,
    /// Whether to write.
    pub mode: Mode,
}

/// What was imported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// Objects of all kinds.
    pub objects: usize,
    /// Addresses that are held.
    pub held: usize,
    /// Addresses with the time of their release.
    pub released: usize,
    /// Blocks that were made for them.
    pub blocks: usize,
}

impl Export {
    /// Imports everything into `store`, which must be empty, but for scopes without blocks that opening it has made.
    ///
    /// Where objects get their uids from the store, records are told the new uids of their pools; objects of
    /// [`Kind::Resource`] are left out where another system has its own.
    ///
    /// Everything is checked before anything is written. Held addresses and reservations are written before pools, so
    /// that nobody who opens the store too early is granted one of them. Agents' intent logs rest on the tokens of the
    /// old store: remove them before agents are started on the new one.
    ///
    /// # Errors
    /// See [`TransferError`]. After [`TransferError::Store`] the target may hold a part of the export.
    pub async fn import(
        &self,
        store: Arc<dyn Store>,
        env: &Env,
        options: ImportOptions,
    ) -> Result<Imported, TransferError> {
        if self.version > EXPORT_VERSION {
            return Err(TransferError::NewerVersion { found: self.version, supported: EXPORT_VERSION });
        }
        let made = check_empty(store.as_ref()).await?;
        let mut writes: Vec<(Key, Document)> = Vec::new();
        let mut imported = Imported::default();
        let mut names = BTreeSet::new();
        for exported in &self.scopes {
            let key = Key::Scope(exported.scope.name.clone());
            if !names.insert(&exported.scope.name) {
                return Err(malformed(&key, "it is there twice"));
            }
            let found = made.iter().find(|scope| scope.name == exported.scope.name);
            let bits = choose_bits(&key, exported, found, options.block_bits)?;
            if found.is_none() {
                let scope = Scope { block_bits: bits, format: FORMAT, name: exported.scope.name.clone() };
                writes.push((key, scope.into()));
            }
            let blocks = cut(exported, bits)?;
            imported.blocks += blocks.len();
            imported.held += exported.held.len();
            imported.released += exported.released.len();
            writes.extend(blocks.into_iter().map(|(id, block)| (Key::Block(id), block.into())));
        }
        let capabilities = store.capabilities();
        let mut objects = self.objects_to_write()?;
        // Pods and nodes of another system are what they are there.
        objects.retain(|(key, _)| capabilities.own_resources || key.kind() != Kind::Resource);
        imported.objects = objects.len();
        writes.extend(objects);
        if options.mode == Mode::DryRun {
            return Ok(imported);
        }
        for (key, document) in writes {
            store.create(&key, document).await?;
        }
        if capabilities.draws_uids {
            let drawn = drawn_uids(store.as_ref(), &self.objects).await?;
            rename_pools(store.as_ref(), &drawn).await?;
        }
        for exported in &self.scopes {
            let node = NodeName::new("import")
                .map_err(|error| malformed(&Key::Scope(exported.scope.name.clone()), &error.to_string()))?;
            let mut config = AllocatorConfig::new(node);
            config.scope = exported.scope.name.clone();
            let allocator = Allocator::open(store.clone(), env.clone(), config).await?;
            allocator.settle_plans(&mut Tended::default()).await.map_err(TransferError::Plans)?;
        }
        Ok(imported)
    }

    /// The objects, pools after everything that says what they may not grant.
    fn objects_to_write(&self) -> Result<Vec<(Key, Document)>, TransferError> {
        let mut keys = BTreeSet::new();
        for object in &self.objects {
            let kind = object.key.kind();
            if kind != object.document.kind() {
                return Err(malformed(&object.key, "another kind of object stands in its place"));
            }
            if matches!(kind, Kind::Scope | Kind::Plan | Kind::Block) {
                return Err(malformed(&object.key, "it is no object"));
            }
            if !keys.insert(&object.key) {
                return Err(malformed(&object.key, "it is there twice"));
            }
        }
        let is_pool = |object: &&super::ObjectExport| matches!(object.key.kind(), Kind::Pool);
        let others = self.objects.iter().filter(|object| !is_pool(object));
        let all = others.chain(self.objects.iter().filter(is_pool));
        Ok(all.map(|object| (object.key.clone(), object.document.clone())).collect())
    }
}

fn malformed(key: &Key, message: &str) -> TransferError {
    TransferError::Malformed { what: key.to_string(), message: message.into() }
}

/// The scopes that opening the store has made, if there is nothing else in it.
async fn check_empty(store: &dyn Store) -> Result<Vec<Arc<Scope>>, TransferError> {
    let mut scopes = Vec::new();
    let mut others = Vec::new();
    for kind in store.capabilities().kinds() {
        for item in store.list(&Selector::Kind(kind)).await?.items {
            match item.document {
                Document::Scope(scope) => scopes.push(scope),
                _ => others.push(item.key),
            }
        }
    }
    match others.first() {
        Some(first) => Err(TransferError::NotEmpty { first: first.clone(), count: others.len() }),
        None => Ok(scopes),
    }
}

fn choose_bits(
    key: &Key,
    exported: &ScopeExport,
    found: Option<&Arc<Scope>>,
    asked: Option<BlockBits>,
) -> Result<BlockBits, TransferError> {
    match (found, asked) {
        (Some(found), Some(asked)) if found.block_bits != asked => Err(TransferError::BlockBits {
            scope: key.clone(),
            found: found.block_bits.get(),
            wanted: asked.get(),
        }),
        (Some(found), _) => Ok(found.block_bits),
        (None, asked) => Ok(asked.unwrap_or(exported.scope.block_bits)),
    }
}

/// Cuts a scope's addresses into blocks.
fn cut(exported: &ScopeExport, bits: BlockBits) -> Result<BTreeMap<BlockId, Block>, TransferError> {
    let scope = &exported.scope.name;
    let mut blocks: BTreeMap<BlockId, Block> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut place = |address: Address| match seen.insert(address) {
        true => Ok(BlockId::of(scope, bits, address)),
        false => {
            let (what, message) = (address.to_string(), "it is held or released twice".to_owned());
            Err(TransferError::Malformed { what, message })
        }
    };
    for held in &exported.held {
        let id = place(held.address)?;
        let record = &held.record;
        if record.binding == Binding::Stateless && record.attachment == Attachment::Detached {
            let message = "it is held for a stateless owner without a container".to_owned();
            return Err(TransferError::Malformed { what: held.address.to_string(), message });
        }
        let block = blocks.entry(id).or_insert_with_key(|id| Block::empty(id.clone(), bits));
        if let Some(offset) = block.offset(held.address) {
            block.put(offset, record.clone());
        }
    }
    // In the order of their release, as a block keeps them.
    let mut released = exported.released.clone();
    released.sort_by_key(|released| (released.at, released.address));
    for released in &released {
        let id = place(released.address)?;
        let block = blocks.entry(id).or_insert_with_key(|id| Block::empty(id.clone(), bits));
        if let Some(offset) = block.offset(released.address) {
            block.note_released(offset, released.at);
        }
    }
    Ok(blocks)
}
