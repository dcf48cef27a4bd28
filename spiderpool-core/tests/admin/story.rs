//! Ordinary operations in any order.

use std::time::Duration;

use proptest::prelude::*;
use spiderpool_core::{
    admin::{Deletion, Mode},
    alloc::Allocator,
    model::Binding,
    store::StoreExt,
};

use super::{
    scene::{CIDR, named},
    world::{Hands, add, del, pool, reference, reservation, subnet},
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

/// The last bytes that a reservation covers.
pub(crate) type Reserved = Vec<(u8, u8)>;

/// Does all of it. Operations may be refused; whatever they do, they leave nothing behind.
pub(crate) async fn play(allocator: &Allocator, hands: &Hands, steps: Vec<Step>) -> Reserved {
    let mut reserved: Vec<(usize, u8, u8)> = Vec::new();
    for (round, step) in steps.into_iter().enumerate() {
        // Operations may be refused; whatever they do, they leave nothing behind.
        match step {
            Step::Add(pod, at) => {
                // A pod's binding follows from its kind, so it does not change.
                let binding = if pod % 2 == 0 { Binding::Stateless } else { Binding::Stateful };
                let name = format!("p{at}");
                if allocator.store().pool(&named(&name)).await.unwrap().is_some() {
                    let pools = [reference(allocator, &name).await];
                    let _ = add(allocator, pod, round, &pools, binding).await;
                }
            }
            Step::Del(pod) => {
                for earlier in 0..round {
                    del(allocator, pod, earlier).await;
                }
            }
            Step::Wait(seconds) => hands.advance(Duration::from_secs(seconds)),
            Step::Reserve(first, last) => {
                let range = format!("10.0.0.{first}-10.0.0.{last}");
                let wanted = reservation(&format!("r{round}"), &[&range]);
                allocator.apply_reservation(&wanted, Mode::Real).await.unwrap();
                reserved.push((round, first, last));
            }
            Step::Unreserve => {
                if let Some((round, ..)) = reserved.pop() {
                    let name = named(&format!("r{round}"));
                    allocator.delete_reservation(&name, Mode::Real).await.unwrap();
                }
            }
            Step::Pool(at, first, last, out) => {
                let range = format!("10.0.0.{first}-10.0.0.{last}");
                let mut wanted = pool(&format!("p{at}"), CIDR, &[&range]);
                wanted.spec.exclude_ips = vec![format!("10.0.0.{out}")];
                let _ = allocator.apply_pool(&wanted, Mode::Real).await;
            }
            Step::DeletePool(at, how) => {
                let _ = allocator.delete_pool(&named(&format!("p{at}")), how, Mode::Real).await;
            }
            Step::Subnet(last) => {
                let wanted = subnet("home", CIDR, &[&format!("10.0.0.1-10.0.0.{last}")]);
                let _ = allocator.apply_subnet(&wanted, Mode::Real).await;
            }
            Step::DeleteSubnet(how) => {
                let _ = allocator.delete_subnet(&named("home"), how, Mode::Real).await;
            }
            Step::Tend => drop(allocator.tend().await.unwrap()),
        }
    }
    reserved.into_iter().map(|(_, first, last)| (first, last)).collect()
}
