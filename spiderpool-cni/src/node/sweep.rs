//! The sweep and the tending, where no controller does it.

use super::Node;
use super::views::Expected;
use spiderpool_core::admin::{AdminError, Mode, Tended};
use spiderpool_core::name::NamespacedName;
use spiderpool_core::store::StoreError;
use spiderpool_core::sweep::{Done, Judged, Swept};

/// What a pass of the sweep looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Reach {
    /// All of the scope.
    Everything,
    /// What this node holds: the others sweep their own, and one of them everything.
    OwnNode,
}

impl Node {
    /// One pass of the sweep: frees what both sources say nobody uses, and logs why. Of other nodes' containers it frees
    /// only what a declared Node vouches for: the out-of-service taint, a lease that fell silent.
    ///
    /// Cost and cancellation: see [`Allocator::sweep`](spiderpool_core::alloc::Allocator::sweep) and
    /// [`Allocator::sweep_own`](spiderpool_core::alloc::Allocator::sweep_own).
    ///
    /// # Errors
    /// The store failed; what was freed stays free, and the next pass goes on.
    pub async fn sweep(&self, reach: Reach) -> Result<Swept, StoreError> {
        let policy = &self.config.policy;
        let swept = match reach {
            Reach::Everything => self.allocator.sweep(&self.sources, policy, Mode::Real).await?,
            Reach::OwnNode => self.allocator.sweep_own(&self.sources, policy, Mode::Real).await?,
        };
        self.take_in(&swept);
        if !swept.complete {
            tracing::warn!(
                "a block cannot be read: the sweep leaves claims alone; spiderpoolctl fsck says which it is"
            );
        }
        Ok(swept)
    }

    /// Waits until a pod of this node is gone or has ended; its name. For ever where nobody tells.
    pub async fn end_of_pod(&self) -> NamespacedName {
        self.pods.end().await
    }

    /// The same as [`Node::sweep`] for what this pod holds here; none if it holds nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep_pod(&self, pod: &NamespacedName) -> Result<Option<Swept>, StoreError> {
        let addresses = self.held.addresses_of(pod);
        if addresses.is_empty() {
            return Ok(None);
        }
        let (sources, policy) = (&self.sources, &self.config.policy);
        let swept = self.allocator.sweep_these(sources, policy, Mode::Real, &addresses).await?;
        self.take_in(&swept);
        Ok(Some(swept))
    }

    /// Logs what a pass came to, and takes in what is free.
    fn take_in(&self, swept: &Swept) {
        for judged in &swept.judged {
            let Judged { address, interface, node, .. } = judged;
            let reason = judged.reason();
            let (node, owner) = (node.as_ref().map(tracing::field::display), owner(judged));
            match &judged.done {
                Done::Freed => {
                    tracing::info!(%address, %owner, %interface, node, %reason, "freed by the sweep");
                    self.was_freed(judged);
                }
                Done::Later(why) => {
                    tracing::warn!(%address, %owner, %interface, node, %reason, %why, "to be freed, and cannot be yet");
                }
                Done::Kept(why) => {
                    tracing::debug!(%address, %owner, %interface, node, %reason, %why, "kept by the sweep");
                }
                Done::Nothing | Done::WouldFree | Done::Changed => {
                    tracing::debug!(%address, %owner, %interface, node, %reason, "kept by the sweep");
                }
            }
        }
    }

    /// Finishes what edits and crashes left half-done, and logs what that was.
    ///
    /// # Errors
    /// The store failed, or somebody edits the same objects; the next call goes on.
    pub async fn tend(&self) -> Result<Tended, AdminError> {
        let tended = self.allocator.tend().await?;
        for object in &tended.deleted {
            tracing::info!(%object, "its deletion is finished");
        }
        for plan in &tended.settled {
            tracing::info!(%plan, "settled: it says what its object says");
        }
        for plan in &tended.buried {
            tracing::info!(%plan, "removed: its pool is gone");
        }
        for block in &tended.cleaned {
            tracing::info!(%block, "copies of plans that are gone are taken out");
        }
        for subnet in &tended.subnets {
            tracing::info!(%subnet, "its record says what its pools have");
        }
        Ok(tended)
    }

    /// Takes in that an address of this node is free.
    fn was_freed(&self, judged: &Judged) {
        let Some(record) = judged.record.as_ref().filter(|record| record.node == self.config.node) else {
            return;
        };
        if let Some(container) = self.held.freed(judged.address, record) {
            self.forget(&container);
        }
        if let Some(pod) = &record.owner.pod {
            self.views.changed(pod.clone(), record.owner.uid.clone(), Expected::Anything);
        }
    }
}

fn owner(judged: &Judged) -> String {
    match (&judged.pod, &judged.owner) {
        (Some(pod), Some(uid)) => format!("pod {pod} (uid {uid})"),
        (Some(pod), None) => format!("pod {pod}"),
        (None, Some(uid)) => format!("sandbox {uid}"),
        (None, None) => "nobody".into(),
    }
}
