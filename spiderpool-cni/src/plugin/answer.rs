//! From what the agent answered to what the runtime is told.

use super::client::{CallError, Response};
use crate::api::{ErrorBody, ErrorCode};
use crate::cni::{CniError, Code};
use serde::de::DeserializeOwned;
use std::path::Path;

/// What an agent said in answer to a request.
pub(super) enum Said {
    /// 2xx; the body.
    Yes(Vec<u8>),
    /// A refusal in the agent's words.
    No(ErrorBody),
}

/// Reads an answer. An answer that no agent gives is an error of code 107.
pub(super) fn read(socket: &Path, response: Response) -> Result<Said, CniError> {
    if (200..300).contains(&response.status) {
        return Ok(Said::Yes(response.body));
    }
    match serde_json::from_slice(&response.body) {
        Ok(body) => Ok(Said::No(body)),
        Err(_) => {
            let text: String = String::from_utf8_lossy(&response.body).trim().chars().take(200).collect();
            Err(protocol(socket, &format!("answered HTTP status {} and {text:?}", response.status)))
        }
    }
}

/// Reads the body of a good answer.
pub(super) fn body<T: DeserializeOwned>(socket: &Path, bytes: &[u8]) -> Result<T, CniError> {
    serde_json::from_slice(bytes)
        .map_err(|error| protocol(socket, &format!("answered with a body that is not understood: {error}")))
}

/// Something answers on the socket that is no agent of ours, or one of another release.
pub(super) fn protocol(socket: &Path, msg: &str) -> CniError {
    CniError::new(
        Code::Protocol,
        format!("the agent at {} {msg}", socket.display()),
        "Check that ipam_unix_socket_path is spiderpool-agent's socket, and that plugin and agent are of one release.",
    )
}

/// What the runtime is told when the agent refused.
pub(super) fn refusal(body: ErrorBody) -> CniError {
    let code = match body.code {
        ErrorCode::Exhausted => Code::Exhausted,
        ErrorCode::NoPool => Code::NoPool,
        ErrorCode::AddressTaken => Code::AddressTaken,
        ErrorCode::WrongInput | ErrorCode::TooLarge => Code::WrongInput,
        ErrorCode::Gone => Code::Gone,
        ErrorCode::NotFound => Code::UnknownContainer,
        ErrorCode::Mismatch => Code::Mismatch,
        ErrorCode::Cooling | ErrorCode::Busy | ErrorCode::Deadline | ErrorCode::Unavailable => {
            Code::TryAgainLater
        }
        _ if body.retryable => Code::TryAgainLater,
        _ => Code::Refused,
    };
    CniError::new(code, body.message, body.details)
}

/// What the runtime is told when no answer came.
pub(super) fn no_answer(socket: &Path, error: CallError) -> CniError {
    let socket_shown = socket.display();
    match error {
        CallError::Connect(error) if error.kind() == std::io::ErrorKind::PermissionDenied => CniError::new(
            Code::Io,
            format!("the agent's socket {socket_shown} may not be opened: {error}"),
            "CNI plugins are run as root; check the owner and mode of the socket and its directory.",
        ),
        CallError::Connect(error) => CniError::new(
            Code::TryAgainLater,
            format!("no agent listens at {socket_shown}: {error}"),
            "Check that spiderpool-agent runs on this node and that ipam_unix_socket_path is its socket; then repeat.",
        ),
        CallError::TimedOut => CniError::new(
            Code::TryAgainLater,
            format!("the agent at {socket_shown} did not answer in time"),
            "See the agent's log for what it waits for; repeating is safe.",
        ),
        CallError::HungUp(what) => CniError::new(
            Code::TryAgainLater,
            format!("the agent at {socket_shown} hung up: {what}"),
            "It was probably stopped in the middle of the request; repeating is safe.",
        ),
        CallError::Garbled(what) => protocol(socket, &format!("answered something that is not HTTP: {what}")),
    }
}
