//! GC: free what no attachment holds that the runtime still knows.

use super::answer::{self, Said};
use super::call::NetworkCall;
use super::client::{self, Method};
use crate::api::{GcRequest, GcResponse, path};
use crate::cni::CniError;

pub(super) fn run(call: &NetworkCall) -> Result<(), CniError> {
    let socket = &call.conf.ipam.socket;
    let valid_attachments = call.conf.valid_attachments()?;
    let body = super::encode(&GcRequest { network_name: call.conf.name.clone(), valid_attachments })?;
    let response = client::call(socket, Method::Post, path::GC, &body, call.deadline)
        .map_err(|error| answer::no_answer(socket, error))?;
    let done: GcResponse = match answer::read(socket, response)? {
        Said::Yes(body) => answer::body(socket, &body)?,
        Said::No(body) => return Err(answer::refusal(body)),
    };
    for freed in &done.freed {
        call.log
            .info(&format!("freed {} of pool {}, interface {}", freed.address, freed.ip_pool, freed.if_name));
    }
    for kept in &done.kept {
        call.log
            .info(&format!("kept {} of pool {}: {}", kept.record.address, kept.record.ip_pool, kept.reason));
    }
    Ok(())
}
