//! I8: counters equal what the blocks say.

use crate::{
    alloc::Allocator,
    name::Uid,
    simulation::{
        invariants::each,
        ledger::{Ledger, PoolTruth, place},
        world::Shared,
    },
};

/// Every pool, counted address by address.
pub(super) async fn check(world: &Shared, allocator: &Allocator) {
    let pools: Vec<(Uid, PoolTruth)> =
        world.ledger().pools.iter().map(|(uid, pool)| (uid.clone(), pool.clone())).collect();
    for (uid, pool) in pools {
        let key = crate::store::Key::Pool(pool.name.clone());
        let object = world.ledger().documents.get(&key).and_then(|found| found.document.as_pool().cloned());
        let Some(object) = object else { continue };
        let counted = allocator.inspect().pool_counts(&object).await;
        let mut ledger = world.ledger();
        let expected = count(&ledger, &uid, &pool);
        match counted {
            Ok(counts) => {
                let found = [counts.total, counts.held, counts.elsewhere, counts.reserved];
                let sum = counts.held + counts.elsewhere + counts.withheld + counts.reserved + counts.cooling;
                if found != expected || sum + counts.free != counts.total {
                    let what = format!(
                        "pool {} is counted {counts:?}; total, held, elsewhere, reserved are {expected:?}",
                        pool.name
                    );
                    ledger.violated("I8", what);
                }
            }
            Err(error) => ledger.violated("I8", format!("pool {} cannot be counted: {error}", pool.name)),
        }
    }
}

/// Total, held, held through another pool, reserved.
fn count(ledger: &Ledger, uid: &Uid, pool: &PoolTruth) -> [u128; 4] {
    let mut counts = [0; 4];
    let reserved = &ledger.reserved[place(pool.family)];
    for address in each(&pool.parsed.allocatable()) {
        counts[0] += 1;
        match ledger.held.get(&address) {
            Some(record) if record.pool == *uid => counts[1] += 1,
            Some(_) => counts[2] += 1,
            None if pool.terminating || pool.parsed.gateway == Some(address) => {}
            None => counts[3] += u128::from(reserved.contains(address)),
        }
    }
    counts
}
