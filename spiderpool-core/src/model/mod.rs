//! What the protocol works on: blocks with their records, plans, scopes.

mod block;
mod owner;
mod plan;
mod scope;

pub use block::{Block, BlockBits, BlockError, BlockId, Copy, Pick, block_range};
pub use owner::{Attachment, Binding, Controller, GrantKey, Owner, Record, Slot};
pub use plan::{Epoch, Pending, Plan, PlanId, PlanIdError};
pub use scope::{FORMAT, Scope};
