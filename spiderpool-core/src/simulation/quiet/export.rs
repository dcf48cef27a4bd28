//! I12: export → import → export is the identity.

use std::sync::Arc;

use super::counts::released;
use crate::{
    alloc::Allocator,
    simulation::world::Shared,
    store::{MemoryStore, Store},
    transfer::{Export, ImportOptions, TransferError},
};

/// Out of this store, into an empty one, out of that.
pub(super) async fn check(world: &Shared, allocator: &Allocator) {
    let outcome = around(allocator).await;
    let mut ledger = world.ledger();
    if let Ok((first, _)) = &outcome {
        let exported = first.scopes.iter().map(|scope| (scope.held.len(), scope.released.len()));
        let exported = exported.fold((0, 0), |all, (held, released)| (all.0 + held, all.1 + released));
        let expected = (ledger.held.len(), released(&ledger).len());
        if exported != expected {
            let what =
                format!("an export has {exported:?} held and released addresses instead of {expected:?}");
            ledger.violated("I12", what);
        }
    }
    match outcome {
        Ok((first, second)) if first == second => {}
        Ok((first, second)) => {
            let differs = first.objects.iter().zip(&second.objects).find(|(a, b)| a != b);
            ledger.violated("I12", format!("an export differs once it was imported: {differs:?}"));
        }
        Err(error) => ledger.violated("I12", format!("it cannot be exported and imported: {error}")),
    }
}

async fn around(allocator: &Allocator) -> Result<(Export, Export), TransferError> {
    let first = allocator.export().await?;
    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    first.import(target.clone(), allocator.env(), ImportOptions::default()).await?;
    let second = crate::transfer::export(target.as_ref()).await?;
    Ok((first, second))
}
