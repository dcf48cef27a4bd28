//! When the leader's lease is renewed, given up and taken over.

use std::time::Duration;

/// The name of the Lease object, in the namespace that Spiderpool is installed in.
pub const LEASE_NAME: &str = "spiderpool-controller-leases";

/// The environment variables, in whole seconds, each with its default.
const DURATION: (&str, u64) = ("SPIDERPOOL_LEADER_DURATION", 15);
const RENEW_DEADLINE: (&str, u64) = ("SPIDERPOOL_LEADER_RENEW_DEADLINE", 10);
const RETRY_PERIOD: (&str, u64) = ("SPIDERPOOL_LEADER_RETRY_PERIOD", 2);

/// How much longer than the retry period a pause between two attempts may be, in percent: pauses are spread by chance
/// so that replicas do not attempt at the same moment.
const JITTER_PERCENT: u32 = 20;

/// The three times of leader election. A value keeps the order that makes it safe: a leader that cannot renew gives up
/// before another replica may take over, and attempts at least once more before it gives up.
///
/// ```
/// use spiderpool_operator::LeaseTiming;
///
/// let timing = LeaseTiming::from_variables(|name| (name == "SPIDERPOOL_LEADER_DURATION").then(|| "30".to_owned()))?;
/// assert_eq!(timing.duration().as_secs(), 30);
/// # Ok::<(), spiderpool_operator::LeaseTimingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseTiming {
    duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Why three times are no [`LeaseTiming`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseTimingError {
    /// A variable is not a whole number of seconds, or is zero.
    #[error("{name}={value}: give a whole number of seconds, 1 or more")]
    NotSeconds {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// Another replica could take over while the old leader still tries to renew.
    #[error(
        "the lease ({duration:?}) must last longer than its leader tries to renew it ({renew_deadline:?})"
    )]
    DurationTooShort {
        /// How long the lease lasts.
        duration: Duration,
        /// How long the leader tries to renew it.
        renew_deadline: Duration,
    },
    /// The leader could give up after a single failed attempt.
    #[error(
        "the leader must try to renew ({renew_deadline:?}) for longer than one pause between attempts \
         ({retry_period:?} and up to a fifth more)"
    )]
    RenewDeadlineTooShort {
        /// How long the leader tries to renew.
        renew_deadline: Duration,
        /// The pause between attempts.
        retry_period: Duration,
    },
}

impl LeaseTiming {
    /// These times, if they are in a safe order.
    ///
    /// # Errors
    /// Unless `duration > renew_deadline > 1.2 × retry_period`.
    pub fn new(
        duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Self, LeaseTimingError> {
        if duration <= renew_deadline {
            return Err(LeaseTimingError::DurationTooShort { duration, renew_deadline });
        }
        if renew_deadline.saturating_mul(100) <= retry_period.saturating_mul(100 + JITTER_PERCENT) {
            return Err(LeaseTimingError::RenewDeadlineTooShort { renew_deadline, retry_period });
        }
        Ok(Self { duration, renew_deadline, retry_period })
    }

    /// The times that the environment asks for, by `SPIDERPOOL_LEADER_DURATION`, `SPIDERPOOL_LEADER_RENEW_DEADLINE`
    /// and `SPIDERPOOL_LEADER_RETRY_PERIOD`; 15, 10 and 2 seconds where it does not. `variable` looks one up.
    ///
    /// # Errors
    /// A value is not a whole number of seconds, or the times are not in a safe order.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, LeaseTimingError> {
        let seconds = |(name, default): (&'static str, u64)| match variable(name) {
            None => Ok(Duration::from_secs(default)),
            Some(value) => match value.parse::<u32>() {
                Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds.into())),
                _ => Err(LeaseTimingError::NotSeconds { name, value }),
            },
        };
        Self::new(seconds(DURATION)?, seconds(RENEW_DEADLINE)?, seconds(RETRY_PERIOD)?)
    }

    /// How long a replica waits, from the last change of the lease that it saw itself, before it takes over.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.duration
    }

    /// How long the leader tries to renew before it stops leading.
    #[must_use]
    pub const fn renew_deadline(self) -> Duration {
        self.renew_deadline
    }

    /// The pause between two attempts to take or renew the lease, before chance adds up to a fifth.
    #[must_use]
    pub const fn retry_period(self) -> Duration {
        self.retry_period
    }
}

impl Default for LeaseTiming {
    /// 15, 10 and 2 seconds.
    fn default() -> Self {
        let seconds = |(_, default)| Duration::from_secs(default);
        Self {
            duration: seconds(DURATION),
            renew_deadline: seconds(RENEW_DEADLINE),
            retry_period: seconds(RETRY_PERIOD),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_default_is_what_an_empty_environment_asks_for_and_is_safe() {
        let default = LeaseTiming::default();
        assert_eq!(LeaseTiming::from_variables(|_| None), Ok(default));
        assert_eq!(
            LeaseTiming::new(default.duration(), default.renew_deadline(), default.retry_period()),
            Ok(default)
        );
    }

    #[rstest]
    #[case::just_safe(1202, 1201, 1000, true)]
    #[case::equal_to_the_deadline(1201, 1201, 1000, false)]
    #[case::shorter_than_the_deadline(1200, 1201, 1000, false)]
    #[case::one_pause_fills_the_deadline(1201, 1200, 1000, false)]
    #[case::pause_longer_than_the_deadline(5000, 1000, 2000, false)]
    fn the_order_is_kept(
        #[case] duration: u64,
        #[case] deadline: u64,
        #[case] retry: u64,
        #[case] safe: bool,
    ) {
        assert_eq!(LeaseTiming::new(millis(duration), millis(deadline), millis(retry)).is_ok(), safe);
    }

    #[test]
    fn each_variable_sets_its_own_time() {
        let values = [(DURATION.0, "40"), (RENEW_DEADLINE.0, "30"), (RETRY_PERIOD.0, "20")];
        let find = |name: &str| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(
            LeaseTiming::from_variables(find),
            LeaseTiming::new(millis(40_000), millis(30_000), millis(20_000))
        );
    }

    #[rstest]
    #[case("0")]
    #[case("")]
    #[case("15s")]
    #[case("-1")]
    #[case("1.5")]
    #[case("99999999999")]
    fn a_bad_value_is_named(#[case] value: &str) {
        let timing = LeaseTiming::from_variables(|name| (name == RETRY_PERIOD.0).then(|| value.to_owned()));
        assert_eq!(
            timing,
            Err(LeaseTimingError::NotSeconds { name: RETRY_PERIOD.0, value: value.to_owned() })
        );
    }
}
