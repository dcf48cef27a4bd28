//! A scene being played: what can happen next, and what happens then.

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    hash::{Hash, Hasher},
    pin::Pin,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use parking_lot::Mutex;
use spiderpool_core::{
    addr::Address,
    alloc::{Allocator, AllocatorConfig, MemoryLog},
    name::{ContainerId, NodeName},
    protocol::{Fence, Op},
};

use super::{
    super::{
        hash::Quick,
        sight::{self, Running},
        store::ModelStore,
        world::Faults,
    },
    desk::{Desk, Fate, GatedStore},
    hourglass::Hourglass,
    scene::{Deed, Scene},
};

type Answer = Result<Vec<String>, String>;

type Request = Pin<Box<dyn Future<Output = Answer>>>;

struct Agent {
    log: Option<Arc<MemoryLog>>,
    allocator: Allocator,
    lives: u64,
    /// Everything that happened to it, in order: with the store, all that its state depends on.
    history: Quick,
}

struct Actor {
    agent: usize,
    /// The next one stands last.
    deeds: Vec<Deed>,
    current: Option<(Deed, Request)>,
    answers: Vec<String>,
}

/// What happens next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Begin(usize),
    Settle(usize, Fate),
    Land(usize),
    Cut(usize),
    Crash(usize),
    Turn,
}

/// Those who are to be polled, in the order in which they were woken.
type Awake = Arc<Mutex<VecDeque<usize>>>;

struct Bell(usize, Awake);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut awake = self.1.lock();
        if !awake.contains(&self.0) {
            awake.push_back(self.0);
        }
    }
}

pub(crate) struct Stage {
    desk: Arc<Desk>,
    clock: Hourglass,
    bits: spiderpool_core::model::BlockBits,
    agents: Vec<Agent>,
    actors: Vec<Actor>,
    awake: Awake,
    late: Vec<Op>,
    faults: Faults,
    cuts: u8,
    pub(crate) running: Running,
    ended: BTreeSet<ContainerId>,
}

impl Stage {
    pub(crate) fn new(scene: &Scene) -> Self {
        let desk = Arc::new(Desk::new(scene.store.clone()));
        let clock = Hourglass::default();
        let agents = scene.agents.iter().enumerate().map(|(at, logs)| {
            let log = logs.then(|| Arc::new(MemoryLog::default()));
            let allocator = open(&desk, &clock, scene.bits, at, 0, log.clone());
            Agent { log, allocator, lives: 1, history: Quick::default() }
        });
        let agents: Vec<Agent> = agents.collect();
        let actors = scene.actors.iter().map(|(agent, deeds)| Actor {
            agent: *agent,
            deeds: deeds.iter().rev().cloned().collect(),
            current: None,
            answers: Vec::new(),
        });
        let mut stage = Self {
            desk,
            clock,
            bits: scene.bits,
            agents,
            actors: actors.collect(),
            awake: Awake::default(),
            late: Vec::new(),
            faults: scene.faults,
            cuts: scene.cuts,
            running: Running::new(),
            ended: BTreeSet::new(),
        };
        for (agent, deed) in &scene.before {
            stage.begins(deed);
            let answer = pollster::block_on(deed.clone().run(stage.agents[*agent].allocator.clone()));
            stage.answered(deed, &answer);
        }
        stage.desk.open(false);
        stage
    }

    pub(crate) fn store(&self) -> ModelStore {
        self.desk.store()
    }

    /// What actor `at` was answered, in order.
    pub(crate) fn answers(&self, at: usize) -> &[String] {
        &self.actors[at].answers
    }

    /// Everything that can happen next; nothing but late writes may be left where everybody is done.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut all = Vec::new();
        for (at, actor) in self.actors.iter().enumerate() {
            if actor.current.is_none() && !actor.deeds.is_empty() {
                all.push(Event::Begin(at));
            }
        }
        let waiting = self.desk.waiting();
        for (at, (_, _, op)) in waiting.iter().enumerate() {
            all.push(Event::Settle(at, Fate::Done));
            let writes = matches!(op, Op::Create(..) | Op::Update(..) | Op::Delete(..));
            if writes && self.faults.lost > 0 {
                all.push(Event::Settle(at, Fate::Lost));
            }
            if writes && self.faults.late > 0 {
                all.push(Event::Settle(at, Fate::Late));
            }
        }
        let busy = self.actors.iter().any(|actor| actor.current.is_some());
        // Only where nobody else can go on: a pause lets the others pass.
        if all.is_empty() && busy && self.clock.is_awaited() {
            all.push(Event::Turn);
        }
        if busy && self.cuts > 0 {
            let cut = self.actors.iter().enumerate().filter(|(_, actor)| actor.current.is_some());
            all.extend(cut.map(|(at, _)| Event::Cut(at)));
        }
        if self.faults.crash > 0 {
            for agent in 0..self.agents.len() {
                if self.actors.iter().any(|actor| actor.agent == agent && actor.current.is_some()) {
                    all.push(Event::Crash(agent));
                }
            }
        }
        all.extend((0..self.late.len()).map(Event::Land));
        all
    }

    /// Whether everybody is done.
    pub(crate) fn idle(&self) -> bool {
        self.actors.iter().all(|actor| actor.current.is_none() && actor.deeds.is_empty())
    }

    /// In words.
    pub(crate) fn tell(&self, event: &Event) -> String {
        match event {
            Event::Begin(at) => {
                let deed = self.actors[*at].deeds.last().map(Deed::name).unwrap_or_default();
                format!("actor {at} begins {deed} on agent {}", self.actors[*at].agent)
            }
            Event::Settle(at, fate) => {
                let (_, agent, op) = &self.desk.waiting()[*at];
                format!("agent {agent}: {fate:?}: {}", super::super::world::operation(op))
            }
            other => format!("{other:?}"),
        }
    }

    pub(crate) fn happen(&mut self, event: &Event) {
        match event {
            Event::Begin(at) => {
                let deed = self.actors[*at].deeds.pop().unwrap();
                self.begins(&deed);
                let agent = &mut self.agents[self.actors[*at].agent];
                ("begin", at).hash(&mut agent.history);
                let future = deed.clone().run(agent.allocator.clone());
                self.actors[*at].current = Some((deed, Box::pin(future)));
                Arc::new(Bell(*at, self.awake.clone())).wake();
            }
            Event::Settle(at, fate) => {
                let (number, agent, _) = self.desk.waiting()[*at].clone();
                match fate {
                    Fate::Done => {}
                    Fate::Lost => self.faults.lost -= 1,
                    Fate::Late => self.faults.late -= 1,
                }
                let of_agent = self.desk.waiting().iter().take(*at).filter(|(_, a, _)| *a == agent).count();
                let (late, reply) = self.desk.settle(number, *fate);
                self.late.extend(late);
                ("settle", of_agent, reply).hash(&mut self.agents[agent].history);
            }
            Event::Land(at) => {
                let op = self.late.remove(*at);
                self.desk.land(&op);
            }
            Event::Cut(at) => {
                self.cuts -= 1;
                self.cut(*at);
                ("cut", at).hash(&mut self.agents[self.actors[*at].agent].history);
            }
            Event::Crash(agent) => {
                self.faults.crash -= 1;
                let its: Vec<usize> =
                    (0..self.actors.len()).filter(|at| self.actors[*at].agent == *agent).collect();
                its.into_iter().for_each(|at| self.cut(at));
                let (log, lives) = (self.agents[*agent].log.clone(), self.agents[*agent].lives);
                self.desk.open(true);
                self.agents[*agent].allocator = open(&self.desk, &self.clock, self.bits, *agent, lives, log);
                self.desk.open(false);
                self.agents[*agent].lives += 1;
                "crash".hash(&mut self.agents[*agent].history);
            }
            Event::Turn => {
                self.clock.turn();
                self.agents.iter_mut().for_each(|agent| "turn".hash(&mut agent.history));
            }
        }
        self.poll();
    }

    /// A request is cut off. The kubelet sends a DEL again.
    fn cut(&mut self, at: usize) {
        if let Some((deed @ Deed::Del(_), _)) = self.actors[at].current.take() {
            self.actors[at].deeds.push(deed);
        }
    }

    fn begins(&mut self, deed: &Deed) {
        match deed {
            Deed::Del(request) => {
                if let Fence::Container(container) = &request.fence {
                    self.running.remove(container);
                    self.ended.insert(container.clone());
                }
            }
            Deed::Add(request) => {
                // A pod has one sandbox: the next one is made when the last one has ended.
                let (uid, own) = (&request.owner.uid, &request.container);
                self.running.retain(|container, (owner, _)| owner != uid || container == own);
            }
            _ => {}
        }
    }

    fn answered(&mut self, deed: &Deed, answer: &Answer) {
        if let (Deed::Add(request), Ok(addresses)) = (deed, answer)
            && !self.ended.contains(&request.container)
        {
            let addresses = addresses.iter().map(|address| address.parse::<Address>().unwrap());
            let entry = self.running.entry(request.container.clone());
            entry.or_insert((request.owner.uid.clone(), Vec::new())).1.extend(addresses);
        }
    }

    /// Lets everybody go on who can.
    fn poll(&mut self) {
        loop {
            let Some(at) = self.awake.lock().pop_front() else { return };
            let waker = Waker::from(Arc::new(Bell(at, self.awake.clone())));
            let Some((_, future)) = &mut self.actors[at].current else { continue };
            let std::task::Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker))
            else {
                continue;
            };
            let Some((deed, _)) = self.actors[at].current.take() else { continue };
            self.answered(&deed, &answer);
            if let (Deed::Del(_), Err(_)) = (&deed, &answer) {
                self.actors[at].deeds.push(deed.clone());
            }
            let text = answer.map_or_else(|word| word, |addresses| addresses.join(" "));
            self.actors[at].answers.push(format!("{}: {text}", deed.name()));
        }
    }

    /// What tells this state from others. An agent's state follows from what happened to it.
    pub(crate) fn fingerprint(&self) -> u64 {
        let agents: Vec<u64> = self.agents.iter().map(|agent| agent.history.finish()).collect();
        Quick::of(&(self.store(), agents, &self.late, self.faults, self.cuts, self.clock.micros()))
    }

    /// What must hold in every state.
    pub(crate) fn check(&self) -> Result<(), String> {
        let store = self.store();
        sight::check_records(&store, |_| false, true)?;
        sight::check_running(&store, &self.running)
    }
}

fn open(
    desk: &Arc<Desk>,
    clock: &Hourglass,
    bits: spiderpool_core::model::BlockBits,
    agent: usize,
    life: u64,
    log: Option<Arc<MemoryLog>>,
) -> Allocator {
    let store = Arc::new(GatedStore { desk: desk.clone(), agent, bits });
    let mut config = AllocatorConfig::new(NodeName::new(format!("n{agent}")).unwrap());
    config.log = log.map(|log| log as Arc<dyn spiderpool_core::alloc::IntentLog>);
    pollster::block_on(Allocator::open(store, clock.env(agent, life), config)).unwrap()
}
