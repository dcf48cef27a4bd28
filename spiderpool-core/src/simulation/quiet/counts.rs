//! I8: counters equal what the blocks say.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    addr::Address,
    alloc::Allocator,
    model::Block,
    name::Uid,
    simulation::{
        invariants::each,
        ledger::{Ledger, PoolTruth, place},
        world::Shared,
    },
    time::Timestamp,
};

/// Every pool, counted address by address.
pub(super) async fn check(world: &Shared, allocator: &Allocator) {
    let pools: Vec<(Uid, PoolTruth)> =
        world.ledger().pools.iter().map(|(uid, pool)| (uid.clone(), pool.clone())).collect();
    for (uid, pool) in pools {
        let key = crate::store::Key::Pool(pool.name.clone());
        let object = world.ledger().documents.get(&key).and_then(|found| found.document.as_pool().cloned());
        let Some(object) = object else { continue };
        let now = allocator.env().clock.now();
        let counted = allocator.inspect().pool_counts(&object).await;
        let mut ledger = world.ledger();
        let expected = count(&ledger, &uid, &pool, now);
        match counted {
            Ok(counts) => {
                let found = [counts.total, counts.held, counts.elsewhere, counts.reserved, counts.cooling];
                let sum = counts.held + counts.elsewhere + counts.withheld + counts.reserved + counts.cooling;
                if found != expected || sum + counts.free != counts.total {
                    let what = format!(
                        "pool {} is counted {counts:?}; total, held, elsewhere, reserved, cooling are {expected:?}",
                        pool.name
                    );
                    ledger.violated("I8", what);
                }
            }
            Err(error) => ledger.violated("I8", format!("pool {} cannot be counted: {error}", pool.name)),
        }
    }
}

/// Total, held, held through another pool, reserved, cooling.
fn count(ledger: &Ledger, uid: &Uid, pool: &PoolTruth, now: Timestamp) -> [u128; 5] {
    let mut counts = [0; 5];
    let released = released(ledger);
    let reserved = &ledger.reserved[place(pool.family)];
    for address in each(&pool.parsed.allocatable()) {
        counts[0] += 1;
        match ledger.held.get(&address) {
            Some(record) if record.pool == *uid => counts[1] += 1,
            Some(_) => counts[2] += 1,
            None if pool.terminating || pool.parsed.gateway == Some(address) => {}
            None if reserved.contains(address) => counts[3] += 1,
            None => {
                let at = released.get(&address);
                let rests = at.is_some_and(|at| at.after(pool.parsed.cooldown) > now);
                counts[4] += u128::from(rests && pool.cooldown > 0);
            }
        }
    }
    counts
}

/// When addresses that nobody holds were released.
pub(super) fn released(ledger: &Ledger) -> BTreeMap<Address, Timestamp> {
    let blocks = ledger.documents.values().filter_map(|found| found.document.as_block());
    let each = |block: &Arc<Block>| -> Vec<_> {
        (0..block.bits().size())
            .filter_map(|offset| Some((block.address(offset), block.released_at(offset)?)))
            .collect()
    };
    blocks.flat_map(each).collect()
}
