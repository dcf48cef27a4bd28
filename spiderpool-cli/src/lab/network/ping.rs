//! Echo requests from one namespace to an address.

use std::time::Duration;

use super::Namespace;
use crate::lab::process::{Job, RunError, Runner};

/// How a ping went.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Ping {
    /// An answer came, after this many milliseconds.
    Answered(f64),
    /// None came; what ping said.
    Silent(String),
}

/// Asks `address` from inside `from` for an echo, once a second for five seconds at most.
pub(crate) async fn ping(runner: &Runner, from: &Namespace, address: &str) -> Result<Ping, RunError> {
    let family = if address.contains(':') { "-6" } else { "-4" };
    // With -w, -c counts answers, not requests: the first may be lost to address resolution on a fresh link.
    let job = Job::new("ping").args([family, "-n", "-c", "1", "-w", "5", address]);
    let output = runner.run(&job.in_network(from.path()).limit(Duration::from_secs(10))).await?;
    if !output.status.success() {
        return Ok(Ping::Silent(output.words()));
    }
    Ok(Ping::Answered(round_trip(&String::from_utf8_lossy(&output.stdout)).unwrap_or(0.0)))
}

/// The `time=0.042 ms` of ping's output.
fn round_trip(output: &str) -> Option<f64> {
    let (_, rest) = output.split_once("time=")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_read_from_pings_words() {
        let output = "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.042 ms\n";
        assert_eq!(round_trip(output), Some(0.042));
        assert_eq!(round_trip("100% packet loss"), None);
    }
}
