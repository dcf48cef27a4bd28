//! Out of a store.

use std::{collections::BTreeMap, sync::Arc};

use super::{EXPORT_VERSION, Export, HeldExport, ObjectExport, ReleasedExport, ScopeExport, TransferError};
use crate::{
    admin::{AdminError, Tended},
    alloc::Allocator,
    model::{Block, Scope, Subnet},
    mutation::Mutation,
    name::ScopeName,
    store::{Document, Key, Selector, Store, StoreError, Token, Versioned},
};

/// How often everything is read again because somebody wrote meanwhile.
const TRIES: usize = 5;

impl Allocator {
    /// Exports everything, after settling what is in flight.
    ///
    /// # Errors
    /// See [`TransferError`]; [`TransferError::InFlight`] for an edit that is not done and not old enough to be fenced.
    pub async fn export(&self) -> Result<Export, TransferError> {
        let settled = match self.settle_plans(&mut Tended::default()).await {
            Ok(()) => self.reconcile_subnets().await.map(drop),
            Err(error) => Err(error),
        };
        // Whatever else hindered it shows below as an edit in flight, or does not concern the export.
        if let Err(AdminError::Store(error)) = settled {
            return Err(error.into());
        }
        export(self.store().as_ref()).await
    }
}

/// Exports everything in `store`. Writes nothing, so it is refused while any edit is in flight;
/// [`Allocator::export`] settles first.
///
/// Everything is read twice, and taken only if nothing changed in between: then it is the store at one instant.
///
/// # Errors
/// See [`TransferError`].
pub async fn export(store: &dyn Store) -> Result<Export, TransferError> {
    let mut first = read(store).await?;
    for _ in 0..TRIES {
        let second = read(store).await?;
        match changed(&first, &second) {
            None => return put_together(second),
            Some(_) => first = second,
        }
    }
    let last = read(store).await?;
    match changed(&first, &last) {
        None => put_together(last),
        Some(key) => Err(TransferError::Changing { key }),
    }
}

async fn read(store: &dyn Store) -> Result<Vec<Versioned>, StoreError> {
    let mut all = Vec::new();
    for kind in store.capabilities().kinds() {
        all.extend(store.list(&Selector::Kind(kind)).await?.items);
    }
    Ok(all)
}

/// A document that differs.
fn changed(before: &[Versioned], after: &[Versioned]) -> Option<Key> {
    let tokens = |items: &[Versioned]| -> BTreeMap<Key, Token> {
        items.iter().map(|item| (item.key.clone(), item.token.clone())).collect()
    };
    let (before, after) = (tokens(before), tokens(after));
    let keys = before.keys().chain(after.keys());
    keys.into_iter().find(|key| before.get(key) != after.get(key)).cloned()
}

fn put_together(items: Vec<Versioned>) -> Result<Export, TransferError> {
    let mut scopes: BTreeMap<ScopeName, (Arc<Scope>, Vec<Arc<Block>>)> = BTreeMap::new();
    let mut objects = Vec::new();
    // Kinds come in the order of their keys, scopes before blocks.
    for Versioned { key, document, .. } in items {
        match document {
            Document::Scope(scope) => drop(scopes.insert(scope.name.clone(), (scope, Vec::new()))),
            Document::Block(block) => match scopes.get_mut(&block.id().scope) {
                Some((scope, blocks)) if scope.block_bits == block.bits() => blocks.push(block),
                Some(_) => return Err(stray(&key, "it has another size than its scope says")),
                None => return Err(stray(&key, "its scope has no document")),
            },
            Document::Plan(plan) => {
                if let Some(edit) = plan.pending.first() {
                    let what = format!("since {}", edit.since);
                    return Err(TransferError::InFlight { object: edit.object.clone(), what });
                }
            }
            document => {
                if let Document::Subnet(subnet) = &document {
                    check_claims(&key, subnet)?;
                }
                objects.push(ObjectExport { key, document });
            }
        }
    }
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    let scopes = scopes.into_values().map(|(scope, blocks)| scope_export(&scope, &blocks)).collect();
    Ok(Export { version: EXPORT_VERSION, scopes, objects })
}

fn stray(key: &Key, message: &str) -> TransferError {
    let message = format!("{message}; `fsck` says what to do");
    TransferError::Malformed { what: key.to_string(), message }
}

/// A claim in flight rests on a pool's token, too.
fn check_claims(key: &Key, subnet: &crate::api::SpiderSubnet) -> Result<(), TransferError> {
    // A record that cannot be read is exported as it stands.
    let Ok(subnet) = Subnet::try_from(subnet) else { return Ok(()) };
    for (pool, entry) in &subnet.controlled {
        if let Some(claiming) = entry.pending.first() {
            let what = format!("pool {pool} is claiming {} since {}", claiming.ips, claiming.since);
            return Err(TransferError::InFlight { object: key.clone(), what });
        }
    }
    Ok(())
}

fn scope_export(scope: &Scope, blocks: &[Arc<Block>]) -> ScopeExport {
    let mut held = Vec::new();
    let mut released = Vec::new();
    for block in blocks {
        for offset in 0..block.bits().size() {
            let address = block.address(offset);
            if let Some(record) = block.record(offset) {
                held.push(HeldExport { address, record: record.clone() });
            } else if let Some(at) = block.released_at(offset)
                && !Mutation::ExportForgetsReleases.active()
            {
                released.push(ReleasedExport { address, at });
            }
        }
    }
    held.sort_by_key(|held| held.address);
    released.sort_by_key(|released| released.address);
    ScopeExport { scope: scope.clone(), held, released }
}
