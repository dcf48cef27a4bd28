//! STATUS: would an ADD work now?

use super::answer::{self, Said};
use super::call::NetworkCall;
use super::client::{self, Method};
use crate::api::path;
use crate::cni::{CniError, Code};

/// Whatever is in the way, STATUS says it with code 50. Never 51: addresses that are held need no agent.
fn not_available(error: CniError) -> CniError {
    CniError { code: Code::NotAvailable, ..error }
}

pub(super) fn run(call: &NetworkCall) -> Result<(), CniError> {
    let socket = &call.conf.ipam.socket;
    let response = client::call(socket, Method::Get, path::STATUS, b"", call.deadline)
        .map_err(|error| not_available(answer::no_answer(socket, error)))?;
    match answer::read(socket, response).map_err(not_available)? {
        Said::Yes(_) => Ok(()),
        Said::No(body) => Err(not_available(answer::refusal(body))),
    }
}
