//! From what core refuses to what a client is told.

use crate::api::{ErrorBody, ErrorCode};
use spiderpool_core::alloc::{AddError, DelError};
use spiderpool_core::name::NameError;
use spiderpool_core::protocol::{Refusal, Wait};
use spiderpool_core::select::{AutoPoolProblem, Refusal as SelectRefusal, SelectError};
use spiderpool_core::store::StoreError;
use std::fmt::Display;

/// A name in a request that is none.
pub(super) fn bad_name(error: NameError) -> ErrorBody {
    ErrorBody::new(
        ErrorCode::WrongInput,
        error.to_string(),
        "See docs/agent-api.md for what each field holds.",
    )
}

/// The store failed under `what`.
pub(super) fn store(what: &str, error: &StoreError) -> ErrorBody {
    let message = format!("{what}: {error}");
    match error {
        StoreError::Damaged { .. }
        | StoreError::NewerFormat { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Refused { .. } => {
            ErrorBody::new(ErrorCode::Internal, message, "Repeating does not help; see the agent's log.")
        }
        _ => ErrorBody::new(
            ErrorCode::Unavailable,
            message,
            "Repeating is safe; see the agent's log if it goes on.",
        ),
    }
}

const CORRECT: &str = "Correct it and create the pod again; nothing was granted.";

/// No pool may be tried for `who`.
pub(super) fn select(who: &dyn Display, error: &SelectError) -> ErrorBody {
    let (code, details) = match error {
        SelectError::WrongInput { .. }
        | SelectError::InterfaceNotNamed { .. }
        | SelectError::TooFewItems { .. }
        | SelectError::RequestedTwice { .. } => (ErrorCode::WrongInput, CORRECT),
        SelectError::AutoPool { problem, .. }
            if matches!(**problem, AutoPoolProblem::Disabled | AutoPoolProblem::NoController) =>
        {
            (ErrorCode::WrongInput, CORRECT)
        }
        // It is being made, or will be when somebody makes the Subnet.
        SelectError::AutoPool { .. } => (ErrorCode::Busy, "Repeat, or see spiderpool-controller's log."),
        SelectError::RequestedFamily { .. } => {
            (ErrorCode::AddressTaken, "Ask for an address of a pool that is chosen, or choose another pool.")
        }
        SelectError::NothingLeft { .. } => {
            let only_requested = error.refused().all(|r| matches!(r.reason, SelectRefusal::NotInPool { .. }));
            if only_requested && error.refused().next().is_some() {
                (ErrorCode::AddressTaken, "Ask for an address of a pool that may serve the pod.")
            } else {
                (
                    ErrorCode::NoPool,
                    "Change the pools or the pod so that one fits; spiderpoolctl explain shows each.",
                )
            }
        }
        _ => (ErrorCode::NoPool, "spiderpoolctl explain shows where pools were looked for."),
    };
    ErrorBody::new(code, format!("{who}: {error}"), details)
}

/// The allocator gave `who` nothing.
pub(super) fn add(who: &dyn Display, error: &AddError) -> ErrorBody {
    let (code, details) = match error {
        AddError::Refused { candidates, .. } => {
            let mut refusals = candidates.iter().map(|(_, why)| why);
            let (mut cooling, mut taken) = (None, false);
            for why in &mut refusals {
                match why {
                    Refusal::Cooling(until) => cooling = cooling.into_iter().chain([*until]).min(),
                    Refusal::Unusable(..) => taken = true,
                    _ => {}
                }
            }
            match cooling {
                Some(until) => {
                    let details = format!("Repeat after {until}, widen a pool, or name a backup pool.");
                    return ErrorBody::new(ErrorCode::Cooling, format!("{who}: {error}"), details);
                }
                None if taken => (
                    ErrorCode::AddressTaken,
                    "Ask for another address; spiderpoolctl ip show tells who holds this one.",
                ),
                None => (
                    ErrorCode::Exhausted,
                    "Delete pods that are not needed, widen a pool, or name a backup pool in annotation \
                     ipam.spidernet.io/ippool.",
                ),
            }
        }
        AddError::Busy { why: Wait::Store(_) | Wait::Unresolved(..), .. } => {
            (ErrorCode::Unavailable, "Repeating is safe; see the agent's log if it goes on.")
        }
        AddError::Busy { .. } => (ErrorCode::Busy, "Repeating is safe."),
        AddError::ContainerGone { .. } | AddError::Replaced { .. } => (
            ErrorCode::Gone,
            "Nothing is to be done: the runtime makes a new sandbox for the pod that is there now.",
        ),
        // Nobody can say whether it was stored: the request has to come again once the agent is back.
        AddError::Failed(_) => (
            ErrorCode::Unavailable,
            "Nothing is granted until what the message names is mended; then repeating is safe.",
        ),
        AddError::Invalid(_) => (ErrorCode::WrongInput, "Correct the request; nothing was granted."),
        _ => (ErrorCode::Internal, "Repeating does not help; see the agent's log."),
    };
    ErrorBody::new(code, format!("{who}: {error}"), details)
}

/// A release is not done.
pub(super) fn del(error: &DelError) -> ErrorBody {
    ErrorBody::new(
        ErrorCode::Unavailable,
        error.to_string(),
        "Repeating is safe; see the agent's log if it goes on.",
    )
}
