//! H1 to H10 and H13: plans, edits, reservations, exhaustion.

use std::sync::Arc;

use spiderpool_core::{
    addr::Family,
    api::SpiderIPPool,
    mutation::Mutation,
    protocol::{PoolRef, Role, Subject},
};

use super::{
    case::Case,
    sight,
    world::{
        Faults, Task, World,
        things::{ask, pool_object, pool_ref, reservation, scope},
    },
};

/// The pool of most worlds: addresses 0 and 1.
fn pool(numbers: &[u8]) -> SpiderIPPool {
    pool_object("p", "pool-1", numbers)
}

fn both() -> Arc<PoolRef> {
    pool_ref(&pool(&[0, 1]))
}

fn edit(numbers: &[u8]) -> Task {
    Task::Edit(Box::new(pool(numbers)))
}

fn delete() -> Task {
    Task::Delete("p".parse().unwrap())
}

fn add(pod: &str) -> Task {
    Task::from(ask(pod, &format!("c{pod}"), &both()))
}

fn del(pod: &str) -> Task {
    Task::Del { uid: format!("uid-{pod}"), container: format!("c{pod}") }
}

/// The pool with these addresses, each in its own block.
fn world(numbers: &[u8]) -> World {
    World::new(&[pool(numbers)], 0)
}

/// The same with blocks that exist and are empty, with copies of the plans.
fn used(numbers: &[u8]) -> World {
    world(numbers).actor("n0", vec![add("x"), add("y"), del("x"), del("y")]).settled()
}

fn settle(role: Role) -> Task {
    Task::Settle(Subject::pool(&both()), role)
}

#[test]
fn h1_a_new_block_takes_its_copy_from_the_plan() {
    let faults = Faults { lost: 1, dead: 1, ..Faults::default() };
    let small = world(&[0, 1]).actor("n1", vec![add("a"), add("b")]).actor("w0", vec![edit(&[0])]);
    Case::new("H1", "agent with 2 ADDs, narrowing, lost reply, dead edit", small.clone().with(faults))
        .recovering_everywhere()
        .survives();
    Case::new("H1", "agent with 2 ADDs, narrowing", small)
        .recovering_everywhere()
        .survives()
        .falls_to(Mutation::PlanFromCache)
        .falls_to(Mutation::AdmitWithoutBump)
        .falls_to(Mutation::AdmitSkipsUncopied)
        .falls_to(Mutation::AdmitIgnoresHolders);
    // A conflict in between is needed to see an old plan with a new token.
    let two = world(&[0, 1]).actor("n1", vec![add("a"), add("b")]).actor("n2", vec![add("c")]);
    Case::new("H1", "2 agents with 3 ADDs, narrowing", two.actor("w0", vec![edit(&[0])]))
        .survives()
        .falls_to(Mutation::PlanBeforeToken);
}

#[test]
fn h2_two_edits_at_once() {
    let world = used(&[0, 1]).actor("n1", vec![add("a")]);
    let world = world.actor("w0", vec![edit(&[0])]).actor("w1", vec![edit(&[1])]);
    Case::new("H2", "agent, narrowing to 0, narrowing to 1", world)
        .survives()
        .falls_to(Mutation::AdmitReplaces);
}

#[test]
fn h3_a_refused_edit_takes_back_its_own_entry_only() {
    let world = used(&[0, 1]).actor("n1", vec![add("a"), del("a"), add("b")]);
    let world = world.actor("w0", vec![edit(&[1])]).actor("w1", vec![edit(&[1])]);
    Case::new("H3", "agent with ADD, DEL, ADD, the same narrowing on 2 replicas", world)
        .survives()
        .falls_to(Mutation::RefusalRestores);
}

#[test]
fn h4_nothing_is_widened_before_it_is_persisted() {
    let faults = Faults { dead: 1, crash: 1, ..Faults::default() };
    let world = world(&[0]).with(faults).actor("n1", vec![add("a"), add("b")]);
    Case::new("H4", "agent with 2 ADDs, widening, dead edit, crash", world.actor("w0", vec![edit(&[0, 1])]))
        .recovering_everywhere()
        .survives()
        .falls_to(Mutation::AdmitWidens);
}

#[test]
fn h5_settling_fences_an_edit_before_it_calls_it_dead() {
    let world = world(&[0, 1]).actor("n1", vec![add("a"), add("b")]).actor("w0", vec![edit(&[0])]);
    Case::new("H5", "agent with 2 ADDs, narrowing, controller", {
        world.clone().actor("controller", vec![settle(Role::Controller)])
    })
    .survives();
    Case::new("H5", "agent with 2 ADDs, narrowing, another agent settles", {
        world.actor("n2", vec![settle(Role::Agent)])
    })
    .survives()
    .falls_to(Mutation::SettleDropsCurrent)
    .falls_to(Mutation::SettleWidensWhilePending);
}

#[test]
fn h6_an_empty_block_that_is_deleted_takes_nothing_along() {
    let world = world(&[0, 1]).actor("n1", vec![add("a")]).actor("w0", vec![edit(&[1])]);
    let controller = vec![Task::DropEmptyBlock(0), Task::DropEmptyBlock(0)];
    Case::new("H6", "agent, narrowing, block 0 deleted twice", world.actor("controller", controller))
        .recovering_everywhere()
        .survives()
        .falls_to(Mutation::GrantIntoAbsence);
}

#[test]
fn h7_reservations_have_a_plan_of_their_own() {
    let reserve = Task::Reserve(Box::new(reservation("r", &[0])));
    let created = world(&[0, 1]).actor("n1", vec![add("a"), add("b")]).actor("w0", vec![reserve.clone()]);
    Case::new("H7", "agent with 2 ADDs, reservation created", created.clone())
        .survives()
        .falls_to(Mutation::IgnoreReservations);
    let settle = Task::Settle(Subject::reservations(&scope(), Family::V4), Role::Agent);
    Case::new("H7", "agent, reservation created, another agent settles", {
        used(&[0, 1]).actor("n1", vec![add("a")]).actor("w0", vec![reserve.clone()]).actor("n2", vec![settle])
    })
    .survives()
    .falls_to(Mutation::SettleDropsCreation);
    let both = used(&[0, 1]).actor("n1", vec![add("a")]).actor("w0", vec![reserve]);
    Case::new("H7", "agent, reservation created, pool narrowed", both.actor("w1", vec![edit(&[0])]))
        .survives();
}

#[test]
fn h8_a_pool_of_the_same_name_inherits_nothing() {
    let again = Task::Create(Box::new(pool_object("p", "pool-2", &[0])));
    let world = world(&[0, 1]).actor("n1", vec![add("a")]).actor("w0", vec![delete(), again]);
    Case::new("H8", "agent, pool deleted and created again", world.clone())
        .recovering_everywhere()
        .survives()
        .falls_to(Mutation::DeleteWithoutBump)
        .falls_to(Mutation::PlanOfTheName);
}

#[test]
fn h9_an_edit_that_died_costs_only_its_own_addresses() {
    let crash = Faults { crash: 1, ..Faults::default() };
    // The pods come after whatever became of the edit.
    let served = |world: &World, pods: &[&str]| {
        let later = world.clone().with(Faults::default());
        let end = later.actor("n1", pods.iter().map(|pod| add(pod)).collect()).run_out();
        let answers = &end.actors.last().unwrap().answers;
        let served = answers.iter().filter(|answer| answer.contains(": 10.0.0.")).count();
        (served == pods.len())
            .then_some(())
            .ok_or(format!("a pod waits, though an address is free: {answers:?} (I10)"))
    };
    let died = world(&[0, 1]).with(crash).actor("w0", vec![edit(&[0])]);
    Case::new("H9", "narrowing, crash; then 1 pod", died)
        .recovering_everywhere()
        .at_the_end(move |end| served(end, &["a"]))
        .survives();
    // Another edit, persisted, proves the first one dead: no controller is needed to get its addresses back.
    let resolved = world(&[0, 1]).with(crash).actor("w0", vec![edit(&[0]), edit(&[0, 1])]);
    Case::new("H9", "narrowing, crash, object written; then 2 pods", resolved)
        .recovering_everywhere()
        .at_the_end(move |end| {
            let whole = end.actors[0].answers.last().is_some_and(|answer| answer.ends_with("persisted"))
                && sight::offers(&end.store, &"pool-1".parse().unwrap()) == Some(0b11);
            if whole { served(end, &["a", "b"]) } else { Ok(()) }
        })
        .survives()
        .falls_to(Mutation::AgentNeverSettles);
}

#[test]
fn h10_exhausted_is_proven_at_one_instant() {
    // Pod a leaves block 0 while pod b takes block 1: at no instant of c's request was the pool full, unless both
    // are there. The world looks at it at every "exhausted".
    let churn = world(&[0, 1]).actor("n1", vec![add("a")]).run_out().then(vec![del("a")]);
    let churn = churn.actor("n2", vec![add("b")]).actor("n3", vec![add("c")]);
    Case::new("H10", "3 agents: DEL, ADD, ADD; pool of 2", churn.clone())
        .survives()
        .falls_to(Mutation::OnePassExhaustion);
    // Who has seen both blocks is told of their tokens alone.
    Case::new("H10", "3 agents, one with a cache: DEL, ADD, ADD; pool of 2", churn.caching())
        .survives()
        .falls_to(Mutation::SeenAtAnyToken);
    // Listings that show no instant: each block was seen full, but never both at once.
    let at = |pod: &str, start| Task::from(ask(pod, &format!("c{pod}"), &both()).starting(start));
    let torn = world(&[0, 1]).actor("n1", vec![at("x", 1)]).run_out();
    let torn = torn.then(vec![del("x"), at("a", 0), del("a"), at("c", 1)]).actor("n2", vec![at("b", 1)]);
    Case::new("H10", "2 agents, one with a cache: DEL, ADD, DEL, ADD; ADD", torn.clone().caching())
        .survives()
        .falls_to(Mutation::SurveyNotCompared);
    Case::new(
        "H10",
        "2 agents, one with a cache: DEL, ADD, DEL, ADD; ADD; surveys that show no instant",
        torn.clone().caching().without_snapshots(),
    )
    .survives()
    .falls_to(Mutation::ProofNotConfirmed);
    Case::new(
        "H10",
        "2 agents: DEL, ADD, DEL, ADD; ADD; listings that show no instant",
        torn.without_snapshots(),
    )
    .survives()
    .falls_to(Mutation::ProofNotConfirmed);
    let widened = world(&[0]).actor("n1", vec![add("a"), add("b")]).actor("w0", vec![edit(&[0, 1])]);
    Case::new("H10", "agent with 2 ADDs, widening", widened).recovering_everywhere().survives();
}

#[test]
fn h10_contention_does_not_spill_into_a_backup_pool() {
    let backup = pool_ref(&pool_object("q", "pool-2", &[2]));
    let world = World::new(&[pool(&[0, 1]), pool_object("q", "pool-2", &[2])], 0);
    let world = world.actor("n0", vec![Task::from(ask("x", "cx", &both()).starting(1))]).settled();
    // Address 0 is free, and an edit that may yet die takes it away.
    let world = world.actor("n1", vec![Task::from(ask("a", "ca", &both()).or(&backup))]);
    Case::new("rule 11", "agent, narrowing in flight, backup pool", {
        world.actor("w0", vec![edit(&[1])]).with(Faults { dead: 1, ..Faults::default() })
    })
    .survives()
    .falls_to(Mutation::ContentionSpills);
}

#[test]
fn two_agents_and_an_edit_with_everything_going_wrong() {
    let lost = Faults { lost: 1, dead: 1, ..Faults::default() };
    let late = Faults { late: 1, ..Faults::default() };
    let crash = Faults { crash: 1, ..Faults::default() };
    let names = [
        "2 agents, narrowing, lost reply, dead edit",
        "2 agents, narrowing, late write",
        "2 agents, narrowing, crash",
    ];
    for (faults, name) in [lost, late, crash].into_iter().zip(names) {
        let world = world(&[0, 1]).with(faults).actor("n1", vec![add("a")]).actor("n2", vec![add("b")]);
        Case::new("H1-H9", name, world.actor("w0", vec![edit(&[0])])).survives();
    }
}

#[test]
fn reservations_plan_of_another_family_is_another() {
    let v4 = Subject::reservations(&scope(), Family::V4);
    assert_ne!(v4, Subject::reservations(&scope(), Family::V6));
}
