//! What the protocol works on: pools, subnets and reservations in parsed form, blocks with their records, plans,
//! scopes.

mod affinity;
mod auto;
mod block;
mod families;
mod label;
mod network;
mod owner;
mod pattern;
mod plan;
mod pool;
mod reservation;
mod scope;
mod subnet;

pub use affinity::{Affinity, Labels};
pub(crate) use auto::is_auto;
pub use auto::{Application, AutoPool, Reclaim};
pub use block::{Block, BlockBits, BlockError, BlockId, Copy, Pick, block_range};
pub use families::Families;
pub(crate) use label::is_dns_subdomain;
pub(crate) use network::{Fields, Network};
pub use network::{MAX_VLAN, Route};
pub use owner::{Attachment, Binding, Controller, GrantKey, Owner, Record, Slot};
pub use pattern::{Pattern, PatternError, PoolRef, PoolRefError};
pub use plan::{Epoch, Pending, Plan, PlanId, PlanIdError};
pub use pool::{AttachmentName, Pool};
pub(crate) use pool::{Audience, read_cooldown, read_duration};
pub use reservation::Reservation;
pub(crate) use reservation::read_reserved;
pub use scope::{FORMAT, Scope};
pub(crate) use subnet::read_controlled;
pub use subnet::{Claiming, Controlled, Subnet};
