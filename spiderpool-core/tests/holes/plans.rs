//! H1 to H10 and H13: plans, edits, reservations, exhaustion.

use spiderpool_core::{
    addr::Family,
    protocol::{Role, Subject},
    time::Timestamp,
};

use super::{
    explore::explore,
    world::{Faults, Task, World, ask, pool_object, pool_ref, reservation, scope},
};

fn edit(numbers: &[u8]) -> Task {
    Task::Edit(Box::new(pool_object("p", "pool-1", numbers)))
}

/// Blocks that exist and are empty, with copies of the plans.
fn used(world: World) -> World {
    let pool = pool_ref(&pool_object("p", "pool-1", &[0, 1]));
    let add = |pod: &str| Task::Add(ask(pod, &format!("c{pod}"), &pool));
    let del = |pod: &str| Task::Del { uid: format!("uid-{pod}"), container: format!("c{pod}") };
    world.actor("n0", vec![add("x"), add("y"), del("x"), del("y")]).settled()
}

fn fine(_: &World) -> Result<(), String> {
    Ok(())
}

/// A world of one pool with addresses 0 and 1, each in its own block.
fn world(numbers: &[u8]) -> (World, Task, Task) {
    let pool = pool_object("p", "pool-1", numbers);
    let pool_ref = pool_ref(&pool_object("p", "pool-1", &[0, 1]));
    let add = Task::Add(ask("a", "ca", &pool_ref));
    let other = Task::Add(ask("b", "cb", &pool_ref));
    (World::new(&[pool], 0), add, other)
}

#[test]
fn h1_a_new_block_takes_its_copy_from_the_plan() {
    let (world, add, other) = world(&[0, 1]);
    let faults = Faults { lost: 1, dead: 1, ..Faults::default() };
    let states =
        explore(world.with(faults).actor("n1", vec![add, other]).actor("w0", vec![edit(&[0])]), fine);
    assert!(states > 1_000, "{states}");
}

#[test]
fn h2_h3_two_edits_at_once() {
    let (world, add, _) = world(&[0, 1]);
    let world = used(world).actor("n1", vec![add]);
    let world = world.actor("w0", vec![edit(&[0])]).actor("w1", vec![edit(&[1])]);
    explore(world, |end| {
        let persisted =
            end.actors.iter().flat_map(|actor| &actor.answers).filter(|a| a.ends_with("persisted"));
        (persisted.count() <= 2).then_some(()).ok_or("an edit persisted twice".into())
    });
}

#[test]
fn h4_nothing_is_widened_before_it_is_persisted() {
    let (world, add, other) = world(&[0]);
    let faults = Faults { dead: 1, crash: 1, ..Faults::default() };
    explore(world.with(faults).actor("n1", vec![add, other]).actor("w0", vec![edit(&[0, 1])]), fine);
}

#[test]
fn h5_settling_fences_an_edit_before_it_calls_it_dead() {
    let (world, add, _) = world(&[0, 1]);
    let pool = pool_ref(&pool_object("p", "pool-1", &[0, 1]));
    let settle = |role| Task::Settle(Subject::pool(&pool), role, Timestamp::from_millis(3_600_000));
    let world = world.actor("n1", vec![add]).actor("w0", vec![edit(&[0])]);
    explore(world.clone().actor("controller", vec![settle(Role::Controller)]), fine);
    explore(world.actor("n2", vec![settle(Role::Agent)]), fine);
}

#[test]
fn h6_an_empty_block_that_is_deleted_takes_nothing_along() {
    let (world, add, _) = world(&[0, 1]);
    let world = world.actor("n1", vec![add]).actor("w0", vec![edit(&[1])]);
    explore(world.actor("controller", vec![Task::DropEmptyBlock(0), Task::DropEmptyBlock(0)]), fine);
}

#[test]
fn h7_reservations_have_a_plan_of_their_own() {
    let (world, add, other) = world(&[0, 1]);
    let reserve = Task::Reserve(Box::new(reservation("r", &[0])));
    explore(world.clone().actor("n1", vec![add.clone(), other]).actor("w0", vec![reserve.clone()]), fine);
    let world = used(world).actor("n1", vec![add]).actor("w0", vec![reserve]);
    explore(world.actor("w1", vec![edit(&[0])]), fine);
}

#[test]
fn h8_a_pool_of_the_same_name_inherits_nothing() {
    let (world, add, _) = world(&[0, 1]);
    let name = "p".parse().unwrap();
    let again = Task::Create(Box::new(pool_object("p", "pool-2", &[0])));
    explore(world.actor("n1", vec![add]).actor("w0", vec![Task::Delete(name), again]), fine);
}

#[test]
fn h9_an_edit_that_died_costs_only_its_own_addresses() {
    let (world, add, _) = world(&[0, 1]);
    let faults = Faults { crash: 1, ..Faults::default() };
    // The pod comes after whatever became of the edit: address 0 was never touched by it.
    let world = world.with(faults).actor("w0", vec![edit(&[0])]);
    explore(world, |end| {
        let mut later = end.clone().with(Faults::default()).actor("n1", vec![add.clone()]);
        while !later.idle() {
            later = later.successors().remove(0);
        }
        let answer = later.actors.last().unwrap().answers.first().cloned().unwrap_or_default();
        answer.starts_with("ca: 10.0.0").then_some(()).ok_or(format!("the pod waits: {answer}"))
    });
}

#[test]
fn h10_exhausted_is_proven_at_one_instant() {
    // Pod a leaves block 0 while pod b takes block 1: at no instant of c's request was the pool full, unless both
    // are there. The world asserts it at every "exhausted".
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let add = |pod: &str| Task::Add(ask(pod, &format!("c{pod}"), &reference));
    let del = |pod: &str| Task::Del { uid: format!("uid-{pod}"), container: format!("c{pod}") };
    let world = World::new(&[pool], 0).actor("n1", vec![add("a"), del("a"), add("b")]);
    explore(world.actor("n2", vec![add("c")]), fine);
}

#[test]
fn h10_exhausted_while_the_pool_is_widened() {
    let (world, add, other) = world(&[0]);
    explore(world.actor("n1", vec![add, other]).actor("w0", vec![edit(&[0, 1])]), fine);
}

#[test]
fn h13_a_copy_is_written_only_with_a_grant() {
    let (world, add, _) = world(&[0, 1]);
    let world = world.actor("n1", vec![add]).actor("w0", vec![Task::Delete("p".parse().unwrap())]);
    explore(world, |end| {
        let stray = end.blocks().into_iter().find(|block| {
            block.copies().iter().any(|copy| {
                copy.usable != 0
                    && matches!(copy.plan, spiderpool_core::model::PlanId::Pool(_))
                    && block.held() == 0
                    && end.persisted(&"pool-1".parse().unwrap()).is_none()
            })
        });
        stray.map_or(Ok(()), |block| Err(format!("a dead pool's copy was left behind in {}", block.id())))
    });
}

#[test]
fn two_agents_and_an_edit_with_everything_going_wrong() {
    let (world, add, other) = world(&[0, 1]);
    let lost = Faults { lost: 1, dead: 1, ..Faults::default() };
    let late = Faults { late: 1, ..Faults::default() };
    let crash = Faults { crash: 1, ..Faults::default() };
    for faults in [lost, late, crash] {
        let world =
            world.clone().with(faults).actor("n1", vec![add.clone()]).actor("n2", vec![other.clone()]);
        explore(world.actor("w0", vec![edit(&[0])]), fine);
    }
}

#[test]
fn reservations_plan_of_another_family_is_another() {
    let v4 = Subject::reservations(&scope(), Family::V4);
    assert_ne!(v4, Subject::reservations(&scope(), Family::V6));
}
