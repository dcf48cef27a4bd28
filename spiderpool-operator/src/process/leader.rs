//! Whether this replica leads, and the life of what a leader does.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use spiderpool_core::{
    lease::{Leadership, Standing},
    store::StoreError,
};
use tokio::{task::JoinHandle, time::Instant};

use crate::LEASE_NAME;

/// What the last round of the election came to, for health.
#[derive(Clone, Debug, Default)]
pub(super) struct Election(Arc<Mutex<Option<Round>>>);

/// When a round succeeded, and who leads as far as known.
type Round = (Instant, Option<String>);

impl Election {
    /// The last round that succeeded.
    pub(super) fn last(&self) -> Option<Round> {
        self.0.lock().clone()
    }
}

/// Stands for the lease for ever; `lead` runs while this replica leads; when it does not any more, that
/// is dropped and `follows` called.
pub(super) async fn stand<F>(
    leadership: Arc<Leadership>,
    pause: Duration,
    election: Election,
    mut lead: impl FnMut() -> F,
    follows: impl Fn(),
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut task: Leading = Leading(None);
    let mut before = None;
    loop {
        // A leader whose API server keeps silent has to see in time that it leads no more.
        let round = tokio::time::timeout(pause * 4, leadership.round());
        match round.await.unwrap_or_else(|_| Err(StoreError::unavailable("no answer in time"))) {
            Ok(standing) => {
                let leader = match &standing {
                    Standing::Leading => Some(leadership.holder().to_string()),
                    Standing::Following { leader } => leader.clone(),
                };
                *election.0.lock() = Some((Instant::now(), leader.clone()));
                if before.as_ref() != Some(&standing) {
                    match &standing {
                        Standing::Leading => tracing::info!(lease = LEASE_NAME, "leading"),
                        Standing::Following { .. } => {
                            tracing::info!(lease = LEASE_NAME, leader, "following");
                        }
                    }
                    before = Some(standing);
                }
            }
            Err(error) => {
                tracing::warn!(%error, lease = LEASE_NAME, "the lease cannot be had or kept now");
            }
        }
        match (leadership.leads(), task.runs()) {
            (true, false) => task = Leading(Some(tokio::spawn(lead()))),
            (false, true) => {
                task = Leading(None);
                follows();
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
    }
}

/// What a leader does; ends when it is dropped.
struct Leading(Option<JoinHandle<()>>);

impl Leading {
    fn runs(&self) -> bool {
        self.0.as_ref().is_some_and(|task| !task.is_finished())
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
