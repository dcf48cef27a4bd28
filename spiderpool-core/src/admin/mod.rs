//! Administration: edits of subnets, pools and reservations, each through the protocol of rule 5.
//!
//! The same functions serve a webhook, the command line and embedders; none of them needs a controller.

mod edit;
mod object;
mod outcome;
mod pool;
mod reservation;
mod subnet;

pub use outcome::{AdminError, Applied, Deletion, Mode};
pub use pool::terminating_message;
