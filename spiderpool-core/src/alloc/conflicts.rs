//! How often somebody else was faster.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::{Action, Intent};

/// Writes of blocks that were repeated because somebody else had changed the block meanwhile, since the allocator was
/// opened. A write that grants and releases counts for both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Conflicts {
    /// Writes with a grant, or with an address taken over.
    pub grants: u64,
    /// Writes with a release.
    pub releases: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counted {
    grants: AtomicU64,
    releases: AtomicU64,
}

impl Counted {
    /// A write for `intents` met somebody else's.
    pub(super) fn note<'a>(&self, intents: impl Iterator<Item = &'a Intent>) {
        let (mut grants, mut releases) = (false, false);
        for intent in intents {
            match intent.action {
                Action::Grant(_) | Action::Reattach(..) | Action::Probe(_) => grants = true,
                Action::Release(_) | Action::Withdraw(_) => releases = true,
                Action::Close(..) | Action::Install(_) => {}
            }
        }
        self.grants.fetch_add(grants.into(), Ordering::Relaxed);
        self.releases.fetch_add(releases.into(), Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Conflicts {
        let [grants, releases] = [&self.grants, &self.releases].map(|count| count.load(Ordering::Relaxed));
        Conflicts { grants, releases }
    }
}
