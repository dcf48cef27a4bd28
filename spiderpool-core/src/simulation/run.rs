//! One seed from its beginning to its end, or to the first violation.

use std::{cell::Cell, collections::BTreeMap, rc::Rc, sync::Arc};

use parking_lot::Mutex;

use super::{
    chaos,
    coverage::{Branch, Coverage, hit, hits},
    dice::Dice,
    digest::Digest,
    director,
    executor::{Executor, Polled, ProcessId},
    keeper::NOBODY,
    ledger::{Ledger, Terms, Violation},
    profile::Profile,
    time::Time,
    world::{Command, Shared, World},
};

thread_local! {
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Whether a simulation runs in this thread.
pub(crate) fn runs_here() -> bool {
    RUNS.get()
}

/// Runs one simulation in this thread, and no real time passes meanwhile.
struct Running;

impl Running {
    fn enter() -> Self {
        RUNS.set(true);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNS.set(false);
    }
}

/// What to do besides the seed.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Ends the noise at this step: what is under way then is brought to its end and checked.
    pub cut: Option<u64>,
    /// Keeps a line for everything that happens.
    pub trace: bool,
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Futures polled.
    pub steps: u64,
    /// Requests: ADD, DEL, CHECK, edits, rounds of the controller.
    pub requests: u64,
    /// Operations that reached the store, or failed on their way.
    pub store_operations: u64,
    /// Writes that took effect.
    pub writes: u64,
    /// How long it would have taken, in virtual seconds.
    pub seconds: u64,
    /// The fingerprint: the same seed gives the same one.
    pub digest: Digest,
    /// What it met.
    pub coverage: Coverage,
    /// The lines that [`Settings::trace`] asked for.
    pub trace: Vec<String>,
    /// The first invariant that broke, if one did.
    pub violation: Option<Violation>,
}

/// Runs the simulation of `seed`. Deterministic: no clock, no thread and no chance but the seed's.
///
/// Cost: some ten thousand store operations in memory.
#[must_use]
pub fn run(seed: u64, settings: &Settings) -> Report {
    let _running = Running::enter();
    Coverage::begin();
    let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995);
    let profile = Profile::draw(&mut dice);
    let mut ledger = Ledger::new(settings.trace);
    ledger.skew = 2_000 * profile.skew.unsigned_abs();
    ledger.terms = Terms {
        late: profile.faults.late > 0.0,
        delay: u64::try_from(profile.faults.delay_up_to.as_micros()).unwrap_or(u64::MAX),
        subnet: profile.subnets && profile.subnets_stay && !profile.overlap,
    };
    ledger.note(|| format!("{profile:?}"));
    let time = Arc::new(Time::default());
    let ledger = Arc::new(Mutex::new(ledger));
    let mut own = dice.clone();
    own.next();
    let world = Rc::new(World::new(profile, dice, ledger, time));
    world.cut.set(settings.cut);
    let mut executor = Executor::default();
    world.spawn(NOBODY, director::direct(world.clone()));
    Loop { world: &world, executor: &mut executor, dice: own, countdowns: BTreeMap::new() }.go();
    let store_operations = count_faults(&world);
    // The futures go while the world is still there.
    drop(executor);
    let time = world.time.now();
    let mut ledger = world.ledger();
    ledger.digest.number(time);
    Report {
        seed,
        steps: world.step.get(),
        requests: ledger.requests,
        store_operations,
        writes: ledger.writes,
        seconds: time / 1_000_000,
        digest: ledger.digest,
        coverage: Coverage::end(),
        trace: ledger.trace.take().unwrap_or_default(),
        violation: ledger.violation.clone(),
    }
}

fn count_faults(world: &Shared) -> u64 {
    let processes = world.processes.borrow();
    let mut operations = 0;
    for process in processes.iter() {
        let counts = process.faults.counts();
        operations += counts.operations;
        hits(Branch::WriteFailed, counts.before);
        hits(Branch::WriteUnanswered, counts.after);
        hits(Branch::WriteLost, counts.lost);
        hits(Branch::WriteLate, counts.late);
    }
    operations
}

struct Loop<'a> {
    world: &'a Shared,
    executor: &'a mut Executor,
    dice: Dice,
    /// Processes that are to die, and after how many further polls.
    countdowns: BTreeMap<ProcessId, u64>,
}

impl Loop<'_> {
    fn go(mut self) {
        loop {
            self.obey();
            if self.world.done.get() || self.world.ledger().violation.is_some() {
                return;
            }
            match self.executor.step(&mut self.dice) {
                Polled::One(process) => self.polled(process),
                Polled::Nobody => {
                    if !self.world.time.advance() {
                        self.world
                            .ledger()
                            .violated("I10", "nobody can go on, and nobody waits for a time".into());
                        return;
                    }
                    self.world.ledger().now = self.world.time.now();
                }
            }
        }
    }

    fn polled(&mut self, process: ProcessId) {
        let step = self.world.step.get() + 1;
        self.world.step.set(step);
        let mut ledger = self.world.ledger();
        ledger.step = step;
        ledger.digest.number(process as u64);
        drop(ledger);
        if let Some(left) = self.countdowns.get_mut(&process) {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => self.kill(process),
            }
        }
    }

    /// Carries out what was asked for during the last poll.
    fn obey(&mut self) {
        loop {
            let commands = std::mem::take(&mut *self.world.commands.borrow_mut());
            if commands.is_empty() {
                return;
            }
            for command in commands {
                match command {
                    Command::Spawn(process, future) => self.spawn(process, future),
                    Command::End(process) => drop(self.executor.kill(process)),
                    Command::Kill(process) if self.is_up(process) => self.kill(process),
                    Command::KillAfter(process, polls) if self.is_up(process) => {
                        self.countdowns.insert(process, polls);
                    }
                    Command::Kill(_) | Command::KillAfter(..) => {}
                    Command::Spare => self.countdowns.clear(),
                    Command::Pause(process) => self.executor.pause(process),
                    Command::Resume(process) => self.executor.resume(process),
                }
            }
        }
    }

    fn is_up(&self, process: ProcessId) -> bool {
        self.world.processes.borrow().get(process).is_some_and(|process| process.up)
    }

    fn spawn(&mut self, process: ProcessId, future: super::executor::Local) {
        // A request that was on its way to a process that died finds nobody.
        let dead = self.world.processes.borrow().get(process).is_some_and(|process| !process.up);
        if dead {
            drop(future);
        } else {
            self.executor.spawn(process, future);
        }
    }

    fn kill(&mut self, process: ProcessId) {
        self.countdowns.remove(&process);
        let in_hand = self.executor.kill(process);
        if in_hand > 0 {
            hit(Branch::CrashMidRequest);
        }
        let allocator = {
            let mut processes = self.world.processes.borrow_mut();
            processes[process].up = false;
            processes[process].allocator.take()
        };
        drop(allocator);
        chaos::died(self.world, process);
    }
}
