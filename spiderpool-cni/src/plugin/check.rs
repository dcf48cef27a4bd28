//! CHECK: is what ADD answered still held?

use super::answer::{self, Said};
use super::call::AttachmentCall;
use super::client::{self, Method};
use crate::api::{CheckRequest, path};
use crate::cni::CniError;

pub(super) fn run(call: &AttachmentCall) -> Result<(), CniError> {
    let socket = &call.conf.ipam.socket;
    let expected_ips = call.conf.prev_result(&call.attachment.if_name)?.ips;
    let body = super::encode(&CheckRequest { attachment: call.attachment.clone(), expected_ips })?;
    let response = client::call(socket, Method::Post, path::CHECK, &body, call.deadline)
        .map_err(|error| answer::no_answer(socket, error))?;
    match answer::read(socket, response)? {
        Said::Yes(_) => {
            call.log.info("checked");
            Ok(())
        }
        Said::No(body) => Err(answer::refusal(body)),
    }
}
