//! What the sweep may free, and how long it waits: upstream's switches with upstream's names and defaults.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Whether a reason is a reason.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Switch {
    /// It is not.
    Off,
    /// It is.
    On,
}

/// The settings of the sweep. All delays are added to what is waited for anyway.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SweepPolicy {
    /// Whether anything is freed. `SPIDERPOOL_GC_IP_ENABLED`, on.
    pub enabled: Switch,
    /// Terminating or finished stateless pods on a node that is well.
    /// `SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_READY_NODE_ENABLED`, on.
    pub ended_on_ready_node: Switch,
    /// Terminating or finished stateless pods on a node that is not.
    /// `SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_NOT_READY_NODE_ENABLED`, on.
    pub ended_on_silent_node: Switch,
    /// Evicted pods. `SPIDERPOOL_GC_EVICTED_POD_ENABLED` (`GcEvictedPodPod.enabled` of the chart), on.
    pub evicted: Switch,
    /// Running stateless pods whose status shows no address.
    /// `SPIDERPOOL_GC_ENABLE_STATELESS_RUNNING_POD_ON_EMPTY_POD_STATUS_IPS`, off.
    pub running_without_addresses: Switch,
    /// Views that show what nobody holds (`enableCleanOutdatedEndpoint`), off.
    pub outdated_endpoints: Switch,
    /// Added to the time at which a pod has to have ended. `SPIDERPOOL_GC_ADDITIONAL_GRACE_DELAY`, seconds, 0.
    pub additional_delay: Duration,
    /// The same for evicted pods alone. `SPIDERPOOL_GC_EVICTED_POD_DELAY` (`GcEvictedPodPod.delay`), seconds, 0.
    pub evicted_delay: Duration,
    /// How long a node's lease must have been without renewal before the node counts as gone.
    /// `SPIDERPOOL_GC_NODE_SILENCE_DURATION`, seconds, 300.
    pub node_silence: Duration,
    /// Between two full passes. `SPIDERPOOL_GC_DEFAULT_INTERVAL_DURATION`, seconds, 600.
    pub interval: Duration,
}

impl Default for SweepPolicy {
    fn default() -> Self {
        Self {
            enabled: Switch::On,
            ended_on_ready_node: Switch::On,
            ended_on_silent_node: Switch::On,
            evicted: Switch::On,
            running_without_addresses: Switch::Off,
            outdated_endpoints: Switch::Off,
            additional_delay: Duration::ZERO,
            evicted_delay: Duration::ZERO,
            node_silence: Duration::from_secs(300),
            interval: Duration::from_secs(600),
        }
    }
}

/// A setting that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Neither `true` nor `false`.
    #[error("{name}={value:?}: write true or false")]
    Switch {
        /// Which setting.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// Not a whole number of seconds.
    #[error("{name}={value:?}: write a whole number of seconds, 0 or more")]
    Seconds {
        /// Which setting.
        name: &'static str,
        /// What it says.
        value: String,
    },
}

impl SweepPolicy {
    /// The settings as upstream's environment variables say; what is not set, or empty, stays as by default.
    ///
    /// # Errors
    /// The first value that is none.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, PolicyError> {
        let set = |name: &'static str| lookup(name).filter(|value| !value.is_empty());
        let switch = |name: &'static str, to: &mut Switch| {
            match set(name).as_deref() {
                None => {}
                Some("true") => *to = Switch::On,
                Some("false") => *to = Switch::Off,
                Some(value) => return Err(PolicyError::Switch { name, value: value.into() }),
            }
            Ok(())
        };
        let seconds = |name: &'static str, to: &mut Duration| {
            if let Some(value) = set(name) {
                let Ok(seconds) = value.parse() else { return Err(PolicyError::Seconds { name, value }) };
                *to = Duration::from_secs(seconds);
            }
            Ok(())
        };
        let mut policy = Self::default();
        switch("SPIDERPOOL_GC_IP_ENABLED", &mut policy.enabled)?;
        switch(
            "SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_READY_NODE_ENABLED",
            &mut policy.ended_on_ready_node,
        )?;
        switch(
            "SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_NOT_READY_NODE_ENABLED",
            &mut policy.ended_on_silent_node,
        )?;
        switch(
            "SPIDERPOOL_GC_ENABLE_STATELESS_RUNNING_POD_ON_EMPTY_POD_STATUS_IPS",
            &mut policy.running_without_addresses,
        )?;
        switch("SPIDERPOOL_GC_EVICTED_POD_ENABLED", &mut policy.evicted)?;
        seconds("SPIDERPOOL_GC_EVICTED_POD_DELAY", &mut policy.evicted_delay)?;
        seconds("SPIDERPOOL_GC_ADDITIONAL_GRACE_DELAY", &mut policy.additional_delay)?;
        seconds("SPIDERPOOL_GC_NODE_SILENCE_DURATION", &mut policy.node_silence)?;
        seconds("SPIDERPOOL_GC_DEFAULT_INTERVAL_DURATION", &mut policy.interval)?;
        Ok(policy)
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<SweepPolicy, PolicyError> {
        SweepPolicy::from_env(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn upstreams_names_are_read_and_nonsense_is_refused() {
        assert_eq!(SweepPolicy::from_env(|_| None), Ok(SweepPolicy::default()));
        let off = read("SPIDERPOOL_GC_IP_ENABLED", "false").unwrap();
        assert_eq!(off, SweepPolicy { enabled: Switch::Off, ..SweepPolicy::default() });
        let delay = read("SPIDERPOOL_GC_ADDITIONAL_GRACE_DELAY", "5").unwrap();
        assert_eq!(delay.additional_delay, Duration::from_secs(5));
        assert_eq!(read("SPIDERPOOL_GC_IP_ENABLED", ""), Ok(SweepPolicy::default()));
        let wrong =
            [read("SPIDERPOOL_GC_IP_ENABLED", "yes"), read("SPIDERPOOL_GC_ADDITIONAL_GRACE_DELAY", "-1")];
        let texts = wrong.map(|wrong| wrong.unwrap_err().to_string());
        insta::assert_snapshot!(texts.join("\n"), @r#"
        SPIDERPOOL_GC_IP_ENABLED="yes": write true or false
        SPIDERPOOL_GC_ADDITIONAL_GRACE_DELAY="-1": write a whole number of seconds, 0 or more
        "#);
    }
}
