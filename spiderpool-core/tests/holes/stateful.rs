//! H14 to H21: owners whose address outlives the pod.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    addr::Family,
    mutation::Mutation,
    name::OwnerUid,
    protocol::{BindingHolder, PoolRef},
};

use super::{
    case::Case,
    world::{
        Faults, Task, World, stateful_set,
        things::{ask, pod_name, pool_object, pool_object_v6, pool_ref, pool_that_cools},
    },
};

fn del(uid: &str, container: &str) -> Task {
    Task::Del { uid: uid.into(), container: container.into() }
}

/// The incarnation `uid` of web-0, in `container`.
fn web(uid: &str, container: &str, pool: &Arc<PoolRef>) -> Task {
    Task::from(ask("web-0", container, pool).stateful(uid))
}

fn become_pod(uid: &str) -> Task {
    Task::SetPod(pod_name("web-0"), Some(OwnerUid::new(uid).unwrap()))
}

fn no_pod() -> Task {
    Task::SetPod(pod_name("web-0"), None)
}

fn unbind() -> Task {
    Task::Unbind(pod_name("web-0"), Family::V4, None)
}

fn two() -> (World, Arc<PoolRef>) {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    (World::new(&[pool], 0).pod("web-0", "u1"), reference)
}

#[test]
fn h14_two_incarnations_never_run_with_one_address() {
    let (world, pool) = two();
    // u1 is deleted by force: its container runs on, and a late ADD of it may come.
    let world = world.actor("n1", vec![web("u1", "c1", &pool), web("u1", "c1", &pool)]);
    let world = world.actor("n2", vec![become_pod("u2"), web("u2", "c2", &pool)]);
    let case = |name, faults| {
        Case::new("H14, H15", name, world.clone().with(faults)).at_the_end(|end| {
            let runs = |name: &str| end.running.keys().any(|container| container.as_str() == name);
            if runs("c1") && runs("c2") { Err("both run (I1)".into()) } else { Ok(()) }
        })
    };
    case("2 incarnations, forced deletion, late ADD; lost reply", Faults { lost: 1, ..Faults::default() })
        .survives()
        .falls_to(Mutation::TakeOverRunning);
    case("the same; late write, crash", Faults { late: 1, crash: 1, ..Faults::default() }).survives();
}

#[test]
fn h14_the_second_source_hands_the_address_over() {
    let pool = pool_object("p", "pool-1", &[0]);
    let reference = pool_ref(&pool);
    let world = World::new(&[pool], 0).pod("web-0", "u1");
    let gone = Task::EndSandbox("c1".parse().unwrap());
    let tasks = vec![web("u1", "c1", &reference), gone, become_pod("u2"), web("u2", "c2", &reference)];
    Case::new("H14", "sandbox gone, next incarnation, late DEL", {
        world.actor("n1", tasks).actor("n3", vec![del("u1", "c1")])
    })
    .at_the_end(|end| match end.actors[0].answer("c2") {
        Some("10.0.0.0") => Ok(()),
        other => Err(format!("the address did not stay with the name: {other:?}")),
    })
    .survives();
}

#[test]
fn h15_the_pod_is_read_after_the_token() {
    let (world, pool) = two();
    // u2 has the address and its sandbox goes; u1's kubelet tries again.
    let late = vec![web("u1", "c1", &pool), web("u1", "c1", &pool)];
    let next = vec![become_pod("u2"), web("u2", "c2", &pool), Task::EndSandbox("c2".parse().unwrap())];
    let world = world.actor("n1", late).actor("n2", next).actor("n3", vec![del("u1", "c1")]);
    Case::new("H15", "2 incarnations, sandbox of the newer gone, late ADD and DEL", world)
        .at_the_end(|end| {
            let older = end.records().into_iter().any(|(_, record)| record.owner.uid.as_str() == "u1");
            let newer = end.actors[1].answer("c2").is_some_and(|answer| answer.starts_with("10."));
            if older && newer {
                Err("the older incarnation has the newer one's address (I4)".into())
            } else {
                Ok(())
            }
        })
        .survives()
        .falls_to(Mutation::PodNotRead)
        .falls_to(Mutation::PodBeforeToken);
}

/// web-0 with blocks that exist and copies in them.
fn used() -> (World, Arc<PoolRef>) {
    let (world, pool) = two();
    let warm = vec![
        Task::from(ask("x", "cx", &pool)),
        Task::from(ask("y", "cy", &pool)),
        del("uid-x", "cx"),
        del("uid-y", "cy"),
    ];
    (world.actor("n0", warm).settled(), pool)
}

#[test]
fn h16_h17_a_claim_moves_in_three_writes() {
    // s has the address that web-0 claimed and was not granted yet; web-0 moves on.
    let (world, pool) = used();
    let own = ask("web-0", "c0", &pool).stateful("u1");
    let world = world.actor("n0", vec![Task::from(own.clone()), Task::Free(own)]).settled();
    let world = world.actor("n3", vec![Task::from(ask("s", "cs", &pool))]).run_out();
    let world = world.then(vec![del("uid-s", "cs")]).actor("n1", vec![web("u1", "c1", &pool)]);
    let world = world.actor("n2", vec![become_pod("u2"), web("u2", "c2", &pool), web("u2", "c3", &pool)]);
    Case::new("H16, H17", "2 incarnations, a stateless pod goes", world.clone())
        .survives()
        .falls_to(Mutation::ClaimNotRead)
        .falls_to(Mutation::ClaimBeforeToken)
        .falls_to(Mutation::ClaimMovesAtOnce)
        .falls_to(Mutation::WithdrawWithoutBump);
    Case::new("H16, H17", "the same; lost reply", world.with(Faults { lost: 1, ..Faults::default() }))
        .survives();
}

#[test]
fn h18_a_binding_is_released_in_three_writes() {
    let (world, pool) = two();
    let life =
        vec![web("u1", "c1", &pool), del("u1", "c1"), no_pod(), become_pod("u2"), web("u2", "c2", &pool)];
    let world = world.actor("n1", life).actor("sweep", vec![unbind()]);
    let case = |name, faults| Case::new("H18", name, world.clone().with(faults)).survives();
    case("web-0 twice, sweep; lost reply", Faults { lost: 1, ..Faults::default() });
    case("web-0 twice, sweep; crash", Faults { crash: 1, ..Faults::default() });
    let all = Faults { lost: 1, late: 1, crash: 1, ..Faults::default() };
    case("web-0 twice, sweep; lost reply, late write, crash", all);
    Case::new("H18", "web-0 twice, sweep", world).survives().falls_to(Mutation::UnbindClaimOnly);
}

#[test]
fn h19_del_detaches_and_the_address_stays() {
    let (world, pool) = two();
    let life = vec![web("u1", "c1", &pool), del("u1", "c1"), become_pod("u2"), web("u2", "c2", &pool)];
    let world = world.actor("n1", life).actor("n2", vec![Task::from(ask("s", "cs", &pool))]);
    Case::new("H19", "web-0 twice, a stateless pod", world)
        .at_the_end(|end| {
            let of = |container| end.actors[0].answer(container);
            (of("c1") == of("c2")).then_some(()).ok_or(format!("moved from {:?} to {:?}", of("c1"), of("c2")))
        })
        .survives()
        .falls_to(Mutation::DelFreesStateful);
}

#[test]
fn h20_nothing_that_runs_is_freed_by_a_verdict() {
    // No pod of the name when the sweep looked; then there is one, and its container runs.
    let (world, pool) = two();
    let life = vec![
        web("u1", "c1", &pool),
        no_pod(),
        del("u1", "c1"),
        become_pod("u2"),
        web("u2", "c2", &pool),
        Task::EndSandbox("c2".parse().unwrap()),
        web("u2", "c3", &pool),
    ];
    let world = world.actor("n1", life).actor("sweep", vec![unbind()]);
    let world = world.actor("n2", vec![Task::from(ask("s", "cs", &pool))]);
    Case::new("H20", "forced deletion, sweep, next incarnation and sandbox, a stateless pod", world)
        .survives()
        .falls_to(Mutation::UnbindRunning)
        .falls_to(Mutation::UnbindBeforePod);
}

/// web-0 comes, goes, comes again and goes again, with its StatefulSet; and the sweep's task.
fn scaled() -> (World, Task) {
    let (world, pool) = two();
    let set = "web".parse().unwrap();
    let holder = BindingHolder { controller: stateful_set(&set), uid: "web-1".parse().unwrap() };
    let life = vec![
        Task::Scale(set.clone(), 1),
        web("u1", "c1", &pool),
        Task::Scale(set.clone(), 0),
        no_pod(),
        del("u1", "c1"),
        Task::Scale(set.clone(), 1),
        become_pod("u2"),
        web("u2", "c2", &pool),
        Task::Scale(set, 0),
        no_pod(),
        del("u2", "c2"),
    ];
    (world.actor("n1", life), Task::Unbind(pod_name("web-0"), Family::V4, Some(holder)))
}

#[test]
fn h20_the_controller_is_read_after_no_pod() {
    let (world, unbind) = scaled();
    let world = world.actor("sweep", vec![unbind.clone(), unbind]);
    let case = |name, faults| Case::new("H20", name, world.clone().with(faults)).survives();
    case("StatefulSet down, up, down; sweep twice; lost reply", Faults { lost: 1, ..Faults::default() });
    case("the same; late write", Faults { late: 1, ..Faults::default() });
    case("the same; late write, crash", Faults { late: 1, crash: 1, ..Faults::default() });
}

#[test]
fn h21_a_claim_without_a_record_goes_too() {
    // The agent dies between claim and grant; the pod goes; the sweep comes.
    let (world, pool) = two();
    let life = vec![web("u1", "c1", &pool), del("u1", "c1"), no_pod(), unbind(), unbind(), unbind()];
    let world = world.actor("n1", life);
    let case = |name, faults| {
        Case::new("H21", name, world.clone().with(faults))
            .at_the_end(|end| {
                let claims = end.claims();
                claims.is_empty().then_some(()).ok_or(format!("a claim for ever: {claims:?} (I5)"))
            })
            .survives()
    };
    case("ADD, DEL, no pod, sweep 3 times; crash", Faults { crash: 1, ..Faults::default() })
        .falls_to(Mutation::UnbindNeedsRecord);
    let all = Faults { crash: 1, lost: 1, ..Faults::default() };
    case("ADD, DEL, no pod, sweep 3 times; crash, lost reply", all);
}

#[test]
fn stateful_owners_with_two_families() {
    let (v4, v6) = (pool_object("p4", "pool-4", &[0, 1]), pool_object_v6("p6", "pool-6", &[0]));
    let (four, six) = (pool_ref(&v4), pool_ref(&v6));
    let world = World::new(&[v4, v6], 0).pod("web-0", "u1");
    let both = |uid: &str, container: &str| {
        Task::from(ask("web-0", container, &four).and("eth0", &six).stateful(uid))
    };
    let life = vec![both("u1", "c1"), del("u1", "c1"), become_pod("u2"), both("u2", "c2")];
    let world = world.actor("n1", life);
    Case::new("I13", "v4+v6 stateful, 2 incarnations, a stateless pod on v6; lost reply", {
        world
            .clone()
            .actor("n2", vec![Task::from(ask("s", "cs", &six)), del("uid-s", "cs")])
            .with(Faults { lost: 1, ..Faults::default() })
    })
    .survives();
    Case::new("I13", "v4+v6 stateful, 2 incarnations; late write, crash, lost reply", {
        world.with(Faults { late: 1, crash: 1, lost: 1, ..Faults::default() })
    })
    .survives();
}

#[test]
fn two_sweeps_at_once() {
    let (world, pool) = two();
    let life =
        vec![web("u1", "c1", &pool), no_pod(), del("u1", "c1"), become_pod("u2"), web("u2", "c2", &pool)];
    let world = world.actor("n1", life).actor("sweep", vec![unbind()]).actor("sweep2", vec![unbind()]);
    Case::new("H18, H20", "2 sweeps, 2 incarnations", world.clone()).survives();
    Case::new("H18, H20", "2 sweeps, 2 incarnations; late write", {
        world.with(Faults { late: 1, ..Faults::default() })
    })
    .survives();
}

#[test]
fn an_address_that_is_offered_no_more() {
    // The claim is all there is: nobody is in the way of the narrowing.
    let (world, pool) = used();
    let own = ask("web-0", "c0", &pool).stateful("u1");
    let world = world.actor("n0", vec![own.clone().into(), Task::Free(own)]).settled();
    let edit = Task::Edit(Box::new(pool_object("p", "pool-1", &[1])));
    let world = world.actor("n1", vec![web("u1", "c1", &pool), del("u1", "c1")]).actor("w0", vec![edit]);
    let world = world.actor("n2", vec![become_pod("u2"), web("u2", "c2", &pool)]);
    Case::new("H17", "2 incarnations, their address is narrowed away", world.clone()).survives();
    Case::new("H17", "the same; lost reply", world.with(Faults { lost: 1, ..Faults::default() })).survives();
}

#[test]
fn a_released_binding_cools_down() {
    let rest = Duration::from_secs(60);
    let object = pool_object("p", "pool-1", &[0]);
    let pool = pool_that_cools(&object, rest);
    let world = World::new(&[object], 0).pod("web-0", "u1").cooling(rest);
    let life =
        vec![web("u1", "c1", &pool), del("u1", "c1"), no_pod(), become_pod("u2"), web("u2", "c2", &pool)];
    let world = world.actor("n1", life).actor("sweep", vec![unbind()]).actor("clock", vec![Task::Pass(rest)]);
    let s = vec![Task::from(ask("s", "cs", &pool)), Task::from(ask("s", "cs", &pool))];
    Case::new("I3", "a binding released, cool-down, a stateless pod", world.actor("n2", s)).survives();
}

#[test]
fn a_lost_log_of_a_stateful_owner() {
    let (world, pool) = two();
    let life = vec![web("u1", "c1", &pool), del("u1", "c1"), become_pod("u2"), web("u2", "c2", &pool)];
    let world = world.actor("n1", life).actor("n2", vec![Task::from(ask("s", "cs", &pool))]);
    for (name, faults) in [
        ("2 incarnations, a stateless pod; loss of the log", Faults { loss: 1, ..Faults::default() }),
        ("the same; lost reply", Faults { loss: 1, lost: 1, ..Faults::default() }),
    ] {
        Case::new("H11, H19", name, world.clone().with(faults)).survives();
    }
}
