//! H11, H12, H22 and H23: requests of one owner, several parts, cool-down.

use std::time::Duration;

use spiderpool_core::mutation::Mutation;

use super::{
    case::Case,
    world::{
        Faults, Task, World,
        things::{Ask, ask, pool_object, pool_object_v6, pool_ref, pool_that_cools},
    },
};

fn del(uid: &str, container: &str) -> Task {
    Task::Del { uid: uid.into(), container: container.into() }
}

/// The owner's addresses are all given back (I5).
fn nothing_of(uid: &'static str) -> impl Fn(&World) -> Result<(), String> {
    move |end| {
        let left = end.records().into_iter().find(|(_, record)| record.owner.uid.as_str() == uid);
        left.map_or(Ok(()), |(address, _)| Err(format!("{address} is left behind (I5)")))
    }
}

#[test]
fn h11_an_open_attempt_is_closed_before_another_block() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let again = vec![
        Task::from(ask("a", "c0", &reference)),
        Task::from(ask("a", "c0", &reference).starting(1)),
        del("uid-a", "c0"),
    ];
    let world = World::new(std::slice::from_ref(&pool), 0).actor("n1", again);
    let world = world.actor("n2", vec![Task::from(ask("b", "cb", &reference))]);
    let case = |name, faults| {
        Case::new("H11", name, world.clone().with(faults)).at_the_end(nothing_of("uid-a")).survives()
    };
    case("ADD twice, DEL, another agent; 2 lost replies", Faults { lost: 2, ..Faults::default() });
    case("the same; late write, lost reply", Faults { late: 1, lost: 1, ..Faults::default() });
    case("the same; late write, crash", Faults { crash: 1, late: 1, ..Faults::default() })
        .falls_to(Mutation::AddLeavesAttemptOpen)
        .falls_to(Mutation::DelLeavesAttemptOpen)
        .falls_to(Mutation::CloseWithoutBump)
        .falls_to(Mutation::GrantNotLogged);
    case(
        "the same; late write, crash, lost reply",
        Faults { crash: 1, late: 1, lost: 1, ..Faults::default() },
    );
    case("the same; 2 crashes, lost reply", Faults { crash: 2, lost: 1, ..Faults::default() })
        .falls_to(Mutation::AnyReplyAcknowledges);
}

#[test]
fn h11_a_late_reattachment_is_made_dead_too() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    // The write that reattaches the address to c1 may land when c1 is gone.
    let add = |container: &str| Task::from(ask("a", container, &reference));
    let end = |container: &str| del("uid-a", container);
    let two = vec![add("c0"), add("c1"), end("c1"), end("c0")];
    let three = vec![add("c0"), add("c1"), add("c2"), end("c0"), end("c1"), end("c2")];
    let crash = Faults { late: 1, crash: 1, ..Faults::default() };
    let lost = Faults { late: 2, lost: 1, ..Faults::default() };
    let case = |name, life: &Vec<Task>, faults| {
        let world = World::new(std::slice::from_ref(&pool), 0).actor("n1", life.clone()).with(faults);
        Case::new("H11", name, world).at_the_end(nothing_of("uid-a")).survives()
    };
    case("2 sandboxes of one owner; late write, crash", &two, crash)
        .falls_to(Mutation::CloseForgetsReattaching);
    case("2 sandboxes of one owner; 2 late writes, lost reply", &two, lost);
    case("3 sandboxes of one owner; late write, crash", &three, crash);
    case("3 sandboxes of one owner; 2 late writes, lost reply", &three, lost);
    let all = Faults { late: 2, lost: 1, crash: 1, ..Faults::default() };
    case("3 sandboxes of one owner; 2 late writes, lost reply, crash", &three, all);
}

#[test]
fn h11_a_refusal_is_not_given_while_a_write_may_land() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let edit = Task::Edit(Box::new(pool_object("p", "pool-1", &[1])));
    let world = World::new(&[pool], 0).with(Faults { late: 1, ..Faults::default() });
    let world = world.actor("n1", vec![Task::from(ask("a", "c0", &reference))]).actor("w0", vec![edit]);
    Case::new("H11", "ADD, narrowing; late write", world).survives().falls_to(Mutation::UncertainNotMadeDead);
}

#[test]
fn h11_a_stale_cache_is_not_the_truth() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let own = ask("a", "ca", &reference);
    // n1 has its block in the cache, with its own record; then somebody else writes.
    let warm = World::new(&[pool], 1).actor("n1", vec![Task::from(own.clone())]).caching().run_out();
    let freed = warm.actor("admin", vec![Task::Free(own.clone())]).run_out().then(vec![Task::from(own)]);
    let freed = freed.actor("n2", vec![Task::from(ask("b", "cb", &reference))]);
    Case::new("H11", "cached block, freed by an administrator, ADD again; lost reply", {
        freed.with(Faults { lost: 1, ..Faults::default() })
    })
    .survives()
    .falls_to(Mutation::StaleAnswer);
}

#[test]
fn h11_a_lost_log_leaves_at_most_a_duplicate_for_the_sweep() {
    let pool = pool_object("p", "pool-1", &[0, 1, 2]);
    let reference = pool_ref(&pool);
    let tasks = vec![
        Task::from(ask("a", "c0", &reference)),
        Task::from(ask("a", "c1", &reference)),
        del("uid-a", "c0"),
    ];
    let world = World::new(&[pool], 0).actor("n1", tasks);
    let world = world.actor("n2", vec![Task::from(ask("b", "cb", &reference)), del("uid-b", "cb")]);
    for (name, faults) in [
        ("loss of the log", Faults { loss: 1, ..Faults::default() }),
        ("loss of the log, lost reply", Faults { loss: 1, lost: 1, ..Faults::default() }),
        ("loss of the log, late write", Faults { loss: 1, late: 1, ..Faults::default() }),
    ] {
        let late = faults.late > 0;
        Case::new("H11", name, world.clone().with(faults))
            .at_the_end(move |end| {
                let own = end.records();
                let own = own.iter().filter(|(_, record)| record.owner.uid.as_str() == "uid-a").count();
                // Only a write that lands after the blocks were read can be missed.
                (own <= 1 || late).then_some(()).ok_or(format!("{own} records of one owner"))
            })
            .survives();
    }
}

#[test]
fn h12_a_late_release_frees_nothing_newer() {
    let pool = pool_object("p", "pool-1", &[0]);
    let reference = pool_ref(&pool);
    let tasks = vec![
        Task::from(ask("a", "c0", &reference)),
        Task::from(ask("a", "c1", &reference)),
        del("uid-a", "c0"),
        Task::from(ask("a", "c0", &reference)),
    ];
    let world = World::new(&[pool], 0).with(Faults { lost: 1, ..Faults::default() }).actor("n1", tasks);
    Case::new("H12", "ADD c0, ADD c1, late DEL c0, ADD c0; lost reply", {
        world.actor("n2", vec![Task::from(ask("b", "cb", &reference))])
    })
    .at_the_end(|end| match end.actors[0].answer("c0") {
        Some("gone") => Ok(()),
        other => Err(format!("c0 was added after its end: {other:?}")),
    })
    .survives()
    .falls_to(Mutation::UnfencedRelease);
}

/// An ADD for v4 and v6.
fn dual(pod: &str, container: &str, pools: &Pools) -> Task {
    Task::from(both(pod, container, pools))
}

fn both(pod: &str, container: &str, (v4, v6): &Pools) -> Ask {
    ask(pod, container, v4).and("eth0", v6)
}

type Pools =
    (std::sync::Arc<spiderpool_core::protocol::PoolRef>, std::sync::Arc<spiderpool_core::protocol::PoolRef>);

/// A pool of one address per family.
fn one_of_each(rest: Duration) -> (World, Pools) {
    let (v4, v6) = (pool_object("p4", "pool-4", &[0]), pool_object_v6("p6", "pool-6", &[0]));
    let pools = (pool_that_cools(&v4, rest), pool_that_cools(&v6, rest));
    (World::new(&[v4, v6], 0).cooling(rest), pools)
}

#[test]
fn i9_a_request_is_granted_whole_or_not_at_all() {
    let (world, pools) = one_of_each(Duration::ZERO);
    let world = world.actor("n1", vec![dual("a", "ca", &pools), del("uid-a", "ca")]);
    let only_v6 = vec![Task::from(ask("b", "cb", &pools.1)), del("uid-b", "cb")];
    let two = world.clone().actor("n2", only_v6);
    Case::new("I9", "v4+v6, another pod takes v6", two.clone()).survives().falls_to(Mutation::PartsNotUndone);
    for (name, faults) in [
        ("the same; lost reply", Faults { lost: 1, ..Faults::default() }),
        ("the same; late write, crash", Faults { late: 1, crash: 1, ..Faults::default() }),
        ("the same; lost reply, crash", Faults { lost: 1, crash: 1, ..Faults::default() }),
    ] {
        Case::new("I9", name, two.clone().with(faults)).at_the_end(nothing_of("uid-a")).survives();
    }
    let two = world.actor("n2", vec![dual("b", "cb", &pools), del("uid-b", "cb")]);
    Case::new("I9", "2 pods with v4+v6, one address of each; lost reply", {
        two.with(Faults { lost: 1, ..Faults::default() })
    })
    .at_the_end(|end| {
        // Nobody undoes because of another unanswered one: one of them runs, or both are done.
        let answered = end.actors.iter().any(|actor| actor.answers.iter().any(|a| a.contains("10.0.0")));
        answered.then_some(()).ok_or("neither was ever granted anything".into())
    })
    .survives();
}

#[test]
fn h23_several_parts_and_the_cool_down() {
    let rest = Duration::from_secs(60);
    let (world, pools) = one_of_each(rest);
    // c0 is answered; its DEL may fail half-way; the next sandbox comes; another pod wants the same addresses.
    let tasks =
        vec![dual("a", "c0", &pools), del("uid-a", "c0"), dual("a", "c1", &pools), del("uid-a", "c1")];
    let world = world.actor("n1", tasks).actor("clock", vec![Task::Pass(rest)]);
    let world =
        world.actor("n2", vec![Task::from(ask("b", "cb", &pools.0)), Task::from(ask("b", "cb", &pools.0))]);
    Case::new("H23", "v4+v6, DEL, next sandbox, cool-down, another pod", world.clone())
        .survives()
        .falls_to(Mutation::ReleaseDoesNotCool)
        .falls_to(Mutation::GrantIgnoresCooling);
    Case::new("H23", "the same; crash", world.with(Faults { crash: 1, ..Faults::default() })).survives();
}

#[test]
fn h23_what_was_in_use_is_not_undone() {
    let rest = Duration::from_secs(60);
    let (world, pools) = one_of_each(rest);
    // v6 goes to another pod while the next sandbox of a reattaches v4: what it reattached stays until its DEL.
    let first = vec![Task::from(ask("a", "c0", &pools.0)), dual("a", "c1", &pools)];
    let other = vec![Task::from(ask("b", "cb", &pools.1))];
    let third = vec![Task::from(ask("d", "cd", &pools.0))];
    let world = world.actor("n1", first).actor("n2", other).actor("n3", third);
    Case::new("H23", "v4 in use, v4+v6 wanted, v6 taken", world)
        .survives()
        .falls_to(Mutation::UndoReattached);
}

#[test]
fn rule_8_what_is_undone_is_free_at_once() {
    let rest = Duration::from_secs(60);
    let (world, pools) = one_of_each(rest);
    let world = world.actor("n0", vec![Task::from(ask("x", "cx", &pools.1))]).settled();
    let world = world.actor("n1", vec![dual("a", "ca", &pools)]);
    let world = world.actor("n2", vec![Task::from(ask("b", "cb", &pools.0))]);
    Case::new("I10", "v4+v6 with v6 taken, cool-down, another pod wants v4", world)
        .survives()
        .falls_to(Mutation::UndoCools);
}

#[test]
fn i9_three_parts() {
    let (world, pools) = one_of_each(Duration::ZERO);
    let net = pool_object("p1", "pool-1", &[8]);
    let reference = pool_ref(&net);
    let world = world.with_pool(&net);
    let three = |pod: &str| Task::from(both(pod, &format!("c{pod}"), &pools).and("net1", &reference));
    let first = vec![three("a"), del("uid-a", "ca")];
    let world = world.actor("n1", first).actor("n2", vec![three("b")]);
    let world = world.actor("n3", vec![Task::from(ask("d", "cd", &reference))]);
    Case::new("I9", "3 parts on 2 interfaces, 2 pods, another on one pool", world).survives();
}
