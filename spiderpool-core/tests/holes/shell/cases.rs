//! H11 to H13 and H22, group commit, cut-off requests, unnamed interfaces, Subnets: what one machine cannot show.

use std::sync::Arc;

use spiderpool_core::{api::SpiderIPPool, model::Slot, mutation::Mutation, protocol::PoolRef};

use super::{
    super::{
        sight,
        world::{
            Faults,
            things::{pool_object, pool_object_v6, pool_ref},
        },
    },
    Case,
    scene::{self, Scene, add_eth0, del},
    stage::Stage,
};

fn pool(numbers: &[u8]) -> (SpiderIPPool, Arc<PoolRef>) {
    let object = pool_object("p", "pool-1", numbers);
    let reference = pool_ref(&object);
    (object, reference)
}

/// Nothing is left (I5).
fn nothing(stage: &Stage) -> Result<(), String> {
    let left = sight::records(&stage.store());
    left.first()
        .map_or(Ok(()), |(address, record)| Err(format!("{address} is left to {} (I5)", record.owner)))
}

const LOST: Faults = Faults { lost: 1, late: 0, crash: 0, loss: 0, dead: 0 };
const LATE: Faults = Faults { lost: 0, late: 1, crash: 0, loss: 0, dead: 0 };
const CRASH: Faults = Faults { lost: 0, late: 0, crash: 1, loss: 0, dead: 0 };

#[test]
fn h11_a_restarted_agent_knows_what_it_holds() {
    let (object, pool) = pool(&[0, 1]);
    for logs in [true, false] {
        let scene = Scene::new(std::slice::from_ref(&object), 0);
        let scene = if logs { scene.agent() } else { scene.agent_without_log() };
        let scene = scene.actor(vec![add_eth0("a", "c0", &[&pool]), del("a", "c0", None)]);
        let name = if logs { "ADD, DEL; crash, with a log" } else { "ADD, DEL; crash, without a log" };
        Case::new("H11", name, scene.with(CRASH))
            .at_the_end(nothing)
            .survives()
            .falls_to(Mutation::LogNotRead);
    }
}

#[test]
fn h11_the_log_keeps_what_is_uncertain() {
    let (object, pool) = pool(&[0, 1]);
    let scene = Scene::new(&[object], 0).agent();
    let scene = scene.actor(vec![add_eth0("a", "c0", &[&pool]), del("a", "c0", None)]);
    Case::new("H11", "ADD, DEL; lost reply, a request is cut off, crash", {
        scene.with(Faults { lost: 1, crash: 1, ..Faults::default() }).cutting(1)
    })
    .at_the_end(nothing)
    .survives()
    .falls_to(Mutation::UncertainNotLogged);
}

#[test]
fn h12_a_late_add_is_fenced() {
    let (object, pool) = pool(&[0, 1]);
    let late = vec![add_eth0("a", "c0", &[&pool])];
    let next = vec![del("a", "c0", None), add_eth0("a", "c1", &[&pool]), del("a", "c0", None)];
    let scene = Scene::new(&[object], 1).agent().actor(late).actor(next);
    Case::new("H12", "ADD c0 beside DEL c0, ADD c1, DEL c0", scene)
        .survives()
        .falls_to(Mutation::UnfencedAdd)
        .falls_to(Mutation::UnfencedRelease);
}

#[test]
fn h22_requests_of_one_owner_take_turns() {
    let (v4, v6) = (pool_object("p4", "pool-4", &[0]), pool_object_v6("p6", "pool-6", &[0]));
    let (four, six) = (pool_ref(&v4), pool_ref(&v6));
    let scene = Scene::new(&[v4, v6], 0).agent();
    let scene = scene.actor(vec![add_eth0("a", "c0", &[&four, &six])]).actor(vec![del("a", "c0", None)]);
    Case::new("H22", "ADD of v4+v6 beside its DEL", scene.clone())
        .at_the_end(nothing)
        .survives()
        .falls_to(Mutation::UnorderedRequests);
    Case::new("H22", "the same; lost reply", scene.with(LOST)).at_the_end(nothing).survives();
}

/// One block of two addresses, which exists and has copies.
fn warm() -> (Scene, Arc<PoolRef>) {
    let (object, pool) = pool(&[0, 1]);
    let scene = Scene::new(&[object], 1).agent();
    (scene.before(add_eth0("w", "cw", &[&pool])).before(del("w", "cw", None)), pool)
}

/// In it, two owners on one agent.
fn crowd() -> (Scene, Arc<PoolRef>) {
    let (scene, pool) = warm();
    (scene.actor(life("a", &pool)).actor(life("b", &pool)), pool)
}

fn life(pod: &str, pool: &Arc<PoolRef>) -> Vec<scene::Deed> {
    vec![add_eth0(pod, &format!("c{pod}"), &[pool]), del(pod, &format!("c{pod}"), None)]
}

#[test]
fn rule_10_several_owners_share_a_write() {
    let (scene, _) = crowd();
    let (warm, pool) = warm();
    let adds = ["a", "b", "c"]
        .into_iter()
        .fold(warm, |scene, pod| scene.actor(vec![add_eth0(pod, &format!("c{pod}"), &[&pool])]));
    Case::new("rule 10", "3 owners with ADD in one block of 2", adds)
        .at_the_end(|stage| match sight::records(&stage.store()).len() {
            2 => Ok(()),
            n => Err(format!("{n} of 2 addresses were granted to 3 pods (I10)")),
        })
        .survives();
    let case = |name, scene| Case::new("rule 10", name, scene).at_the_end(nothing).survives();
    case("2 owners with ADD and DEL in one block; lost reply", scene.clone().with(LOST))
        .falls_to(Mutation::AnyReplyAcknowledges);
    case("2 owners with ADD and DEL in one block; crash", scene.clone().with(CRASH));
    case("2 owners with ADD and DEL in one block; a request is cut off", scene.clone().cutting(1));
    case("2 owners with ADD and DEL in one block; late write", scene.clone().with(LATE));
    case("2 owners with ADD and DEL in one block; lost reply, crash", {
        scene.clone().with(Faults { lost: 1, crash: 1, ..Faults::default() })
    });
    case("2 owners with ADD and DEL in one block; lost reply, a request is cut off", {
        scene.clone().with(LOST).cutting(1)
    });
    case("2 owners with ADD and DEL in one block; late write, a request is cut off", {
        scene.with(LATE).cutting(1)
    });
}

#[test]
fn two_agents_meet_in_one_block() {
    let (scene, pool) = crowd();
    let scene = scene.agent().actor(vec![add_eth0("x", "cx", &[&pool])]);
    Case::new("rule 10", "2 owners on one agent, 1 on another, one block of 2", scene).survives();
    let (scene, pool) = warm();
    let scene = scene.actor(life("a", &pool)).agent().actor(life("x", &pool));
    let all = Faults { lost: 1, late: 1, crash: 1, ..Faults::default() };
    for (name, scene) in [
        ("2 agents with ADD and DEL in one block; lost reply, late write, crash", scene.clone().with(all)),
        ("2 agents with ADD and DEL in one block; lost reply, a request is cut off", {
            scene.with(LOST).cutting(1)
        }),
    ] {
        Case::new("rule 10", name, scene).at_the_end(nothing).survives();
    }
}

#[test]
fn rule_8_parts_without_a_name() {
    let (object, pool) = pool(&[0, 1, 2]);
    let indexed = |at, name: Option<&'static str>| (Slot::Indexed(at), name, &pool);
    let all = scene::add("a", "c0", &[indexed(0, Some("eth0")), indexed(1, None)]);
    let second = scene::add("a", "c0", &[indexed(1, Some("net1"))]);
    let first = |deeds| Scene::new(std::slice::from_ref(&object), 1).agent().actor(deeds);
    // The first ADD takes all items; the second may come, or not; the DEL of the first frees what nobody claimed.
    let unclaimed = first(vec![all.clone(), del("a", "c0", Some("eth0"))]);
    Case::new("rule 8", "unnamed ippools: ADD of 2 items, DEL of the first interface", unclaimed.clone())
        .at_the_end(nothing)
        .survives()
        .falls_to(Mutation::UnclaimedPartsStay);
    for (name, scene) in [
        ("the same; lost reply", unclaimed.clone().with(LOST)),
        ("the same; crash", unclaimed.clone().with(CRASH)),
        ("the same; late write", unclaimed.with(LATE)),
    ] {
        Case::new("rule 8", name, scene).at_the_end(nothing).survives();
    }
    let dels = [del("a", "c0", Some("net1")), del("a", "c0", Some("eth0"))];
    let claimed: Vec<_> = [all, second].into_iter().chain(dels).collect();
    for (name, scene) in [
        (
            "unnamed ippools: ADD of 2 items, ADD and DEL of each; lost reply",
            first(claimed.clone()).with(LOST),
        ),
        ("unnamed ippools: ADD of 2 items, ADD and DEL of each; crash", first(claimed).with(CRASH)),
    ] {
        Case::new("rule 8", name, scene).at_the_end(nothing).survives();
    }
}

#[test]
fn h13_a_copy_is_written_only_with_a_grant() {
    let (object, pool) = pool(&[0]);
    let scene = Scene::new(&[object], 0).agent().actor(vec![add_eth0("a", "ca", &[&pool])]);
    let scene = scene.agent().actor(vec![scene::Deed::Delete("p".parse().unwrap())]);
    Case::new("H13", "ADD beside the deletion of its pool", scene)
        .at_the_end(|stage| match scene::stray_copies(&stage.store()).pop() {
            Some(stray) if scene::pools(&stage.store()).is_empty() => {
                Err(format!("a copy of a dead pool for ever: {stray}"))
            }
            _ => Ok(()),
        })
        .survives()
        .falls_to(Mutation::CopyWithoutGrant);
}

#[test]
fn rule_5e_of_two_pools_one_gets_the_subnet() {
    let subnet = spiderpool_core::api::SpiderSubnet {
        metadata: spiderpool_core::api::ObjectMeta {
            name: "home".into(),
            uid: Some("subnet-1".into()),
            ..Default::default()
        },
        spec: spiderpool_core::api::SubnetSpec {
            subnet: "10.0.0.0/24".into(),
            ips: vec!["10.0.0.0-10.0.0.3".into()],
            ..Default::default()
        },
        ..Default::default()
    };
    let key = spiderpool_core::store::Key::Subnet("home".parse().unwrap());
    let apply = |name: &str, ips: &[u8]| {
        let mut pool = pool_object(name, "", ips);
        pool.metadata.uid = None;
        scene::Deed::Apply(Arc::new(pool))
    };
    let scene = Scene::new(&[], 0).put(key, subnet.into());
    let scene = scene.agent().actor(vec![apply("p", &[1, 2])]).agent().actor(vec![apply("q", &[2, 3])]);
    Case::new("rule 5e", "2 pools made at once in one Subnet", scene)
        .at_the_end(|stage| {
            let pools = scene::pools(&stage.store());
            let common = pools.values().fold((0, 0), |(all, twice), ips| (all | ips, twice | (all & ips))).1;
            if common != 0 {
                return Err(format!("two pools have the same addresses: {pools:?}"));
            }
            if pools.is_empty() { Err("neither pool was made".into()) } else { Ok(()) }
        })
        .survives()
        .falls_to(Mutation::ClaimSubnetBlindly);
}

#[test]
fn i9_two_pods_with_two_families_on_two_agents() {
    let (v4, v6) = (pool_object("p4", "pool-4", &[0]), pool_object_v6("p6", "pool-6", &[0]));
    let (four, six) = (pool_ref(&v4), pool_ref(&v6));
    let scene = Scene::new(&[v4, v6], 0).agent().actor(vec![add_eth0("a", "ca", &[&four, &six])]);
    let whole = |stage: &Stage| {
        let answers = (0..2).flat_map(|at| stage.answers(at)).filter_map(|answer| answer.split_once(": "));
        let granted =
            answers.map(|(_, text)| text.matches("10.0.0.").count() + text.matches("fd00::").count());
        let (granted, held): (usize, usize) = (granted.sum(), sight::records(&stage.store()).len());
        (granted == held)
            .then_some(())
            .ok_or(format!("{granted} addresses were answered, {held} are held (I9)"))
    };
    let both = scene.clone().agent().actor(vec![add_eth0("b", "cb", &[&four, &six])]);
    Case::new("I9", "2 agents, v4+v6, one address of each", both).at_the_end(whole).survives();
    let other = scene.agent().actor(vec![add_eth0("b", "cb", &[&six])]);
    Case::new("I9", "2 agents, v4+v6 and v6, one address of each", other)
        .at_the_end(whole)
        .survives()
        .falls_to(Mutation::PartsNotUndone);
}
