//! Larger worlds of plans: 2 agents, 2 webhook replicas, a controller, 2 blocks of 2 addresses, overlapping pools,
//! reservations, a pool that is deleted and made again under its name, with crashes, lost replies and deleted blocks.

use std::sync::Arc;

use spiderpool_core::protocol::{PoolRef, Role, Subject};

use super::{
    case::Case,
    world::{
        Faults, Task, World,
        things::{ask, pool_object, pool_ref, reservation},
    },
};

fn reference(name: &str, uid: &str, numbers: &[u8]) -> Arc<PoolRef> {
    pool_ref(&pool_object(name, uid, numbers))
}

fn add(pod: &str, pool: &Arc<PoolRef>) -> Task {
    Task::from(ask(pod, &format!("c{pod}"), pool))
}

fn add_from(pod: &str, pool: &Arc<PoolRef>, start: usize) -> Task {
    Task::from(ask(pod, &format!("c{pod}"), pool).starting(start))
}

fn del(pod: &str) -> Task {
    Task::Del { uid: format!("uid-{pod}"), container: format!("c{pod}") }
}

fn edit(name: &str, uid: &str, numbers: &[u8]) -> Task {
    Task::Edit(Box::new(pool_object(name, uid, numbers)))
}

fn p(numbers: &[u8]) -> Task {
    edit("p", "pool-1", numbers)
}

/// The pool of 4 addresses in 2 blocks; each block exists, and has the pool's copy.
fn two_blocks() -> (World, Arc<PoolRef>) {
    let pool = reference("p", "pool-1", &[0, 1, 2, 3]);
    let warm = vec![add_from("x", &pool, 0), add_from("y", &pool, 1), del("x"), del("y")];
    (World::new(&[pool_object("p", "pool-1", &[0, 1, 2, 3])], 1).actor("n0", warm).settled(), pool)
}

/// The pool of 2 addresses, each in its block; both exist, with copies.
fn two_addresses() -> (World, Arc<PoolRef>) {
    let pool = reference("p", "pool-1", &[0, 1]);
    let warm = vec![add("x", &pool), add("y", &pool), del("x"), del("y")];
    (World::new(&[pool_object("p", "pool-1", &[0, 1])], 0).actor("n0", warm).settled(), pool)
}

#[test]
fn two_agents_two_replicas_two_blocks_of_two() {
    let (world, pool) = two_blocks();
    let world = world.actor("n1", vec![add_from("a", &pool, 0)]).actor("n2", vec![add_from("b", &pool, 1)]);
    let world = world.actor("w0", vec![p(&[0, 1])]).actor("w1", vec![p(&[0, 2])]);
    Case::new("H1-H9", "2 agents, 2 narrowings, 2 blocks of 2", world).survives();
}

#[test]
#[ignore = "five million states: minutes, and more than a gigabyte of memory"]
fn two_agents_two_replicas_and_a_crash() {
    let (world, pool) = two_addresses();
    let world = world.actor("n1", vec![add("a", &pool)]).actor("n2", vec![add("b", &pool)]);
    let world = world.actor("w0", vec![p(&[0])]).actor("w1", vec![p(&[1])]);
    Case::new("H1-H9", "2 agents, 2 narrowings, crash", world.with(Faults { crash: 1, ..Faults::default() }))
        .deep()
        .survives();
}

#[test]
fn two_agents_a_narrowing_a_deleted_block_a_crash_and_a_lost_reply() {
    let (world, pool) = two_addresses();
    let world = world.actor("n1", vec![add("a", &pool)]).actor("n2", vec![add("b", &pool)]);
    let world = world.actor("w0", vec![p(&[1])]).actor("controller", vec![Task::DropEmptyBlock(0)]);
    Case::new("H6", "2 agents, narrowing, a deleted block, crash, lost reply", {
        world.with(Faults { crash: 1, lost: 1, ..Faults::default() })
    })
    .survives();
}

#[test]
fn overlapping_pools_both_edited() {
    let (one, two) = (reference("p", "pool-1", &[0, 1]), reference("q", "pool-2", &[0, 1]));
    let world = World::new(&[pool_object("p", "pool-1", &[0, 1]), pool_object("q", "pool-2", &[0, 1])], 0);
    let world = world.actor("n1", vec![add("a", &one)]).actor("n2", vec![add("b", &two)]);
    let world = world.actor("w0", vec![p(&[1])]).actor("w1", vec![edit("q", "pool-2", &[0])]);
    Case::new("H1-H9", "2 agents, 2 overlapping pools, a narrowing of each", world).survives();
}

#[test]
fn a_pool_and_a_reservation_edited_with_a_crash() {
    let (world, pool) = two_addresses();
    let reserve = Task::Reserve(Box::new(reservation("r", &[0])));
    let world = world.actor("n1", vec![add("a", &pool)]).actor("n2", vec![add("b", &pool)]);
    let world = world.actor("w0", vec![p(&[0])]).actor("w1", vec![reserve]);
    Case::new("H7", "2 agents, narrowing, reservation, crash", {
        world.with(Faults { crash: 1, ..Faults::default() })
    })
    .survives();
}

#[test]
fn a_reservation_changed_while_the_controller_settles() {
    let (world, pool) = two_addresses();
    let set = |numbers: &[u8]| Task::Reserve(Box::new(reservation("r", numbers)));
    let world = world.actor("w", vec![set(&[0])]).settled();
    let settle = Task::Settle(Subject::pool(&pool), Role::Controller);
    let world = world.actor("n1", vec![add("a", &pool)]).actor("n2", vec![add("b", &pool)]);
    let world = world.actor("w0", vec![set(&[1])]).actor("controller", vec![settle]);
    Case::new("H7", "2 agents, reservation moved, controller", world).survives();
}

#[test]
fn deleted_and_made_again_with_two_agents() {
    let (world, pool) = two_addresses();
    let again = Task::Create(Box::new(pool_object("p", "pool-2", &[0])));
    let next = reference("p", "pool-2", &[0]);
    let world = world.actor("n1", vec![add("a", &pool), del("a")]).actor("n2", vec![add("b", &next)]);
    let world = world.actor("w0", vec![Task::Delete("p".parse().unwrap()), again]);
    Case::new("H8", "2 agents, pool deleted and made again, a block deleted", {
        world.clone().actor("controller", vec![Task::DropEmptyBlock(0)])
    })
    .survives();
}

#[test]
fn three_edits() {
    let (world, pool) = two_addresses();
    let world = world.actor("n1", vec![add("a", &pool)]);
    let world = world.actor("w0", vec![p(&[0]), p(&[0, 1])]).actor("w1", vec![p(&[1])]);
    Case::new("H2-H5", "agent, 3 edits (narrow, put back, narrow)", {
        world.with(Faults { dead: 1, ..Faults::default() })
    })
    .survives();
}

#[test]
fn two_agents_with_caches() {
    let (world, pool) = two_blocks();
    let life = |pod: &str| vec![add_from(pod, &pool, 0), del(pod)];
    let world = world.actor("n1", life("a")).caching().actor("n2", life("b")).caching();
    Case::new("H1-H9", "2 agents with caches, ADD and DEL, narrowing, block of 2", {
        world.actor("w0", vec![p(&[1, 2, 3])])
    })
    .survives();
}

#[test]
fn two_agents_a_replica_and_the_controller() {
    let (world, pool) = two_blocks();
    let world = world.actor("n1", vec![add_from("a", &pool, 0)]).actor("n2", vec![add_from("b", &pool, 1)]);
    let settle = Task::Settle(Subject::pool(&pool), Role::Controller);
    let world = world.actor("w0", vec![p(&[0, 2])]).actor("controller", vec![settle]);
    Case::new("H5", "2 agents, narrowing, controller, 2 blocks of 2", world).survives();
}

#[test]
fn an_agent_two_replicas_and_the_controller() {
    let (world, pool) = two_blocks();
    let settle = Task::Settle(Subject::pool(&pool), Role::Controller);
    let world = world.actor("n1", vec![add_from("a", &pool, 0)]).actor("controller", vec![settle]);
    let world = world.actor("w0", vec![p(&[0, 1])]).actor("w1", vec![p(&[0, 2])]);
    Case::new("H2-H5", "agent, 2 narrowings, controller, 2 blocks of 2", world).survives();
}

#[test]
fn overlapping_pools_one_made_again_and_a_reservation() {
    let (one, two) = (reference("p", "pool-1", &[0, 1]), reference("q", "pool-2", &[1]));
    let world = World::new(&[pool_object("p", "pool-1", &[0, 1]), pool_object("q", "pool-2", &[1])], 0);
    let world = world.actor("n2", vec![add("b", &two)]).run_out().then(vec![del("b")]);
    let again = Task::Create(Box::new(pool_object("p", "pool-3", &[1])));
    let world = world.actor("n1", vec![add_from("a", &one, 1)]);
    let world = world.actor("w0", vec![Task::Delete("p".parse().unwrap()), again]);
    let reserve = Task::Reserve(Box::new(reservation("r", &[1])));
    Case::new("H7, H8", "2 agents, 2 overlapping pools, one made again, a reservation", {
        world.actor("w1", vec![reserve])
    })
    .survives();
}
