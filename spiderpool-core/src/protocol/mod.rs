//! The protocol: every rule as an explicit state machine over plain values.

mod add;
mod admit;
mod apply;
mod claim;
mod commit;
mod del;
mod intent;
mod machine;
mod objects;
mod part;
mod prove;
mod search;
mod settle;
mod survey;
mod truth;
mod unbind;

pub use add::{Add, AddFailure, Added, UNDO_BUDGET};
pub use admit::{Admit, Admitted, Edit, Guard, Holder, Run};
pub use apply::{Effect, apply, apply_to_absent};
pub use claim::{Claimed, Holding};
pub use commit::{Belief, Commit, Committed, Logging};
pub use del::{Del, Deleted, Releasing};
pub use intent::{
    Action, Fence, Grant, How, Intent, Outcome, PoolRef, Reason, Release, ReleaseMode, Unusable, Withdraw,
};
pub use machine::{Failure, Input, LogWrite, Machine, Op, Reply, SandboxState, Spent, Step};
pub use objects::{Objects, Subject, pool_usable, reserved, unreserved};
pub use part::{OpenAttempt, Part, PartDone, PartGranted, PartWanted};
pub use prove::{Prove, Snapshots, Verdict};
pub use search::{Found, Goal, Refusal, Search, Setting, Wait, Wanted};
pub use settle::{CREATION_GRACE, FENCE_GRACE, Role, Settle, Settled};
pub use survey::Surveyed;
pub use truth::{Truth, Truths};
pub use unbind::{BindingHolder, Kept, UNBIND_BUDGET, Unbind, Unbound};
