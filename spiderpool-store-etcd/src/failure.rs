//! What an error of the client means for what was asked.

use std::error::Error as _;

use etcd_client::Error;
use spiderpool_core::store::{Source, StoreError};
use tonic::{Code, Status};

/// Why a request got no answer, told apart by what may be done next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It surely had no effect, and another member, or the same one later, may take it.
    NotDone(Cause),
    /// It surely had no effect, and no member will take it as things are.
    Refused(Cause),
    /// It may have had an effect, or may still.
    Unknown(Cause),
    /// The revision that was asked for is no longer kept.
    Compacted,
    /// The revision that was asked for is none that the cluster has reached.
    Future,
    /// It is larger than the members take.
    TooLarge(Cause),
}

/// What happened, and the client's own error.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) message: String,
    source: Option<Source>,
}

impl Cause {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// The error of something that did not take effect.
    pub(crate) fn unavailable(self) -> StoreError {
        StoreError::Unavailable { message: self.message, source: self.source }
    }

    /// The error of something that may have taken effect.
    pub(crate) fn unknown(self) -> StoreError {
        StoreError::UnknownOutcome { message: self.message, source: self.source }
    }
}

/// What etcd says when it did not even propose the request to the cluster, or when applying it begins with a check
/// that failed (rpctypes in etcd's own api module).
const NOT_DONE: [&str; 6] = [
    // Refused on arrival, since we ask for a member with a leader.
    "etcdserver: no leader",
    "etcdserver: too many requests",
    "etcdserver: rpc not supported for learner",
    // Members that were restarted know no tokens; the client has fetched a new one by then.
    "etcdserver: invalid auth token",
    "auth: revision in header is old",
    "etcdserver: revision of auth store is old",
];

/// The same, where somebody has to change something first.
const REFUSED: [(&str, &str); 4] = [
    ("etcdserver: permission denied", "grant the user a role that reads and writes the prefix"),
    ("etcdserver: authentication failed, invalid user ID or password", "check user and password"),
    ("etcdserver: user name is empty", "the cluster has authentication on: give user and password"),
    ("etcdserver: authentication is not enabled", "leave user and password out"),
];

/// A full database answers so to a write that took effect as well: the first one beyond the quota does.
const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";

/// What `error` means.
pub(crate) fn classify(member: &str, error: Error) -> Failure {
    let status = match error {
        Error::GRpcStatus(status) => status,
        // None of these reaches a member: the client could not be made of what it was given.
        Error::InvalidArgs(_) | Error::InvalidUri(_) | Error::TransportError(_) | Error::EndpointError(_) => {
            let message = format!("{member}: {}", in_full(&error));
            return Failure::Refused(Cause { message, source: Some(error.into()) });
        }
        error => {
            let message = format!("{member}: {}", in_full(&error));
            return Failure::Unknown(Cause { message, source: Some(error.into()) });
        }
    };
    let said = status.message().to_owned();
    let is_unsent = is_unsent(&status);
    let code = status.code();
    let mut cause = Cause { message: format!("{member}: {}", words(&status)), source: Some(status.into()) };
    match said.as_str() {
        "etcdserver: mvcc: required revision has been compacted" => return Failure::Compacted,
        "etcdserver: mvcc: required revision is a future revision" => return Failure::Future,
        "etcdserver: request is too large" => return Failure::TooLarge(cause),
        NO_SPACE => {
            cause.message.push_str("; compact and defragment it, or raise its quota, and disarm the alarm");
            return Failure::Unknown(cause);
        }
        _ => {}
    }
    if let Some((_, remedy)) = REFUSED.iter().find(|(known, _)| *known == said) {
        cause.message = format!("{}; {remedy}", cause.message);
        Failure::Refused(cause)
    } else if is_unsent || NOT_DONE.contains(&said.as_str()) {
        Failure::NotDone(cause)
    } else if code == Code::ResourceExhausted && said.contains("message length too large") {
        Failure::TooLarge(cause)
    } else {
        Failure::Unknown(cause)
    }
}

/// Whether a request did not leave this process: there was no connection to send it on.
fn is_unsent(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    // What the generated client says when it waits for a connection and there will be none.
    status.code() == Code::Unknown && status.message().starts_with("Service was not ready:")
}

/// What a status says, and what lies below it.
fn words(status: &Status) -> String {
    let mut words = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = error.source();
    }
    if words.is_empty() { format!("{:?}", status.code()) } else { words }
}

/// An error and all that lies below it.
fn in_full(error: &Error) -> String {
    let mut words = error.to_string();
    if let Error::TransportError(transport) = error {
        let mut source = transport.source();
        while let Some(error) = source {
            words = format!("{words}: {error}");
            source = error.source();
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn word(failure: &Failure) -> &'static str {
        match failure {
            Failure::NotDone(_) => "not done",
            Failure::Refused(_) => "refused",
            Failure::Unknown(_) => "unknown",
            Failure::Compacted => "compacted",
            Failure::Future => "future",
            Failure::TooLarge(_) => "too large",
        }
    }

    #[rstest]
    #[case(Code::Unavailable, "etcdserver: no leader", "not done")]
    #[case(Code::Unavailable, "etcdserver: request timed out", "unknown")]
    #[case(
        Code::Unavailable,
        "etcdserver: request timed out, possibly due to previous leader failure",
        "unknown"
    )]
    #[case(Code::Unavailable, "etcdserver: server stopped", "unknown")]
    #[case(Code::Unavailable, "etcdserver: leader changed", "unknown")]
    #[case(Code::ResourceExhausted, "etcdserver: too many requests", "not done")]
    #[case(Code::ResourceExhausted, NO_SPACE, "unknown")]
    #[case(Code::InvalidArgument, "etcdserver: request is too large", "too large")]
    #[case(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", "compacted")]
    #[case(Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision", "future")]
    #[case(Code::PermissionDenied, "etcdserver: permission denied", "refused")]
    #[case(Code::Unknown, "raft proposal dropped", "unknown")]
    #[case(Code::Unknown, "transport error", "unknown")]
    #[case(Code::Cancelled, "operation was canceled", "unknown")]
    fn statuses(#[case] code: Code, #[case] message: &str, #[case] meaning: &str) {
        let failure = classify("a:2379", Error::GRpcStatus(Status::new(code, message)));
        assert_eq!(word(&failure), meaning, "{failure:?}");
    }

    #[test]
    fn without_a_connection_nothing_was_sent() {
        let mut status = Status::unavailable("tcp connect error");
        status.set_source(std::sync::Arc::new(tonic::ConnectError("refused".into())));
        let failure = classify("a:2379", Error::GRpcStatus(status));
        assert_eq!(word(&failure), "not done", "{failure:?}");
    }
}
