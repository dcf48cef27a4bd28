//! Candidates whose clocks are set and run differently, that are paused anywhere, on a store that loses answers and delays
//! writes: at no instant two of them lead.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Holder, Leadership, LeaseTiming, Standing, lease_key,
    round::{Ended, Round, Seen},
};
use crate::{
    env::Env,
    name::{Namespace, NodeName},
    protocol::{Failure, Input, Machine, Op, Reply, Step},
    store::{Document, Key, MemoryStore, Store, Token, Versioned},
    time::{Moment, Timestamp},
};

/// Numbers from a seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

struct Process {
    holder: Holder,
    /// Milliseconds of its clock per thousand real ones.
    rate: u64,
    offset: u64,
    round: Option<Round>,
    reply: Option<Reply>,
    until: Option<Moment>,
    seen: Option<Seen>,
    /// Paused until then.
    wakes: u64,
    next_round: u64,
}

impl Process {
    fn moment(&self, real: u64) -> Moment {
        Moment::from_millis(self.offset + real * self.rate / 1000)
    }

    fn leads(&self, real: u64) -> bool {
        self.until.is_some_and(|until| self.moment(real) < until)
    }
}

/// A request on its way; of whom, if it is still waited for.
struct Flight {
    process: usize,
    waited_for: bool,
    op: Op,
}

struct World {
    key: Key,
    timing: LeaseTiming,
    real: u64,
    lease: Option<(u64, Document)>,
    revision: u64,
    processes: Vec<Process>,
    flights: Vec<Flight>,
    numbers: Numbers,
    leaders: BTreeSet<usize>,
}

impl World {
    /// `rates`: how fast clocks may run, per thousand.
    fn new(seed: u64, timing: LeaseTiming, rates: std::ops::Range<u64>) -> Self {
        let mut numbers = Numbers(seed);
        let node = NodeName::new("n").unwrap();
        let process = |numbers: &mut Numbers| Process {
            holder: Holder::on(&node, &Env::system()),
            rate: rates.start + numbers.below(rates.end - rates.start),
            offset: numbers.below(1 << 40),
            round: None,
            reply: None,
            until: None,
            seen: None,
            wakes: 0,
            next_round: 0,
        };
        let processes = (0..3).map(|_| process(&mut numbers)).collect();
        let key = lease_key(&Namespace::new("kube-system").unwrap(), "lead").unwrap();
        let (flights, leaders) = (Vec::new(), BTreeSet::new());
        Self { key, timing, real: 0, lease: None, revision: 0, processes, flights, numbers, leaders }
    }

    fn execute(&mut self, op: &Op) -> Reply {
        let token = |revision: u64| Token::new(revision.to_string());
        match (op, &self.lease) {
            (Op::Get(key), found) => Reply::Got(found.as_ref().map(|(revision, document)| Versioned {
                key: key.clone(),
                token: token(*revision),
                document: document.clone(),
            })),
            (Op::Create(..), Some(_)) => Reply::Failed(Failure::Exists),
            (Op::Update(_, sent, _), Some((revision, _))) if *sent != token(*revision) => {
                Reply::Failed(Failure::Conflict)
            }
            (Op::Update(..), None) => Reply::Failed(Failure::Missing),
            (Op::Create(_, document) | Op::Update(_, _, document), _) => {
                self.revision += 1;
                self.lease = Some((self.revision, document.clone()));
                Reply::Written(token(self.revision))
            }
            other => panic!("{other:?}"),
        }
    }

    /// A process that is awake goes one step on.
    fn act(&mut self, at: usize) {
        let (real, key, timing) = (self.real, self.key.clone(), self.timing);
        let process = &mut self.processes[at];
        if process.wakes > real {
            return;
        }
        let reply = match (&process.round, process.reply.take()) {
            (None, _) if process.next_round <= real => {
                process.round = Some(Round::new(key, process.holder.clone(), timing, process.seen.clone()));
                Reply::Start
            }
            (Some(_), Some(reply)) => reply,
            _ => return,
        };
        let input = Input { now: Timestamp::from_millis(real as i64), moment: process.moment(real), reply };
        match process.round.as_mut().unwrap().step(input) {
            Step::Do(op) => self.flights.push(Flight { process: at, waited_for: true, op }),
            Step::Done(ended) => {
                process.round = None;
                process.next_round = real + timing.pause().as_millis() as u64;
                match ended {
                    Ended::Leads(until) => (process.until, process.seen) = (Some(until), None),
                    Ended::Follows(seen, _) => (process.until, process.seen) = (None, Some(seen)),
                    Ended::Unknown => {}
                }
            }
        }
    }

    /// A request arrives; its answer may be lost, or it was given up before.
    fn land(&mut self, at: usize, lost: bool) {
        let Flight { process, waited_for, op } = self.flights.swap_remove(at);
        let reply = self.execute(&op);
        if waited_for {
            let reply = if lost { Reply::Failed(Failure::Unknown) } else { reply };
            self.processes[process].reply = Some(reply);
        }
    }

    fn step(&mut self) {
        let choice = self.numbers.below(100);
        let at = self.numbers.below(3) as usize;
        match choice {
            0..40 => self.real += self.numbers.below(300),
            40..75 => self.act(at),
            75..95 if !self.flights.is_empty() => {
                let flight = self.numbers.below(self.flights.len() as u64) as usize;
                let lost = self.numbers.below(10) == 0;
                self.land(flight, lost);
            }
            95 if !self.flights.is_empty() => {
                // Nobody waits for it any more, and it lands some time.
                let flight = self.numbers.below(self.flights.len() as u64) as usize;
                let flight = &mut self.flights[flight];
                if std::mem::take(&mut flight.waited_for) {
                    self.processes[flight.process].reply = Some(Reply::Failed(Failure::Unknown));
                }
            }
            96 => self.processes[at].wakes = self.real + self.numbers.below(40_000),
            97 => self.real += self.numbers.below(10_000),
            _ => {}
        }
    }

    /// The processes that lead now.
    fn leading(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|at| self.processes[*at].leads(self.real)).collect()
    }

    /// Whether at some instant two led.
    fn storm(&mut self, steps: usize) -> bool {
        for _ in 0..steps {
            self.step();
            let leading = self.leading();
            if leading.len() > 1 {
                return true;
            }
            self.leaders.extend(leading);
        }
        false
    }

    /// The network works, nobody is paused: some time somebody leads, and goes on to.
    fn calm(&mut self) {
        for process in &mut self.processes {
            process.wakes = 0;
        }
        let mut last = None;
        for round in 0..600 {
            self.real += 100;
            for _ in 0..6 {
                (0..3).for_each(|at| self.act(at));
                while !self.flights.is_empty() {
                    self.land(0, false);
                }
            }
            let leading = self.leading();
            assert!(leading.len() < 2);
            if round > 400 {
                assert_eq!(leading.len(), 1, "nobody leads");
                assert!(last.is_none_or(|last| last == leading[0]), "the leader changes without need");
                last = Some(leading[0]);
            }
        }
    }
}

const SEEDS: u64 = 300;

#[test]
fn never_two_lead_and_in_calm_one_does() {
    let mut led = 0;
    for seed in 0..SEEDS {
        // As far apart as clocks may run: 9 % slow to 9 % fast.
        let mut world = World::new(seed, LeaseTiming::default(), 910..1090);
        assert!(!world.storm(5_000), "seed {seed}: two lead");
        led += world.leaders.len();
        world.calm();
    }
    assert!(led as u64 > SEEDS * 2, "leaders hardly ever changed: {led}");
}

/// The test above can fail.
#[test]
fn two_lead_where_there_is_no_margin_or_clocks_run_wild() {
    let timing = LeaseTiming::default();
    let without = LeaseTiming { leads: timing.duration, ..timing };
    assert!((0..SEEDS).any(|seed| World::new(seed, without, 910..1090).storm(5_000)));
    assert!((0..SEEDS).any(|seed| World::new(seed, timing, 500..2000).storm(5_000)));
}

#[test]
fn a_leader_that_resigns_is_followed_at_once() {
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::new(MemoryStore::new());
    let env = Env::system();
    let key = lease_key(&Namespace::new("default").unwrap(), "lead").unwrap();
    let candidate = |node: &str| {
        let holder = Holder::on(&NodeName::new(node).unwrap(), &env);
        Leadership::new(
            store.clone(),
            env.clone(),
            key.clone(),
            holder,
            LeaseTiming::new(Duration::from_secs(3600)),
        )
    };
    pollster::block_on(async {
        let (a, b) = (candidate("a"), candidate("b"));
        assert_eq!(a.round().await.unwrap(), Standing::Leading);
        let leader = Some(a.holder().to_string());
        assert_eq!(b.round().await.unwrap(), Standing::Following { leader });
        assert!(a.leads() && !b.leads());
        // Not its own: nothing happens.
        b.resign().await.unwrap();
        assert_eq!(a.round().await.unwrap(), Standing::Leading);
        a.resign().await.unwrap();
        assert!(!a.leads());
        assert_eq!(b.round().await.unwrap(), Standing::Leading);
        let found = store.get(&key).await.unwrap().unwrap();
        let spec = &found.document.as_resource().unwrap().rest["spec"];
        assert_eq!(
            (&spec["holderIdentity"], &spec["leaseTransitions"], &spec["leaseDurationSeconds"]),
            (&b.holder().as_str().into(), &1.into(), &3600.into())
        );
        assert!(!a.leads() && matches!(a.round().await.unwrap(), Standing::Following { .. }));
    });
}
