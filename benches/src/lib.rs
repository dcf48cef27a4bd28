//! What the benchmarks share: surroundings that never change, pools, pods, a store that counts, a node's processes.
//!
//! A benchmark that cannot go on has nothing to report: it stops, and says where.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on stops, and says where")]

mod bed;
mod counting;
#[cfg(any(feature = "etcd", feature = "kube"))]
pub mod crowd;
#[cfg(any(feature = "etcd", feature = "kube"))]
pub mod fill;
pub mod node;
mod record_map;
mod surroundings;
mod timing;

pub use bed::{Bed, Churn, Pods, add_request, del_request, pool, reference};
pub use counting::{Counted, CountingStore, Sizes};
pub use record_map::RecordMap;
pub use surroundings::{Numbers, fixed};
pub use timing::{stopwatch, timed};
