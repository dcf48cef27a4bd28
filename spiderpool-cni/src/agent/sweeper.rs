//! The sweep and the tending, now and then, where no controller does it.

use super::Metrics;
use super::leader::Leader;
use crate::node::{Node, Reach};
use spiderpool_core::env::Env;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How often the agent sweeps: whole seconds, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepInterval {
    /// Never.
    Off,
    /// With this much time between two passes.
    Every(Duration),
}

impl FromStr for SweepInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(0) => Ok(Self::Off),
            Ok(seconds) => Ok(Self::Every(Duration::from_secs(seconds))),
            Err(_) if text.eq_ignore_ascii_case("off") => Ok(Self::Off),
            Err(_) => Err(format!("{text:?} is neither a whole number of seconds nor \"off\"")),
        }
    }
}

impl fmt::Display for SweepInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Every(interval) => interval.as_secs().fmt(f),
        }
    }
}

/// Sweeps and, while it leads, tends for ever. A pass that is dropped in the middle leaves nothing half-done.
pub(super) async fn sweep(node: Arc<Node>, leader: Leader, metrics: Arc<Metrics>, env: Env, every: Duration) {
    loop {
        // Many agents that are started at once do not all come at once.
        let jitter = every
            .mul_f64(f64::from(u16::try_from(env.entropy.next_u64() >> 48).unwrap_or_default()) / 655_360.0);
        tokio::time::sleep(every.saturating_sub(jitter)).await;
        let start = tokio::time::Instant::now();
        let reach = if leader.leads() { Reach::Everything } else { Reach::OwnNode };
        match node.sweep(reach).await {
            Ok(swept) => metrics.swept(&swept, start.elapsed()),
            Err(error) => {
                metrics.sweep_failed();
                tracing::warn!(%error, "the sweep could not be done; the next pass goes on");
            }
        }
        if leader.leads()
            && let Err(error) = node.tend().await
        {
            tracing::warn!(%error, "what edits left half-done could not be finished; the next pass goes on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SweepInterval;
    use rstest::rstest;

    #[rstest]
    #[case("60", Some("60"))]
    #[case("0", Some("off"))]
    #[case("OFF", Some("off"))]
    #[case("1m", None)]
    #[case("-1", None)]
    fn intervals(#[case] text: &str, #[case] shown: Option<&str>) {
        let read = text.parse::<SweepInterval>().ok().map(|interval| interval.to_string());
        assert_eq!(read.as_deref(), shown);
    }
}
