//! Which of the agents on one store sweeps for all of them.

use spiderpool_core::lease::{Leadership, LeaseTiming, Standing};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, future};

/// The lease that agents share.
pub(super) const LEASE: &str = "spiderpool-agent";

/// How long a lease lasts, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseDuration(Duration);

impl LeaseDuration {
    /// The timing of a lease that lasts so long.
    pub fn timing(self) -> LeaseTiming {
        LeaseTiming::new(self.0)
    }
}

impl FromStr for LeaseDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(seconds @ 1..=3600) => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(format!("{text:?} is not a whole number of seconds between 1 and 3600")),
        }
    }
}

impl fmt::Display for LeaseDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_secs().fmt(f)
    }
}

/// Whether this agent does what one agent alone has to do.
#[derive(Clone, Debug)]
pub(super) enum Leader {
    /// There is no other agent on this store.
    Alone,
    /// One of many.
    OneOf(Arc<Leadership>),
}

impl Leader {
    /// Whether it does so now.
    pub(super) fn leads(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::OneOf(leadership) => leadership.leads(),
        }
    }

    /// Stands for it for ever, and says in the log when that changes anything.
    pub(super) async fn stand(&self, timing: LeaseTiming) {
        let Self::OneOf(leadership) = self else { return future::pending().await };
        let mut before = None;
        loop {
            match leadership.round().await {
                Ok(standing) => {
                    if before.as_ref() != Some(&standing) {
                        match &standing {
                            Standing::Leading => tracing::info!(lease = LEASE, "leading"),
                            Standing::Following { leader } => {
                                tracing::info!(lease = LEASE, leader, "following");
                            }
                        }
                        before = Some(standing);
                    }
                }
                Err(error) => tracing::warn!(%error, lease = LEASE, "the lease cannot be had or kept now"),
            }
            tokio::time::sleep(timing.pause()).await;
        }
    }

    /// Lets the next one lead at once.
    pub(super) async fn resign(&self) {
        if let Self::OneOf(leadership) = self
            && let Err(error) = leadership.resign().await
        {
            tracing::debug!(%error, lease = LEASE, "the lease is not given up; it runs out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LeaseDuration;
    use rstest::rstest;

    #[rstest]
    #[case("15", Some("15"))]
    #[case("0", None)]
    #[case("3601", None)]
    #[case("15s", None)]
    fn durations(#[case] text: &str, #[case] shown: Option<&str>) {
        let read = text.parse::<LeaseDuration>().ok().map(|duration| duration.to_string());
        assert_eq!(read.as_deref(), shown);
    }
}
