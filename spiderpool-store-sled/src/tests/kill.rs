//! Deaths of the process: at every point of a write, and at any time from outside. Nothing that was acknowledged is
//! lost, and no token is given twice.

use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use pollster::block_on;
use rstest::rstest;
use spiderpool_core::{
    addr::Family,
    env::Env,
    model::{Attachment, Binding, Block, BlockBits, BlockId, Owner, Record, Slot},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid, ScopeName, Uid},
    store::{Document, Key, Store, Token},
    time::Timestamp,
};

use super::open_failing;
use crate::{SledConfig, SledStore, engine::Point, flush::Patience};

const WORKERS: u64 = 4;

/// What a worker does in turn: every fifth step deletes its block, the next one creates it.
const CYCLE: u64 = 5;

fn key(worker: u64) -> Key {
    Key::Block(BlockId { scope: ScopeName::default_scope(), family: Family::V4, index: worker.into() })
}

fn record(step: u64) -> Record {
    Record {
        pool: Uid::new("pool").unwrap(),
        owner: Owner { uid: OwnerUid::new(format!("step-{step}")).unwrap(), pod: None },
        controller: None,
        slot: Slot::Named(InterfaceName::new("eth0").unwrap()),
        interface: None,
        network: None,
        attachment: Attachment::Container(ContainerId::new("c").unwrap()),
        node: NodeName::new("n").unwrap(),
        binding: Binding::Stateless,
        since: Timestamp::from_millis(0),
    }
}

/// What stands under a worker's key after `step`; records come, change and go.
fn state(worker: u64, step: u64) -> Option<Document> {
    if step % CYCLE == CYCLE - 1 {
        return None;
    }
    let Key::Block(id) = key(worker) else { return None };
    let mut block = Block::empty(id, BlockBits::new(4).unwrap());
    for offset in 0..16u8 {
        if (step + u64::from(offset)).is_multiple_of(3) {
            block.put(offset, Arc::new(record(step - u64::from(offset % 3))));
        }
    }
    for _ in 0..=step % CYCLE {
        block.bump();
    }
    Some(block.into())
}

/// The steps of a round begin here, on a multiple of the cycle: with a creation.
fn first_step(round: u64) -> u64 {
    (round + 1) * 1000 * CYCLE
}

fn acknowledge(worker: u64, step: u64, token: &str) {
    let line = format!("ack {worker} {step} {token}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn work(store: &SledStore, worker: u64, round: u64) {
    let key = key(worker);
    let mut step = first_step(round);
    let mut token: Option<Token> = None;
    if let Some(found) = store.get(&key).await.unwrap() {
        store.delete(&key, &found.token).await.unwrap();
        acknowledge(worker, step - 1, "-");
    }
    loop {
        token = match (state(worker, step), &token) {
            (Some(document), None) => Some(store.create(&key, document).await.unwrap()),
            (Some(document), Some(token)) => Some(store.update(&key, token, document).await.unwrap()),
            (None, Some(token)) => store.delete(&key, token).await.map(|()| None).unwrap(),
            (None, None) => unreachable!("two deletions in a row"),
        };
        acknowledge(worker, step, token.as_ref().map_or("-", Token::as_str));
        step += 1;
    }
}

/// The process that dies.
#[test]
#[ignore = "started by the other tests here, to be killed"]
fn victim() {
    let variable = |name| std::env::var(name).unwrap();
    let round = variable("VICTIM_ROUND").parse().unwrap();
    let (point, countdown) = match variable("VICTIM_DIES").split_once(' ') {
        Some(("apply", n)) => (Point::Apply, n.parse().unwrap()),
        Some(("flush", n)) => (Point::Flush, n.parse().unwrap()),
        Some(("acknowledge", n)) => (Point::Acknowledge, n.parse().unwrap()),
        _ => (Point::Apply, u64::MAX),
    };
    let passed = AtomicU64::new(0);
    let store = open_failing(Path::new(&variable("VICTIM_PATH")), Patience::default(), move |at| {
        if at == point && passed.fetch_add(1, Ordering::Relaxed) + 1 == countdown {
            // No destructors, no flush, no unlocking.
            std::process::abort();
        }
        Ok(())
    });
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let store = &store;
            scope.spawn(move || block_on(work(store, worker, round)));
        }
    });
}

fn start(path: &Path, round: u64, dies: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::kill::victim", "--ignored", "--nocapture", "--test-threads=1"])
        .env("VICTIM_PATH", path)
        .env("VICTIM_ROUND", round.to_string())
        .env("VICTIM_DIES", dies)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a victim run until it dies by itself, or until so many acknowledgements were read, and gives all that came.
fn run(path: &Path, round: u64, dies: &str, kill_after: Option<usize>) -> Vec<(u64, u64, String)> {
    let mut child = start(path, round, dies);
    let mut acknowledged = Vec::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The test harness begins its line on its own.
        let Some((_, words)) = line.split_once("ack ") else { continue };
        let mut words = words.split(' ');
        let mut number = || words.next().unwrap().parse().unwrap();
        let (worker, step) = (number(), number());
        acknowledged.push((worker, step, words.next().unwrap().to_owned()));
        if !killed && kill_after.is_some_and(|most| acknowledged.len() >= most) {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success(), "the victim survived");
    acknowledged
}

#[derive(Default)]
struct Ledger {
    tokens: HashSet<String>,
    /// The step after which each worker's block was found at the end of the last round.
    found: BTreeMap<u64, Option<u64>>,
}

impl Ledger {
    /// Opens what the victim left behind and compares it with what the victim said.
    fn verify(&mut self, path: &Path, round: u64, acknowledged: &[(u64, u64, String)]) {
        for (.., token) in acknowledged {
            assert!(token == "-" || self.tokens.insert(token.clone()), "token {token} was given twice");
        }
        let store = SledStore::open(&SledConfig::at(path), &Env::system()).unwrap();
        for worker in 0..WORKERS {
            let found = block_on(store.get(&key(worker))).unwrap();
            let last = acknowledged.iter().rev().find(|(by, ..)| *by == worker);
            // At most one step was under way when it died.
            let first = first_step(round);
            let before = self.found.get(&worker).copied().flatten();
            let possible = match last {
                Some((_, step, _)) => vec![Some(*step), Some(step + 1)],
                None if before.is_some() => vec![before, Some(first - 1)],
                None => vec![None, Some(first)],
            };
            let document = found.as_ref().map(|found| found.document.clone());
            let matching =
                possible.iter().find(|step| step.and_then(|step| state(worker, step)) == document).copied();
            let Some(step) = matching else {
                panic!("worker {worker}: found {document:?}, acknowledged {last:?}, before {before:?}");
            };
            if let (Some(found), Some((_, at, token))) = (&found, last)
                && step == Some(*at)
            {
                assert_eq!(found.token.as_str(), token, "worker {worker}");
            }
            self.found.insert(worker, step.filter(|_| document.is_some()));
        }
    }
}

#[rstest]
#[case("apply")]
#[case("flush")]
#[case("acknowledge")]
fn dying_at_every_point_loses_nothing(#[case] point: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    for (round, n) in [1, 2, 3, 5, 8, 13].into_iter().enumerate() {
        let acknowledged = run(directory.path(), round as u64, &format!("{point} {n}"), None);
        ledger.verify(directory.path(), round as u64, &acknowledged);
    }
    assert!(ledger.tokens.len() > 10, "only {} writes were acknowledged", ledger.tokens.len());
}

#[test]
fn kill_9_at_any_time_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    // Odd distances, so that all steps and workers are hit.
    for round in 0..12u64 {
        let kill_after = 1 + (round * round * 37 + round * 11) % 400;
        let acknowledged = run(directory.path(), round, "never", Some(kill_after as usize));
        ledger.verify(directory.path(), round, &acknowledged);
    }
    assert!(ledger.tokens.len() > 500, "only {} writes were acknowledged", ledger.tokens.len());
}
