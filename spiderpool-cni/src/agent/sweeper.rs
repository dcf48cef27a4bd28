//! The sweep and the tending, now and then, where no controller does it.

use super::Metrics;
use super::leader::Leader;
use crate::node::{Node, Reach};
use spiderpool_core::env::Env;
use spiderpool_core::name::NamespacedName;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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

/// Sweeps `widest` or, while others lead, what this node holds; and tends while it leads and sweeps everything; for ever. A pass that is dropped in the middle leaves nothing half-done.
pub(super) async fn sweep(
    node: Arc<Node>,
    leader: Leader,
    metrics: Arc<Metrics>,
    env: Env,
    (every, widest): (Duration, Reach),
) {
    loop {
        // Many agents that are started at once do not all come at once.
        let jitter = every
            .mul_f64(f64::from(u16::try_from(env.entropy.next_u64() >> 48).unwrap_or_default()) / 655_360.0);
        tokio::time::sleep(every.saturating_sub(jitter)).await;
        let start = Instant::now();
        let reach =
            if leader.leads() && widest == Reach::Everything { Reach::Everything } else { Reach::OwnNode };
        match node.sweep(reach).await {
            Ok(swept) => metrics.swept(&swept, start.elapsed()),
            Err(error) => {
                metrics.sweep_failed();
                tracing::warn!(%error, "the sweep could not be done; the next pass goes on");
            }
        }
        if leader.leads()
            && widest == Reach::Everything
            && let Err(error) = node.tend().await
        {
            tracing::warn!(%error, "what edits left half-done could not be finished; the next pass goes on");
        }
    }
}

/// Looks again at what a pod held after it ended: at first after so long, each time after twice as long, so often.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 6;

/// Sees to the pods that ended without a DEL, or before it, for ever: as the full pass does, but soon.
pub(super) async fn follow_ends(node: Arc<Node>, metrics: Arc<Metrics>) {
    let mut due: BTreeMap<NamespacedName, (Instant, u32)> = BTreeMap::new();
    loop {
        let next = due.iter().min_by_key(|(_, (when, _))| *when).map(|(pod, (when, _))| (pod.clone(), *when));
        let wait = async {
            match &next {
                Some((_, when)) => tokio::time::sleep_until(*when).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            pod = node.end_of_pod() => {
                due.entry(pod).or_insert((Instant::now() + FIRST_LOOK, 1));
            }
            () = wait => {
                let Some((pod, (_, look))) = next.and_then(|(pod, _)| due.remove_entry(&pod)) else { continue };
                let start = Instant::now();
                match node.sweep_pod(&pod).await {
                    Ok(None) => continue,
                    Ok(Some(swept)) => metrics.swept(&swept, start.elapsed()),
                    Err(error) => tracing::debug!(%pod, %error, "what it held cannot be looked at now"),
                }
                if look < LOOKS {
                    due.insert(pod, (Instant::now() + FIRST_LOOK * 2u32.pow(look), look + 1));
                }
            }
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
