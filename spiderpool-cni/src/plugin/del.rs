//! DEL: release, or note the release for an agent to come.
//!
//! It succeeds if the release is confirmed or noted. The order is what makes that safe (see [`crate::spool`]):
//! the entry is written before the second try.

use super::Deadline;
use super::answer::{self, Said};
use super::call::AttachmentCall;
use super::client::{self, Method};
use crate::api::{ErrorCode, path};
use crate::cni::{CniError, Code};
use crate::spool::{EntryName, Spool};
use std::time::Duration;

/// The second try gets at least this long, even if the first one used up all the time.
const SECOND_TRY: Duration = Duration::from_secs(5);

/// How one try ended.
enum Try {
    /// The agent confirmed, or knows nothing of it.
    Released,
    /// The agent answered that it could not.
    Refused(CniError),
    /// Nothing that could be called an answer came.
    Unanswered(CniError),
}

fn attempt(call: &AttachmentCall, body: &[u8], deadline: Deadline) -> Try {
    let socket = &call.conf.ipam.socket;
    let response = match client::call(socket, Method::Delete, path::IP, body, deadline) {
        Ok(response) => response,
        Err(error) => return Try::Unanswered(answer::no_answer(socket, error)),
    };
    match answer::read(socket, response) {
        Ok(Said::Yes(_)) => Try::Released,
        Ok(Said::No(body)) if matches!(body.code, ErrorCode::NotFound | ErrorCode::Gone) => Try::Released,
        Ok(Said::No(body)) => Try::Refused(answer::refusal(body)),
        Err(error) => Try::Unanswered(error),
    }
}

pub(super) fn run(call: &AttachmentCall) -> Result<(), CniError> {
    let body = super::encode(&call.attachment)?;
    let unanswered = match attempt(call, &body, call.deadline) {
        Try::Released => {
            call.log.info("released");
            return Ok(());
        }
        Try::Refused(error) => return Err(error),
        Try::Unanswered(error) => error,
    };
    call.log.warn(&format!("{}; noting the release", unanswered.msg));

    let spool = Spool::new(&call.conf.ipam.spool_dir);
    let noted = spool.write(&call.attachment);
    match attempt(call, &body, call.deadline.at_least(SECOND_TRY)) {
        Try::Released => {
            // An entry left behind is only replayed once more, and finds nothing to release.
            let _ = spool.remove(&EntryName::of(&call.attachment));
            call.log.info("released at the second try");
            Ok(())
        }
        // The agent is there and may have read its spool already: the runtime must come again.
        Try::Refused(error) => Err(error),
        Try::Unanswered(again) => match noted {
            Ok(()) => {
                call.log.info(&format!("noted in {}: {}", spool.dir().display(), again.msg));
                Ok(())
            }
            Err(cause) => Err(CniError::new(
                Code::TryAgainLater,
                format!(
                    "{}, and the release cannot be noted in {}: {cause}",
                    again.msg,
                    spool.dir().display()
                ),
                "Start spiderpool-agent, or make room and permission for the spool directory; the address stays held \
                 until then.",
            )),
        },
    }
}
