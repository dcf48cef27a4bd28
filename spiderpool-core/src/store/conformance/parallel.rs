//! Many futures at once, on threads, without a runtime.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use parking_lot::Mutex;

use super::{Failure, Harness};
use crate::env::BoxFuture;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// How many threads still work, and who waits for them.
#[derive(Default)]
struct Latch {
    working: usize,
    waiting: Option<Waker>,
}

/// Counts down however its thread ends.
struct Working(Arc<Mutex<Latch>>);

impl Drop for Working {
    fn drop(&mut self) {
        let mut latch = self.0.lock();
        latch.working -= 1;
        let waker = latch.waiting.take();
        drop(latch);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Runs each future to its end on a thread of its own: [`Harness::parallel`] for stores that need no runtime.
pub async fn on_threads(work: Vec<BoxFuture<()>>) {
    let latch = Arc::new(Mutex::new(Latch { working: work.len(), waiting: None }));
    for future in work {
        let working = Working(latch.clone());
        thread::spawn(move || {
            block_on(future);
            drop(working);
        });
    }
    poll_fn(|context| {
        let mut latch = latch.lock();
        if latch.working == 0 {
            return Poll::Ready(());
        }
        latch.waiting = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}

/// The answers of `workers` futures that run at the same time.
pub(super) async fn gather<T: Send + 'static>(
    harness: &dyn Harness,
    workers: usize,
    work: impl Fn(usize) -> BoxFuture<Result<T, Failure>>,
) -> Result<Vec<T>, Failure> {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let tasks = (0..workers).map(|n| {
        let (answers, work) = (answers.clone(), work(n));
        let task: BoxFuture<()> = Box::pin(async move {
            let answer = work.await;
            answers.lock().push(answer);
        });
        task
    });
    harness.parallel(tasks.collect()).await;
    let answers = std::mem::take(&mut *answers.lock());
    super::ensure!(answers.len() == workers, "{} of {workers} workers did not end", workers - answers.len());
    answers.into_iter().collect()
}
