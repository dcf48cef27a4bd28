//! Clients at work while something happens to their agent.

use crate::client::{Client, block_on, look};
use crate::dice::Dice;
use crate::support::{AgentProcess, Node};
use spiderpool_core::addr::{Address, Family, IpSet};
use spiderpool_core::history::{Checked, History, Recorder};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// More than there are addresses: the pool is full most of the time.
pub(crate) const CLIENTS: usize = 16;
pub(crate) const ADDRESSES: u8 = 12;

/// The range of the pool that [`apply`] makes.
fn range() -> String {
    format!("10.6.0.1-10.6.0.{ADDRESSES}")
}

pub(crate) fn addresses() -> Vec<Address> {
    (1..=ADDRESSES).map(|n| format!("10.6.0.{n}").parse().unwrap()).collect()
}

/// The pool that all clients share.
pub(crate) fn apply(node: &Node) {
    block_on(node.apply_pool("10.6.0.0/16", &range()));
}

/// What a disturbance knows of the clients.
pub(crate) struct Answers(mpsc::Receiver<()>);

impl Answers {
    /// Waits until so many more calls were answered.
    pub(crate) fn wait_for(&self, count: u64) {
        (0..count).for_each(|_| self.0.recv().unwrap());
    }
}

/// Lets clients work while `disturb` does its part with the agent; then they end, everything is free again, and what they
/// saw is checked.
pub(crate) fn run(
    node: &Node,
    agent: AgentProcess,
    dice: &mut Dice,
    disturb: impl FnOnce(AgentProcess, &Answers, &mut Dice) -> AgentProcess,
) -> (AgentProcess, Checked) {
    let (agent, history) = work(std::slice::from_ref(node), agent, dice, disturb);
    (agent, checked(&history))
}

/// Lets clients work on the agents of `nodes` in turn while `disturb` does its part with `servers`, until they end and
/// everything is free again. What they saw.
pub(crate) fn work<T>(
    nodes: &[Node],
    servers: T,
    dice: &mut Dice,
    disturb: impl FnOnce(T, &Answers, &mut Dice) -> T,
) -> (T, History) {
    let recorder = Recorder::default();
    let stop = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    let round = dice.below(1 << 32);
    let servers = std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = Client {
                name: format!("r{round:x}-c{number}"),
                node: &nodes[number % nodes.len()],
                recorder: &recorder,
                stop: &stop,
                told: tell.clone(),
                dice: dice.fork(),
            };
            scope.spawn(move || block_on(client.live()));
        }
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                block_on(look(&nodes[0], &recorder, &addresses()));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let servers = disturb(servers, &Answers(told), dice);
        stop.store(true, Ordering::Relaxed);
        servers
    });
    let held = block_on(look(&nodes[0], &recorder, &addresses()));
    let history = recorder.history();
    assert_eq!(held, Some(0), "everything was released{}", kept(&history));
    (servers, history)
}

/// The same where one node's proof that the pool is full may be believed a second longer than it is true: refusals prove
/// nothing then.
#[cfg(any(feature = "etcd", feature = "kube"))]
pub(crate) fn checked_without_refusals(history: &History) -> Checked {
    match history.check() {
        Ok(checked) => checked,
        Err(violation) => panic!("{violation}{}", kept(history)),
    }
}

fn checked(history: &History) -> Checked {
    let range = range().parse().unwrap();
    let pool = IpSet::from_ranges(Family::V4, [range]).unwrap();
    match history.check_with_refusals(&pool) {
        Ok(checked) => checked,
        Err(violation) => panic!("{violation}{}", kept(history)),
    }
}

/// Writes a history that shows a defect where it can be found; says where.
fn kept(history: &History) -> String {
    let file = tempfile::Builder::new().prefix("spiderpool-history-").suffix(".json").tempfile().unwrap();
    let (_, path) = file.keep().unwrap();
    fs::write(&path, serde_json::to_vec(history).unwrap()).unwrap();
    format!("\nthe whole history is in {}", path.display())
}
