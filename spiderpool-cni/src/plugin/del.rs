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
use crate::spool::release::{Answer, Heard, Releasing, Step};
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

/// What the machine hears of a try; what went wrong stays with the caller.
fn outcome(tried: Try, wrong: &mut CniError) -> Heard {
    match tried {
        Try::Released => Heard::Released,
        Try::Refused(error) => {
            *wrong = error;
            Heard::Refused
        }
        Try::Unanswered(error) => {
            *wrong = error;
            Heard::Unanswered
        }
    }
}

pub(super) fn run(call: &AttachmentCall) -> Result<(), CniError> {
    let body = super::encode(&call.attachment)?;
    let spool = Spool::new(&call.conf.ipam.spool_dir);
    let mut machine = Releasing::default();
    let mut heard = Heard::Start;
    let mut deadline = call.deadline;
    // Why the last try failed, and why there is no entry.
    let unasked = "This is a defect of the plugin; please report it.";
    let mut wrong = CniError::new(Code::Internal, "the agent was not asked", unasked);
    let mut unwritten = String::new();
    loop {
        heard = match machine.next(heard) {
            Step::Ask => outcome(attempt(call, &body, deadline), &mut wrong),
            Step::Note => {
                call.log.warn(&format!("{}; noting the release", wrong.msg));
                let written = spool.write(&call.attachment);
                deadline = call.deadline.at_least(SECOND_TRY);
                match written {
                    Ok(()) => Heard::Noted,
                    Err(cause) => {
                        unwritten = cause.to_string();
                        Heard::NotNoted
                    }
                }
            }
            Step::Forget => {
                let _ = spool.remove(&EntryName::of(&call.attachment));
                Heard::Noted
            }
            Step::Answer(Answer::Released) => {
                call.log.info("released");
                return Ok(());
            }
            Step::Answer(Answer::Noted) => {
                call.log.info(&format!("noted in {}: {}", spool.dir().display(), wrong.msg));
                return Ok(());
            }
            Step::Answer(Answer::Refused) => return Err(wrong),
            Step::Answer(Answer::NotNoted) => {
                return Err(CniError::new(
                    Code::TryAgainLater,
                    format!(
                        "{}, and the release cannot be noted in {}: {unwritten}",
                        wrong.msg,
                        spool.dir().display()
                    ),
                    "Start spiderpool-agent, or make room and permission for the spool directory; the address stays \
                     held until then.",
                ));
            }
        };
    }
}
