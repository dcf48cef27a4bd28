//! The lock that requests wait for.
//!
//! In a product it is `async_lock`'s. That one looks at the wall clock to be fair to those who wait long, so under the
//! simulation, which has no wall clock, whoever waits is woken and the seed says who is first.

#[cfg(not(feature = "simulation"))]
pub(crate) use async_lock::{Mutex as AsyncMutex, MutexGuardArc};

#[cfg(feature = "simulation")]
pub(crate) use seeded::{AsyncMutex, MutexGuardArc};

#[cfg(feature = "simulation")]
mod seeded {
    use std::{
        future::poll_fn,
        ops::{Deref, DerefMut},
        sync::Arc,
        task::{Poll, Waker},
    };

    use parking_lot::Mutex;

    /// `async_lock`'s lock, but that nobody's turn depends on the wall clock while a simulation runs.
    #[derive(Debug, Default)]
    pub(crate) struct AsyncMutex<T> {
        real: Arc<async_lock::Mutex<T>>,
        waiting: Arc<Mutex<Vec<Waker>>>,
    }

    impl<T> AsyncMutex<T> {
        pub(crate) async fn lock(&self) -> MutexGuardArc<T> {
            let guard = match crate::simulation::runs_here() {
                false => self.real.lock_arc().await,
                true => {
                    poll_fn(|context| match self.real.try_lock_arc() {
                        Some(guard) => Poll::Ready(guard),
                        None => {
                            self.waiting.lock().push(context.waker().clone());
                            Poll::Pending
                        }
                    })
                    .await
                }
            };
            MutexGuardArc { guard, _wake: WakeAll(self.waiting.clone()) }
        }

        pub(crate) async fn lock_arc(&self) -> MutexGuardArc<T> {
            self.lock().await
        }

        pub(crate) fn try_lock(&self) -> Option<async_lock::MutexGuard<'_, T>> {
            self.real.try_lock()
        }
    }

    /// Held until dropped.
    #[derive(Debug)]
    pub(crate) struct MutexGuardArc<T> {
        guard: async_lock::MutexGuardArc<T>,
        /// Dropped after the guard: whoever is woken finds the lock free.
        _wake: WakeAll,
    }

    #[derive(Debug)]
    struct WakeAll(Arc<Mutex<Vec<Waker>>>);

    impl Drop for WakeAll {
        fn drop(&mut self) {
            let waiting = std::mem::take(&mut *self.0.lock());
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    impl<T> Deref for MutexGuardArc<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.guard
        }
    }

    impl<T> DerefMut for MutexGuardArc<T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.guard
        }
    }
}
