//! Administration: edits of subnets, pools and reservations, each through the protocol of rule 5.
//!
//! The same functions serve a webhook, the command line and embedders; none of them needs a controller.

mod claim;
mod delete;
mod edit;
mod ledger;
mod object;
mod outcome;
mod pool;
pub(crate) mod record;
mod release;
mod reservation;
mod review;
mod subnet;
mod surroundings;
mod tend;

pub(crate) use edit::TRIES;
pub(crate) use ledger::Ledger;
pub use outcome::{AdminError, Applied, Deletion, Mode};
pub use pool::terminating_message;
pub use record::Taken;
pub use release::Freeing;
pub(crate) use release::holder;
pub use review::Before;
pub(crate) use surroundings::Pools;
pub use surroundings::Rules;
pub use tend::Tended;

pub use crate::validate::Editor;
