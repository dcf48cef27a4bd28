//! Ordinary operations in any order.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use spiderpool_core::{
    admin::{Deletion, Mode},
    alloc::{Allocator, DelRequest},
    api::SpiderIPPool,
    model::{Binding, Pool},
    name::ContainerId,
    protocol::{Fence, ReleaseMode},
    store::StoreExt,
};

use super::{
    scene::{CIDR, named},
    world::{Hands, add, owner, pool, reference_to, reservation, subnet},
};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Add(usize, usize),
    Del(usize),
    Wait(u64),
    Reserve(u8, u8),
    Unreserve,
    Pool(usize, u8, u8, u8),
    DeletePool(usize, Deletion),
    Subnet(u8),
    DeleteSubnet(Deletion),
    Tend,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let deletion = || prop_oneof![Just(Deletion::Guarded), Just(Deletion::Terminate)];
    prop_oneof![
        8 => (0..9usize, 0..3usize).prop_map(|(pod, pool)| Step::Add(pod, pool)),
        4 => (0..9usize).prop_map(Step::Del),
        1 => (1..200u64).prop_map(Step::Wait),
        1 => (0..60u8, 0..6u8).prop_map(|(first, more)| Step::Reserve(first, first + more)),
        1 => Just(Step::Unreserve),
        6 => (0..3usize, 1..60u8, 0..30u8, 0..60u8)
            .prop_map(|(pool, first, more, out)| Step::Pool(pool, first, first + more, out)),
        2 => (0..3usize, deletion()).prop_map(|(pool, how)| Step::DeletePool(pool, how)),
        2 => (50..100u8).prop_map(Step::Subnet),
        1 => deletion().prop_map(Step::DeleteSubnet),
        1 => Just(Step::Tend),
    ]
}

/// A round of the story, or several.
pub(crate) struct Story {
    round: usize,
    /// The container of each pod's last ADD.
    containers: BTreeMap<usize, usize>,
    /// The reservations that were made, and the last bytes that they cover.
    reserved: Vec<(usize, (u8, u8))>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self { round: 0, containers: BTreeMap::new(), reserved: Vec::new() }
    }

    /// The last bytes that reservations cover.
    pub(crate) fn reserved(&self) -> impl Iterator<Item = (u8, u8)> {
        self.reserved.iter().map(|(_, range)| *range)
    }

    /// Does one thing. Whether it was done, as far as the one who did it knows: it may be refused, or meet a fault.
    pub(crate) async fn step(&mut self, allocator: &Allocator, hands: &Hands, step: Step) -> bool {
        self.round += 1;
        let round = self.round;
        match step {
            Step::Add(pod, at) => {
                // A pod's binding follows from its kind, so it does not change.
                let binding = if pod % 2 == 0 { Binding::Stateless } else { Binding::Stateful };
                let Some(object) = find(allocator, at).await else { return false };
                let Ok(pool) = Pool::try_from(&object) else { return false };
                self.containers.insert(pod, round);
                add(allocator, pod, round, &[reference_to(&pool)], binding).await.is_ok()
            }
            Step::Del(pod) => {
                let Some(container) = self.containers.get(&pod) else { return true };
                let request = DelRequest {
                    owner: owner(pod).uid,
                    fence: Fence::Container(
                        ContainerId::new(format!("container-{pod}-{container}")).unwrap(),
                    ),
                    interface: None,
                    mode: ReleaseMode::Del,
                    timeout: Duration::from_secs(5),
                };
                allocator.del(&request).await.is_ok()
            }
            Step::Wait(seconds) => {
                hands.advance(Duration::from_secs(seconds));
                true
            }
            Step::Reserve(first, last) => {
                let range = format!("10.0.0.{first}-10.0.0.{last}");
                let wanted = reservation(&format!("r{round}"), &[&range]);
                let done = allocator.apply_reservation(&wanted, Mode::Real).await.is_ok();
                if done {
                    self.reserved.push((round, (first, last)));
                }
                done
            }
            Step::Unreserve => {
                let Some((made, _)) = self.reserved.last() else { return true };
                let name = named(&format!("r{made}"));
                let done = allocator.delete_reservation(&name, Mode::Real).await.is_ok();
                if done {
                    self.reserved.pop();
                }
                done
            }
            Step::Pool(at, first, last, out) => {
                let range = format!("10.0.0.{first}-10.0.0.{last}");
                let mut wanted = pool(&format!("p{at}"), CIDR, &[&range]);
                wanted.spec.exclude_ips = vec![format!("10.0.0.{out}")];
                allocator.apply_pool(&wanted, Mode::Real).await.is_ok()
            }
            Step::DeletePool(at, how) => {
                allocator.delete_pool(&named(&format!("p{at}")), how, Mode::Real).await.is_ok()
            }
            Step::Subnet(last) => {
                let wanted = subnet("home", CIDR, &[&format!("10.0.0.1-10.0.0.{last}")]);
                allocator.apply_subnet(&wanted, Mode::Real).await.is_ok()
            }
            Step::DeleteSubnet(how) => allocator.delete_subnet(&named("home"), how, Mode::Real).await.is_ok(),
            Step::Tend => allocator.tend().await.is_ok(),
        }
    }
}

async fn find(allocator: &Allocator, at: usize) -> Option<SpiderIPPool> {
    let found = allocator.store().pool(&named(&format!("p{at}"))).await.ok().flatten();
    found.map(|(pool, _)| pool.as_ref().clone())
}

/// Does all of it. What can only fail for want of a store is done.
pub(crate) async fn play(allocator: &Allocator, hands: &Hands, steps: Vec<Step>) -> Story {
    let mut story = Story::new();
    for step in steps {
        let surely = matches!(step, Step::Del(_) | Step::Reserve(..) | Step::Unreserve | Step::Tend);
        let done = story.step(allocator, hands, step.clone()).await;
        assert!(done || !surely, "{step:?}");
    }
    story
}
