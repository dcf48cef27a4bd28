//! The protocol: every rule as an explicit state machine over plain values.

mod admit;
mod add;
mod apply;
mod claim;
mod commit;
mod objects;
mod part;
mod prove;
mod search;
mod settle;
mod del;
mod intent;
mod machine;
mod truth;

pub use apply::{Effect, apply, apply_to_absent};
pub use commit::{Commit, Committed, Logging};
pub use intent::{
    Action, Fence, Grant, How, Intent, Outcome, PoolRef, Release, ReleaseMode, Unusable, Withdraw,
};
pub use machine::{Failure, Input, LogWrite, Machine, Op, Reply, SandboxState, Spent, Step};
pub use truth::{Truth, Truths};
pub use objects::{Objects, Subject, pool_family, pool_usable, reserved, unreserved};
pub use prove::{Prove, Snapshots, Verdict};
pub use settle::{CREATION_GRACE, FENCE_GRACE, Role, Settle, Settled};
pub use admit::{Admit, Admitted, Edit, Guard, Holder, Run};
pub use search::{Found, Goal, Refusal, Search, Setting, Wait, Wanted};
pub use add::{Add, AddFailure, Added, UNDO_BUDGET};
pub use claim::{Claimed, Holding};
pub use del::{Del, Deleted, Releasing};
pub use part::{OpenAttempt, Part, PartDone, PartGranted, PartWanted};
