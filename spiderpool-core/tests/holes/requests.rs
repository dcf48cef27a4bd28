//! H11 and H12, H14 to H23: requests of one owner, stateful owners, several parts.

use spiderpool_core::{model::Binding, name::OwnerUid, protocol::PoolRef};

use super::{
    explore::explore,
    world::{Ask, Faults, Task, World, ask, pod_name, pool_object, pool_ref},
};

fn fine(_: &World) -> Result<(), String> {
    Ok(())
}

fn nothing_held(end: &World) -> Result<(), String> {
    let left = end.records();
    if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:?} (I5)")) }
}

fn del(uid: &str, container: &str) -> Task {
    Task::Del { uid: uid.into(), container: container.into() }
}

/// The incarnation `uid` of web-0, in `container`.
fn web(uid: &str, container: &str, pool: &std::sync::Arc<PoolRef>) -> Task {
    Task::Add(Ask { uid: uid.into(), binding: Binding::Stateful, ..ask("web-0", container, pool) })
}

fn become_pod(uid: &str) -> Task {
    Task::SetPod(pod_name("web-0"), Some(OwnerUid::new(uid).unwrap()))
}

#[test]
fn h11_an_open_attempt_is_closed_before_another_block() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let again = vec![
        Task::Add(ask("a", "c0", &reference)),
        Task::Add(ask("a", "c0", &reference)),
        del("uid-a", "c0"),
    ];
    for faults in [
        Faults { lost: 2, ..Faults::default() },
        Faults { late: 1, lost: 1, ..Faults::default() },
        Faults { crash: 1, late: 1, ..Faults::default() },
        Faults { crash: 2, lost: 1, ..Faults::default() },
    ] {
        let world = World::new(std::slice::from_ref(&pool), 0).with(faults).actor("n1", again.clone());
        // With crashes a later DEL is the kubelet's: it is sent until it succeeds.
        let end = if faults.crash == 0 { nothing_held } else { fine };
        explore(world.actor("n2", vec![Task::Add(ask("b", "cb", &reference))]), move |state| {
            let own: Vec<_> =
                state.records().into_iter().filter(|(_, r)| r.owner.uid.as_str() == "uid-a").collect();
            if own.is_empty() { Ok(()) } else { end(state) }
        });
    }
}

#[test]
fn h11_a_stale_cache_is_not_the_truth() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    // n2 saw the block before n1 took its address.
    let first =
        World::new(&[pool], 1).actor("n0", vec![Task::Add(ask("x", "cx", &reference)), del("uid-x", "cx")]);
    let mut warm = first;
    while !warm.idle() {
        warm = warm.successors().remove(0);
    }
    let world = warm.actor("n1", vec![Task::Add(ask("a", "ca", &reference))]);
    let world =
        world.actor("n2", vec![Task::Add(ask("b", "cb", &reference)), del("uid-b", "cb")]).remembering(0);
    explore(world.with(Faults { lost: 1, ..Faults::default() }), fine);
}

#[test]
fn h12_a_late_release_frees_nothing_newer() {
    let pool = pool_object("p", "pool-1", &[0]);
    let reference = pool_ref(&pool);
    let tasks = vec![
        Task::Add(ask("a", "c0", &reference)),
        Task::Add(ask("a", "c1", &reference)),
        del("uid-a", "c0"),
        Task::Add(ask("a", "c0", &reference)),
    ];
    let world = World::new(&[pool], 0).with(Faults { lost: 1, ..Faults::default() }).actor("n1", tasks);
    explore(world.actor("n2", vec![Task::Add(ask("b", "cb", &reference))]), |end| {
        let answers = &end.actors[0].answers;
        answers
            .iter()
            .any(|a| a == "c0: gone")
            .then_some(())
            .ok_or(format!("c0 was added after its end: {answers:?}"))
    });
}

#[test]
fn h14_h15_two_incarnations_never_run_with_one_address() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let world = World::new(&[pool], 0).pod("web-0", "u1").with(Faults { lost: 1, ..Faults::default() });
    // u1 is deleted by force: its container runs on, and a late ADD of it may come.
    let world = world.actor("n1", vec![web("u1", "c1", &reference), web("u1", "c1", &reference)]);
    let world = world.actor("n2", vec![become_pod("u2"), web("u2", "c2", &reference)]);
    explore(world, |end| {
        let late = end.actors[0].answers.last();
        let newer = end.running.keys().any(|container| container.as_str() == "c2");
        let older = end.running.keys().any(|container| container.as_str() == "c1");
        if newer && older { Err(format!("both run: {late:?}")) } else { Ok(()) }
    });
}

#[test]
fn h14_the_second_source_hands_the_address_over() {
    let pool = pool_object("p", "pool-1", &[0]);
    let reference = pool_ref(&pool);
    let world = World::new(&[pool], 0).pod("web-0", "u1");
    let gone = Task::EndSandbox("c1".parse().unwrap());
    let world = world
        .actor("n1", vec![web("u1", "c1", &reference), gone, become_pod("u2"), web("u2", "c2", &reference)]);
    explore(world.actor("n3", vec![del("u1", "c1")]), |end| {
        let answers = &end.actors[0].answers;
        let kept = answers.last().is_some_and(|answer| answer == "c2: 10.0.0.0");
        kept.then_some(()).ok_or(format!("the address did not stay with the name: {answers:?}"))
    });
}

#[test]
fn h16_h17_a_claim_moves_in_three_writes() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let warm = |pod: &str| {
        vec![
            Task::Add(ask(pod, &format!("c{pod}"), &reference)),
            del(&format!("uid-{pod}"), &format!("c{pod}")),
        ]
    };
    // s takes the address that web-0 claimed, before web-0 is granted it; web-0 moves on.
    for faults in [Faults::default(), Faults { lost: 1, ..Faults::default() }] {
        let world = World::new(std::slice::from_ref(&pool), 1).actor("n0", warm("x")).settled();
        let world = world.pod("web-0", "u1").with(faults);
        let world = world.actor("n1", vec![web("u1", "c1", &reference)]);
        let world = world.actor("n2", vec![become_pod("u2"), web("u2", "c2", &reference)]);
        let s = vec![Task::Add(ask("s", "cs", &reference))];
        explore(world.actor("n3", s), fine);
    }
}

#[test]
fn h18_h20_h21_a_binding_is_released_by_verdict() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let unbind = Task::Unbind(pod_name("web-0"));
    let gone = Task::SetPod(pod_name("web-0"), None);
    for faults in [Faults { lost: 1, ..Faults::default() }, Faults { crash: 1, ..Faults::default() }] {
        let world = World::new(std::slice::from_ref(&pool), 0).pod("web-0", "u1").with(faults);
        let world = world.actor(
            "n1",
            vec![
                web("u1", "c1", &reference),
                del("u1", "c1"),
                gone.clone(),
                become_pod("u2"),
                web("u2", "c2", &reference),
            ],
        );
        explore(world.actor("sweep", vec![unbind.clone()]), fine);
    }
}

#[test]
fn h19_del_detaches_and_the_address_stays() {
    let pool = pool_object("p", "pool-1", &[0, 1]);
    let reference = pool_ref(&pool);
    let world = World::new(&[pool], 0).pod("web-0", "u1");
    let tasks =
        vec![web("u1", "c1", &reference), del("u1", "c1"), become_pod("u2"), web("u2", "c2", &reference)];
    explore(world.actor("n1", tasks).actor("n2", vec![Task::Add(ask("s", "cs", &reference))]), |end| {
        let of = |container: &str| {
            let answers = &end.actors[0].answers;
            answers.iter().find_map(|a| a.strip_prefix(&format!("{container}: ")).map(str::to_owned))
        };
        (of("c1") == of("c2")).then_some(()).ok_or(format!("moved from {:?} to {:?}", of("c1"), of("c2")))
    });
}
