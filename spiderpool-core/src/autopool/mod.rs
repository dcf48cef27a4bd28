//! Pools that are made for applications out of Subnets: what an application asks for, how many addresses that is, and
//! keeping a pool that has exactly so many.
//!
//! [`Workload`] reads an application from its controller object, [`demands`] says which pools it wants, both pure.
//! [`Allocator::ensure_auto_pool`](crate::alloc::Allocator::ensure_auto_pool) brings one pool up to that and
//! [`Allocator::retire_auto_pools`](crate::alloc::Allocator::retire_auto_pools) takes away what nobody wants any more,
//! both by edits of rule 5: addresses are claimed in the Subnet's record first, and none that is held is taken away.

mod carver;
mod demand;
mod ensure;
mod name;
mod object;
mod retire;
mod size;
mod workload;

pub use carver::Carver;
pub use demand::{Demand, Demands, Spare, demands};
pub use ensure::{AutoPoolError, Ensured, Resize};
pub use name::pool_name;
pub use workload::{NATIVE_KINDS, Replicas, Shape, Workload};
