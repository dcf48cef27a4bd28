//! Requests that come along while a block's write is under way (rule 10): they share it, and are answered by what is
//! true since they came.

use std::sync::Arc;

use spiderpool_core::{
    addr::{Family, IpSet},
    model::{Block, BlockBits, BlockId, Epoch, Plan},
    mutation::Mutation,
    protocol::{
        Action, Belief, Commit, Fence, Grant, Input, Intent, Logging, Machine, Op, Outcome, PoolRef, Release,
        ReleaseMode, Reply, Step,
    },
    store::{Document, Key},
    time::{Moment, Timestamp},
};

use super::{
    derived::holds,
    store::ModelStore,
    world::things::{address, ask, container, pool_object, pool_ref, scope},
};

fn bits() -> BlockBits {
    BlockBits::new(1).unwrap()
}

fn block() -> BlockId {
    BlockId::of(&scope(), bits(), address(0))
}

fn intent(action: Action) -> Intent {
    Intent { action, deadline: Moment::NEVER }
}

/// What pod `z` asks of the pool.
fn grant(pool: &Arc<PoolRef>) -> Grant {
    let ask = ask("z", "c9", pool);
    let record = Arc::new(ask.record(0, "n1"));
    Grant { key: ask.key(0), record, pool: pool.clone(), wanted: None, claim: None }
}

fn plan_of(pool: &PoolRef) -> Plan {
    let mut plan = Plan::empty(pool.plan(), Some(pool.name.clone()), pool.family, 1);
    plan.set_usable(pool.usable.as_ref().clone());
    plan
}

/// A pool with addresses 0 and 1, its plans, and its block, empty.
fn scene() -> (Arc<PoolRef>, ModelStore) {
    let pool = pool_ref(&pool_object("p", "pool-1", &[0, 1]));
    let mut store = ModelStore::default();
    store.put(&Key::Plan(pool.plan()), Arc::new(plan_of(&pool)).into());
    let mut unreserved = Plan::empty(pool.reservations(), None, Family::V4, 2);
    unreserved.set_usable(IpSet::everything(Family::V4));
    store.put(&Key::Plan(pool.reservations()), Arc::new(unreserved).into());
    store.put(&Key::Block(block()), Block::empty(block(), bits()).into());
    (pool, store)
}

/// Runs a block's write for `first`. When it has read the block and its plans, `meanwhile` happens and then `late` comes.
/// What becomes of `late`.
fn joined(
    first: Action,
    late: Action,
    store: &mut ModelStore,
    meanwhile: impl FnOnce(&mut ModelStore),
) -> Outcome {
    let mut commit = Commit::new(block(), bits(), Logging::Off, vec![intent(first)], Belief::Nothing);
    let mut coming = Some((late, meanwhile));
    let mut reply = Reply::Start;
    loop {
        let input = Input { now: Timestamp::from_millis(0), moment: Moment::from_millis(0), reply };
        match commit.step(input) {
            Step::Done(done) => return done.outcomes()[1].clone(),
            Step::Do(Op::GetBoth(keys)) => {
                reply = Reply::GotBoth(keys.each_ref().map(|key| store.get(key)));
                if let Some((late, meanwhile)) = coming.take() {
                    meanwhile(store);
                    assert!(commit.takes_more());
                    commit.join([intent(late)]);
                }
            }
            Step::Do(op) => reply = store.perform(&op).unwrap(),
        }
    }
}

#[test]
fn rule_10_who_joins_is_not_told_what_was_read_before() {
    let law = || {
        let (pool, mut store) = scene();
        let other = ask("a", "c0", &pool);
        let fence = Fence::Container(container("c0"));
        let late = Action::Release(Release { key: other.key(0), fence, mode: ReleaseMode::Del });
        let outcome = joined(Action::Probe(grant(&pool)), late, &mut store, |store| {
            let mut granted = Block::empty(block(), bits());
            granted.put(0, Arc::new(other.record(0, "n2")));
            store.put(&Key::Block(block()), granted.into());
        });
        match outcome {
            Outcome::Released(_) => Ok(()),
            other => Err(format!("what is held is not released, but {other:?} is answered (rule 10)")),
        }
    };
    holds(law, Mutation::JoinedToOldRead);
}

#[test]
fn rule_10_an_edit_that_joins_installs_the_plan_as_it_is_by_now() {
    let law = || {
        let (pool, mut store) = scene();
        let late = Action::Install(vec![pool.plan()]);
        let narrower = plan_of(&pool_ref(&pool_object("p", "pool-1", &[1])));
        joined(Action::Grant(grant(&pool)), late, &mut store, |store| {
            let narrower = Plan { epoch: Epoch { birth: 1, n: 99 }, ..narrower };
            store.put(&Key::Plan(pool.plan()), Arc::new(narrower).into());
        });
        let Some(Document::Block(block)) = store.get(&Key::Block(block())).map(|found| found.document) else {
            return Err("no block".into());
        };
        match block.copy(&pool.plan()) {
            Some(copy) if copy.usable == 0b10 => Ok(()),
            other => {
                Err(format!("an edit is over, and the block offers what it took away: {other:?} (rule 5a)"))
            }
        }
    };
    holds(law, Mutation::JoinedToOldTruths);
}
