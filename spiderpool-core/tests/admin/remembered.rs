//! Passes of the sweep beside what somebody remembers: pods, and blocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use pollster::block_on;
use spiderpool_core::{
    admin::Mode,
    model::{Binding, Block, BlockId},
    name::{ContainerId, NamespacedName, NodeName, OwnerUid},
    store::{Kind, MemoryStore, ResourceName, Selector, StoreError, Token},
    sweep::{
        BlocksAtHand, ControllerSeen, EndpointSeen, NodeSeen, PodFacts, PodPhase, PodSeen, SandboxSeen,
        Sources, SweepPolicy, Swept,
    },
    time::Timestamp,
};

use super::{
    sweep::{World, pod},
    world::{add, apply, del, owner, pool},
};

/// The sources of a world, and what somebody remembers of its pods and blocks.
#[derive(Debug)]
struct Remembered {
    asked: Arc<dyn Sources>,
    pods: BTreeMap<NamespacedName, PodFacts>,
    blocks: Option<Remembrance>,
    questions: Mutex<Vec<NamespacedName>>,
}

impl Remembered {
    fn new(world: &World) -> Self {
        let asked = Arc::clone(&world.sources);
        Self { asked, pods: BTreeMap::new(), blocks: None, questions: Mutex::default() }
    }
}

/// Blocks as they were.
#[derive(Default)]
struct Remembrance {
    blocks: Vec<(Token, Arc<Block>)>,
    /// Happens when the first block is asked for that is not remembered.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl std::fmt::Debug for Remembrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.blocks.fmt(f)
    }
}

impl BlocksAtHand for Remembrance {
    fn block(&self, id: &BlockId, token: &Token) -> Option<Arc<Block>> {
        let mut blocks = self.blocks.iter().filter(|(known, block)| block.id() == id && known == token);
        let found = blocks.next().map(|(_, block)| Arc::clone(block));
        if found.is_none()
            && let Some(meanwhile) = self.meanwhile.lock().take()
        {
            meanwhile();
        }
        found
    }
}

#[async_trait]
impl Sources for Remembered {
    fn pod_at_hand(&self, name: &NamespacedName) -> Option<PodFacts> {
        self.pods.get(name).cloned()
    }

    fn blocks_at_hand(&self) -> Option<&dyn BlocksAtHand> {
        self.blocks.as_ref().map(|blocks| blocks as _)
    }

    async fn endpoints(&self) -> Option<Result<Vec<EndpointSeen>, StoreError>> {
        None
    }

    async fn pod(&self, name: &NamespacedName) -> PodSeen {
        self.questions.lock().push(name.clone());
        self.asked.pod(name).await
    }

    async fn controller(&self, name: &ResourceName) -> ControllerSeen {
        self.asked.controller(name).await
    }

    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen {
        self.asked.sandbox(node, container).await
    }

    async fn node(&self, name: &NodeName) -> NodeSeen {
        self.asked.node(name).await
    }
}

/// A memory of pods spares questions about those that stay, and frees nothing: not even where it is wrong in every way.
#[test]
fn nothing_goes_by_what_is_only_remembered_of_pods() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        let mut pods = BTreeMap::new();
        let name = |pod: usize| owner(pod).pod.unwrap();
        for number in 0..5 {
            world.add(number, 0, Binding::Stateless).await;
            world.put(pod(number, owner(number).uid.as_str(), "Running")).await;
            world.nodes.say(number, 0, SandboxSeen::Gone);
            let remembered =
                serde_json::from_value(pod(number, owner(number).uid.as_str(), "Running")).unwrap();
            pods.insert(name(number), PodFacts::of(&remembered));
        }
        // 0: as remembered. 1: remembered as another incarnation. 2: as ended long ago. 3: gone since. 4: not remembered.
        pods.get_mut(&name(1)).unwrap().uid = Some(OwnerUid::new("another").unwrap());
        let ended = pods.get_mut(&name(2)).unwrap();
        (ended.phase, ended.finished) = (PodPhase::Failed, Some(Timestamp::from_millis(0)));
        world.remove_pod(3).await;
        pods.remove(&name(4));
        let remembered = Arc::new(Remembered { pods, ..Remembered::new(&world) });
        let sources: Arc<dyn Sources> = Arc::clone(&remembered) as _;
        let swept = world.allocator.sweep(&sources, &SweepPolicy::default(), Mode::Real).await.unwrap();
        assert_eq!(swept.freed().count(), 0);
        let questions = std::mem::take(&mut *remembered.questions.lock());
        assert_eq!(questions, [name(1), name(2), name(4)]);

        // Of what there is news of, nothing else is looked at.
        let held = world.held().await;
        world.remove_pod(4).await;
        let concerned = swept.judged.iter().filter(|judged| judged.pod == Some(name(4)));
        let concerned: BTreeSet<_> = concerned.map(|judged| judged.address).collect();
        let policy = SweepPolicy::default();
        let swept = world.allocator.sweep_these(&sources, &policy, Mode::Real, &concerned).await.unwrap();
        assert_eq!(swept.judged.len(), 1);
        assert_eq!(held.difference(&world.held().await).copied().collect::<BTreeSet<_>>(), concerned);
    });
}

async fn blocks(world: &World) -> Vec<(Token, Arc<Block>)> {
    let listing = world.allocator.store().list(&Selector::Kind(Kind::Block)).await.unwrap();
    listing.items.iter().map(|item| (item.token.clone(), item.document.as_block().unwrap().clone())).collect()
}

/// Verdicts by the store alone, and by these blocks beside it.
async fn both(world: &World, beside: Remembrance) -> (Swept, Swept) {
    let remembered = Remembered { blocks: Some(beside), ..Remembered::new(world) };
    let (plain, sources): (_, Arc<dyn Sources>) = (world.sweep(Mode::DryRun).await, Arc::new(remembered));
    let policy = SweepPolicy::default();
    (plain, world.allocator.sweep(&sources, &policy, Mode::DryRun).await.unwrap())
}

async fn remembering(world: &World, blocks: Vec<(Token, Arc<Block>)>) -> (Swept, Swept) {
    both(world, Remembrance { blocks, ..Remembrance::default() }).await
}

/// A block at hand spares the reading of it where it has the token that the store's has, and is not looked at otherwise.
#[test]
fn a_pass_takes_blocks_at_hand_for_what_they_were_under_their_tokens() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        for number in 0..30 {
            world.add(number, 0, Binding::Stateless).await;
            world.nodes.say(number, 0, SandboxSeen::Gone);
            if number % 3 == 0 {
                world.put(pod(number, owner(number).uid.as_str(), "Running")).await;
            }
        }
        let then = blocks(&world).await;
        assert!(then.len() > 2, "{then:?}");
        let (plain, beside) = remembering(&world, then.clone()).await;
        assert_eq!((plain.judged.len(), &plain), (30, &beside));

        // All, some and none of them are as they were.
        for number in 0..4 {
            let (plain, beside) = remembering(&world, then.clone()).await;
            assert_eq!(plain, beside, "{number}");
            world.add(40 + number, 0, Binding::Stateless).await;
            del(&world.allocator, number, 0).await;
        }
        let (plain, beside) = remembering(&world, Vec::new()).await;
        assert_eq!(plain, beside);

        // It is true that they are not read: what is remembered wrongly under a token of today is believed.
        let now = blocks(&world).await;
        let wrong = now.iter().zip(&then).map(|((token, _), (_, block))| (token.clone(), block.clone()));
        let (plain, beside) = remembering(&world, wrong.collect()).await;
        assert_ne!(plain, beside);
    });
}

/// What is at hand and what is read are of one instant: an owner that moves from one block to another meanwhile is not seen in both.
#[test]
fn a_pass_sees_blocks_at_hand_and_others_at_one_instant() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        let elsewhere = apply(&world.allocator, &pool("q", "10.1.0.0/24", &["10.1.0.1-10.1.0.2"])).await;
        world.add(0, 0, Binding::Stateless).await;
        let near = blocks(&world).await;
        let agent = world.allocator.clone();
        let there = std::slice::from_ref(&elsewhere);
        add(&agent, 1, 0, there, Binding::Stateless).await.unwrap();
        let moves = move || {
            block_on(async {
                del(&agent, 0, 0).await;
                add(&agent, 0, 1, &[elsewhere], Binding::Stateless).await.unwrap();
            });
        };
        let beside = Remembrance { blocks: near, meanwhile: Mutex::new(Some(Box::new(moves))) };
        let (_, beside) = both(&world, beside).await;
        let mut pods: Vec<_> = beside.judged.iter().filter_map(|judged| judged.pod.clone()).collect();
        pods.sort();
        assert_eq!(pods, [0, 1].map(|pod| owner(pod).pod.unwrap()));
    });
}
