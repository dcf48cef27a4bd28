//! A single thread that polls one ready future at a time, which one by the seed.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use parking_lot::Mutex;

use super::dice::Dice;

/// A future without a lifetime, of this thread.
pub(super) type Local = Pin<Box<dyn Future<Output = ()>>>;

/// Whose future it is: the number of a process.
pub(super) type ProcessId = usize;

struct Task {
    process: ProcessId,
    /// None while it is polled.
    future: Option<Local>,
    waker: Waker,
    flag: Arc<Flag>,
}

/// Remembers that a task can go on.
struct Flag {
    task: usize,
    raised: AtomicBool,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.raised.swap(true, Ordering::Relaxed) {
            self.ready.lock().push(self.task);
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Polled {
    /// A future of this process went on.
    One(ProcessId),
    /// Nobody can go on before time does.
    Nobody,
}

/// All futures of a simulation.
#[derive(Default)]
pub(super) struct Executor {
    /// Never reused, so that a late wake-up of a finished task is nobody else's. A run is short.
    tasks: Vec<Option<Task>>,
    ready: Arc<Mutex<Vec<usize>>>,
    /// Ready tasks of paused processes.
    held_back: Vec<usize>,
    paused: Vec<ProcessId>,
}

impl Executor {
    pub(super) fn spawn(&mut self, process: ProcessId, future: Local) {
        let task = self.tasks.len();
        let flag = Arc::new(Flag { task, raised: AtomicBool::new(true), ready: self.ready.clone() });
        let waker = Waker::from(flag.clone());
        self.tasks.push(Some(Task { process, future: Some(future), waker, flag }));
        self.ready.lock().push(task);
    }

    /// Drops all futures of `process`, wherever they are, and says how many there were.
    pub(super) fn kill(&mut self, process: ProcessId) -> usize {
        let mut killed = 0;
        for at in 0..self.tasks.len() {
            if self.tasks[at].as_ref().is_some_and(|task| task.process == process) {
                self.tasks[at] = None;
                killed += 1;
            }
        }
        self.resume(process);
        killed
    }

    /// Polls nothing of `process` until [`Executor::resume`].
    pub(super) fn pause(&mut self, process: ProcessId) {
        if !self.paused.contains(&process) {
            self.paused.push(process);
        }
    }

    pub(super) fn resume(&mut self, process: ProcessId) {
        self.paused.retain(|paused| *paused != process);
        self.ready.lock().append(&mut self.held_back);
    }

    /// Polls one ready future.
    pub(super) fn step(&mut self, dice: &mut Dice) -> Polled {
        loop {
            let chosen = {
                let mut ready = self.ready.lock();
                if ready.is_empty() {
                    return Polled::Nobody;
                }
                let at = dice.index(ready.len());
                ready.swap_remove(at)
            };
            let Some(Some(task)) = self.tasks.get_mut(chosen) else { continue };
            let process = task.process;
            if self.paused.contains(&process) {
                self.held_back.push(chosen);
                continue;
            }
            let Some(mut future) = task.future.take() else { continue };
            task.flag.raised.store(false, Ordering::Relaxed);
            let waker = task.waker.clone();
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(()) => self.tasks[chosen] = None,
                Poll::Pending => {
                    if let Some(Some(task)) = self.tasks.get_mut(chosen) {
                        task.future = Some(future);
                    }
                }
            }
            return Polled::One(process);
        }
    }
}
