//! What is derived, and what one call shows: no interleaving is needed to see that it is wrong.

use std::{sync::Arc, time::Duration};

use pollster::block_on;
use spiderpool_core::{
    addr::Family,
    admin::Mode,
    alloc::{Allocator, AllocatorConfig},
    api::{Claim, ClaimState, ObjectMeta, SpiderEndpoint, SpiderIPPool, keys},
    endpoint::{Holders, Merged, ShownAddress, ShownInterface, View, show},
    model::{Binding, BlockBits, BlockId, Pool},
    mutation::Mutation,
    name::NodeName,
    protocol::{
        Action, Belief, Commit, Grant, Input, Intent, Logging, Machine, Outcome, PoolRef, Reply, Step,
    },
    store::{Kind, MemoryStore, Selector, Store, StoreExt},
    time::{Moment, Timestamp},
    transfer::ImportOptions,
};

use super::{
    shell::{Hourglass, add_eth0, del},
    world::things::{address, ask, pool_object, pool_ref, scope},
};

/// The law holds, and without this rule it does not.
pub(crate) fn holds(law: impl Fn() -> Result<(), String>, without: Mutation) {
    law().unwrap();
    let broken = without.during(&law).expect_err("the mutation is not found");
    println!("| | | | | {without:?} | 1 | {broken} |");
}

/// An allocator on a store of its own, with the pool `p`.
async fn one_pool(pool: &SpiderIPPool, clock: &Hourglass) -> (Allocator, Arc<PoolRef>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let config = AllocatorConfig::new(NodeName::new("n").unwrap());
    let allocator = Allocator::open(store, clock.env(0, 0), config).await.unwrap();
    allocator.apply_pool(pool, Mode::Real).await.unwrap();
    let (stored, _) = allocator.store().pool(&"p".parse().unwrap()).await.unwrap().unwrap();
    let parsed = Pool::try_from(stored.as_ref()).unwrap();
    let reference = PoolRef { cooldown: parsed.cooldown, ..pool_ref(&stored).as_ref().clone() };
    (allocator, Arc::new(reference))
}

fn written(ips: &[u8]) -> SpiderIPPool {
    let mut pool = pool_object("p", "", ips);
    pool.metadata.uid = None;
    pool
}

#[test]
fn i7_excluded_addresses_are_never_granted() {
    let law = || {
        block_on(async {
            let mut pool = written(&[1, 2, 3]);
            pool.spec.exclude_ips = vec!["10.0.0.1-10.0.0.2".into()];
            let (allocator, reference) = one_pool(&pool, &Hourglass::default()).await;
            for pod in ["a", "b", "c"] {
                let answer = add_eth0(pod, pod, &[&reference]).run(allocator.clone()).await;
                if answer.is_ok_and(|addresses| addresses != ["10.0.0.3"]) {
                    return Err("an excluded address was granted (I7)".into());
                }
            }
            Ok(())
        })
    };
    holds(law, Mutation::IgnoreExclusions);
}

#[test]
fn i8_counts_say_what_the_blocks_say() {
    let law = || {
        block_on(async {
            let mut pool = written(&[1, 2]);
            pool.metadata.annotations.insert(keys::COOLDOWN.into(), "60s".into());
            let (allocator, reference) = one_pool(&pool, &Hourglass::default()).await;
            for deed in [add_eth0("a", "ca", &[&reference]), del("a", "ca", None)] {
                deed.run(allocator.clone()).await?;
            }
            let (stored, _) = allocator.store().pool(&"p".parse().unwrap()).await.unwrap().unwrap();
            let counts = allocator.inspect().pool_counts(&stored).await.unwrap();
            let mut granted = 0;
            for pod in ["b", "c"] {
                let answer = add_eth0(pod, pod, &[&reference]).run(allocator.clone()).await;
                granted += u128::from(answer.is_ok());
            }
            match counts.free == granted {
                true => Ok(()),
                false => Err(format!("{} free, {granted} granted (I8)", counts.free)),
            }
        })
    };
    holds(law, Mutation::CountsForgetCooling);
}

#[test]
fn i12_an_import_has_what_was_exported() {
    let law = || {
        block_on(async {
            let clock = Hourglass::default();
            let (allocator, reference) = one_pool(&written(&[1, 2]), &clock).await;
            for deed in [add_eth0("a", "ca", &[&reference]), del("a", "ca", None)] {
                deed.run(allocator.clone()).await?;
            }
            let other: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let export = allocator.export().await.unwrap();
            export.import(other.clone(), &clock.env(1, 0), ImportOptions::default()).await.unwrap();
            let mut released = Vec::new();
            for store in [allocator.store(), &other] {
                let blocks = store.list(&Selector::Kind(Kind::Block)).await.unwrap().items;
                let blocks = blocks.iter().filter_map(|item| item.document.as_block());
                released.push(blocks.map(|block| block.released_mask().count_ones()).sum::<u32>());
            }
            match released[0] == released[1] {
                true => Ok(()),
                false => {
                    Err(format!("of {} released addresses {} are known (I12)", released[0], released[1]))
                }
            }
        })
    };
    holds(law, Mutation::ExportForgetsReleases);
}

#[test]
fn i13_a_view_leaves_claims_alone() {
    let law = || {
        let pool = pool_ref(&pool_object("p", "pool-1", &[0]));
        let mine = ask("web-0", "c0", &pool);
        let record = Arc::new(mine.record(0, "n1"));
        let claim = Claim {
            interface: record.slot.clone(),
            ip_version: Family::V4,
            address: address(1),
            state: ClaimState::Holds,
        };
        let mut endpoint = SpiderEndpoint {
            metadata: ObjectMeta { name: "web-0".into(), ..ObjectMeta::default() },
            ..SpiderEndpoint::default()
        };
        endpoint.status.claims.push(claim);
        let shown = ShownAddress {
            address: address(0),
            pool: pool.name.clone(),
            prefix_len: 24,
            gateway: None,
            vlan: None,
        };
        let interface = ShownInterface {
            slot: record.slot.clone(),
            interface: record.interface.clone(),
            addresses: vec![shown],
            routes: Vec::new(),
            clean_gateway: false,
            mac: None,
        };
        let view = View {
            owner: record.owner.clone(),
            node: record.node.clone(),
            controller: None,
            binding: Binding::Stateless,
            interfaces: vec![interface],
        };
        let holders: Holders = [(address(0), record)].into_iter().collect();
        match show(Some(&endpoint), &view, &holders) {
            Merged::Put(next) if next.status.claims == endpoint.status.claims => Ok(()),
            _ => Err("a stateless pod's view took a claim of its name away (I13)".into()),
        }
    };
    holds(law, Mutation::ViewOverwritesClaim);
}

#[test]
fn rule_10_what_is_expired_is_not_run() {
    let law = || {
        let pool = pool_ref(&pool_object("p", "pool-1", &[0]));
        let mine = ask("a", "c0", &pool);
        let grant = Grant {
            key: mine.key(0),
            record: Arc::new(mine.record(0, "n1")),
            pool,
            wanted: None,
            claim: None,
        };
        let bits = BlockBits::new(0).unwrap();
        let intent = Intent { action: Action::Grant(grant), deadline: Moment::from_millis(1_000) };
        let id = BlockId::of(&scope(), bits, address(0));
        let mut commit = Commit::new(id, bits, Logging::On, vec![intent], Belief::Nothing);
        let moment = Moment::from_millis(1_000).after(Duration::from_millis(1));
        match commit.step(Input { now: Timestamp::from_millis(0), moment, reply: Reply::Start }) {
            Step::Done(done) if done.outcomes() == [Outcome::Expired] => Ok(()),
            _ => Err("a request whose deadline has passed goes on (rule 10)".into()),
        }
    };
    holds(law, Mutation::ExpiredRuns);
}

/// Which cases take each rule away. A mutation without one does not compile.
fn cases_of(mutation: Mutation) -> &'static str {
    use Mutation as M;
    match mutation {
        M::PlanFromCache
        | M::PlanBeforeToken
        | M::AdmitWithoutBump
        | M::AdmitSkipsUncopied
        | M::AdmitIgnoresHolders => "H1",
        M::AdmitReplaces => "H2",
        M::RefusalRestores => "H3",
        M::AdmitWidens => "H4",
        M::SettleDropsCurrent | M::SettleWidensWhilePending => "H5",
        M::GrantIntoAbsence => "H6",
        M::IgnoreReservations | M::SettleDropsCreation => "H7",
        M::PlanOfTheName | M::DeleteWithoutBump => "H8",
        M::AgentNeverSettles => "H9",
        M::OnePassExhaustion
        | M::ProofNotConfirmed
        | M::SeenAtAnyToken
        | M::SurveyNotCompared
        | M::ContentionSpills => "H10",
        M::AddLeavesAttemptOpen
        | M::DelLeavesAttemptOpen
        | M::CloseWithoutBump
        | M::CloseForgetsReattaching
        | M::UncertainNotMadeDead
        | M::GrantNotLogged
        | M::UncertainNotLogged
        | M::LogNotRead
        | M::AnyReplyAcknowledges
        | M::StaleAnswer => "H11",
        M::UnfencedRelease | M::UnfencedAdd => "H12",
        M::CopyWithoutGrant => "H13",
        M::TakeOverRunning => "H14",
        M::PodNotRead | M::PodBeforeToken => "H15",
        M::ClaimNotRead | M::ClaimBeforeToken => "H16",
        M::ClaimMovesAtOnce | M::WithdrawWithoutBump => "H17",
        M::UnbindClaimOnly => "H18",
        M::DelFreesStateful => "H19",
        M::UnbindRunning | M::UnbindBeforePod => "H20",
        M::UnbindNeedsRecord => "H21",
        M::UnorderedRequests => "H22",
        M::UndoReattached => "H23",
        M::ReleaseDoesNotCool | M::GrantIgnoresCooling => "I3",
        M::IgnoreExclusions => "I7",
        M::CountsForgetCooling => "I8",
        M::PartsNotUndone => "I9",
        M::UndoCools => "I10",
        M::ExportForgetsReleases => "I12",
        M::ViewOverwritesClaim => "I13",
        M::ClaimSubnetBlindly => "rule 5e",
        M::UnclaimedPartsStay => "rule 8",
        M::ExpiredRuns | M::JoinedToOldRead | M::JoinedToOldTruths => "rule 10",
    }
}

/// Every rule that can be taken away is, in one of the cases here.
#[test]
fn every_mutation_has_a_case() {
    let text = [
        include_str!("plans.rs"),
        include_str!("requests.rs"),
        include_str!("stateful.rs"),
        include_str!("shell/cases.rs"),
        include_str!("derived.rs"),
        include_str!("joins.rs"),
    ]
    .concat();
    for mutation in Mutation::ALL {
        let falls = format!("falls_to(Mutation::{mutation:?})");
        let holds = format!("holds(law, Mutation::{mutation:?})");
        let found = text.contains(&falls) || text.contains(&holds);
        assert!(found, "{mutation:?} ({}) is in no case", cases_of(*mutation));
    }
}
