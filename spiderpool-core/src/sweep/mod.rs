//! The sweep: which held addresses nobody uses any more, and freeing them (rules 9d and 15).
//!
//! [`judge`] is a pure function from what is known of one record to a [`Verdict`] that explains itself. Two sources must
//! agree before it says free: the API (the pod, or for a stateful owner its name and its controller) and the node (the
//! container's sandbox, or the node itself is gone). What is not known never frees anything.
//!
//! [`Allocator::sweep`](crate::alloc::Allocator::sweep) is the shell: it reads the blocks first, asks the sources
//! afterwards and frees through the protocol's fenced machines only.

mod blocks;
mod endpoints;
mod judge;
mod liveness;
mod node;
mod pass;
mod pod;
mod policy;
mod seen;
mod sources;
mod twins;
mod verdict;

pub use blocks::BlocksAtHand;
pub use endpoints::EndpointSeen;
pub use judge::{Case, Subject, judge, node_gone, second_source};
pub use liveness::JudgedLiveness;
pub use node::{Leases, NodeFacts, OUT_OF_SERVICE, Service};
pub use pass::{Done, Judged, Swept};
pub use pod::{PodFacts, PodPhase};
pub use policy::{PolicyError, SweepPolicy, Switch};
pub use seen::{ClaimSeen, ControllerSeen, NodeSeen, PodSeen, SandboxSeen};
pub use sources::{Declared, NoSandboxes, Sandboxes, Sources, StoreSources};
pub use twins::{Twin, judge_twins};
pub use verdict::{First, How, KeepWhy, Second, Source, Verdict, WaitWhy};
