//! What the API server answered, and what it means for the caller.

use http::StatusCode;
use serde::Deserialize;
use spiderpool_core::store::{Key, Source, StoreError};

use crate::MAX_DOCUMENT_BYTES;

/// What a request was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Intent {
    Read,
    Create,
    Update,
    Delete,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// What it says, for people.
    pub(crate) fn words(&self) -> String {
        Status::of(self).words(self.status)
    }
}

/// No complete answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// The request did not leave this process.
    Unsent(Source),
    /// It may have been carried out.
    Unknown(Source),
}

/// The API server's `Status`, as far as it matters.
#[derive(Deserialize, Default, Debug)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) kind: String,
    pub(crate) code: u16,
    message: String,
    reason: String,
    details: Details,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    name: String,
    kind: String,
    retry_after_seconds: u32,
}

impl Status {
    /// The status in `answer`; without one, its text is the message.
    pub(crate) fn of(answer: &Answer) -> Self {
        let status: Self = serde_json::from_slice(&answer.body).unwrap_or_default();
        if status.kind == "Status" {
            return status;
        }
        let text = String::from_utf8_lossy(&answer.body);
        let message = text.trim().chars().take(300).collect();
        Self { message, code: answer.status.as_u16(), ..Self::default() }
    }

    /// Whether it says that the object `name` of `plural` is not there, rather than its kind or its namespace.
    fn is_about(&self, plural: &str, name: &str) -> bool {
        self.details.name == name && self.details.kind == plural
    }

    /// Whether a position is too old, or none of this server's.
    pub(crate) fn is_expired(&self) -> bool {
        self.code == StatusCode::GONE || self.reason == "Expired"
    }

    fn words(&self, status: StatusCode) -> String {
        match self.message.as_str() {
            "" => format!("the API server answers {status}"),
            message => format!("the API server answers {status}: {message}"),
        }
    }
}

/// Whether `answer` to a read of one object says that it is not there.
pub(crate) fn is_absent(answer: &Answer, plural: &str, name: &str) -> bool {
    answer.status == StatusCode::NOT_FOUND && Status::of(answer).is_about(plural, name)
}

/// What an answer that is no success means. `name` is the object's, empty for a list.
pub(crate) fn failure(
    key: Option<&Key>,
    plural: &str,
    name: &str,
    intent: Intent,
    answer: &Answer,
) -> StoreError {
    let status = Status::of(answer);
    let unavailable = || {
        let mut message = status.words(answer.status);
        if let Some(seconds) = &answer.retry_after {
            message.push_str(&format!(" (try again after {seconds} s)"));
        }
        StoreError::unavailable(message)
    };
    if intent == Intent::Read && status.is_expired() {
        return StoreError::Expired;
    }
    let Some(key) = key.filter(|_| intent != Intent::Read) else {
        return match answer.status {
            StatusCode::NOT_FOUND if name.is_empty() || !status.is_about(plural, name) => {
                StoreError::unavailable(format!(
                    "the API server does not serve {plural}: install Spiderpool's custom resource definitions ({})",
                    status.words(answer.status)
                ))
            }
            _ => unavailable(),
        };
    };
    let refused = || StoreError::Refused { key: key.clone().into(), message: status.words(answer.status) };
    let unknown = || StoreError::unknown(status.words(answer.status));
    match (answer.status, intent) {
        (StatusCode::CONFLICT, Intent::Create) if status.reason == "AlreadyExists" => {
            StoreError::AlreadyExists { key: key.clone() }
        }
        (StatusCode::CONFLICT, Intent::Create) => unavailable(),
        (StatusCode::CONFLICT, _) => StoreError::Conflict { key: key.clone() },
        (StatusCode::NOT_FOUND, Intent::Update | Intent::Delete) if status.is_about(plural, name) => {
            StoreError::NotFound { key: key.clone() }
        }
        // The kind is not served, or the namespace does not exist.
        (StatusCode::NOT_FOUND, _) => unavailable(),
        (StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS, _) => unavailable(),
        (StatusCode::PAYLOAD_TOO_LARGE, _) => StoreError::TooLarge {
            key: key.clone(),
            bytes: MAX_DOCUMENT_BYTES.saturating_add(1),
            limit: MAX_DOCUMENT_BYTES,
        },
        // Turned away before it was looked at. Anything in between that gave up on the server says so without a
        // word when to come back, and then the write may have been carried out.
        (StatusCode::SERVICE_UNAVAILABLE, _)
            if answer.retry_after.is_some() || status.details.retry_after_seconds > 0 =>
        {
            unavailable()
        }
        (code, _) if code.is_client_error() && code != StatusCode::REQUEST_TIMEOUT => refused(),
        _ => unknown(),
    }
}

/// What no complete answer means.
pub(crate) fn silence(intent: Intent, silence: Silence) -> StoreError {
    let (source, known) = match silence {
        Silence::Unsent(source) => (source, true),
        Silence::Unknown(source) => (source, intent == Intent::Read),
    };
    let message = format!("no answer from the API server: {source}");
    match known {
        true => StoreError::Unavailable { message, source: Some(source) },
        false => StoreError::UnknownOutcome { message, source: Some(source) },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use spiderpool_core::name::ObjectName;

    use super::*;

    fn meaning(code: u16, intent: Intent, retry_after: Option<&str>, body: &str) -> String {
        let key = Key::Pool(ObjectName::new("p").unwrap());
        let answer = Answer {
            status: StatusCode::from_u16(code).unwrap(),
            retry_after: retry_after.map(str::to_owned),
            body: body.into(),
        };
        let error = failure(Some(&key), "pools", "p", intent, &answer);
        format!("{error:?}").split([' ', '{', '(']).next().unwrap().to_owned()
    }

    const EXISTS: &str = r#"{"kind":"Status","reason":"AlreadyExists","code":409}"#;
    const CONFLICT: &str = r#"{"kind":"Status","reason":"Conflict","code":409}"#;
    const THIS: &str =
        r#"{"kind":"Status","reason":"NotFound","details":{"name":"p","kind":"pools"},"code":404}"#;
    const NAMESPACE: &str =
        r#"{"kind":"Status","reason":"NotFound","details":{"name":"n","kind":"namespaces"},"code":404}"#;

    #[rstest]
    #[case(409, Intent::Create, None, EXISTS, "AlreadyExists")]
    #[case(409, Intent::Create, None, CONFLICT, "Unavailable")]
    #[case(409, Intent::Update, None, CONFLICT, "Conflict")]
    #[case(409, Intent::Delete, None, CONFLICT, "Conflict")]
    #[case(404, Intent::Update, None, THIS, "NotFound")]
    #[case(404, Intent::Delete, None, THIS, "NotFound")]
    #[case(404, Intent::Create, None, NAMESPACE, "Unavailable")]
    #[case(404, Intent::Update, None, "404 page not found", "Unavailable")]
    #[case(404, Intent::Read, None, "404 page not found", "Unavailable")]
    #[case(410, Intent::Read, None, "", "Expired")]
    #[case(410, Intent::Read, None, r#"{"kind":"Status","reason":"Expired","code":410}"#, "Expired")]
    #[case(429, Intent::Update, Some("1"), "", "Unavailable")]
    #[case(503, Intent::Update, Some("1"), "", "Unavailable")]
    #[case(503, Intent::Update, None, "", "UnknownOutcome")]
    #[case(500, Intent::Create, None, "", "UnknownOutcome")]
    #[case(502, Intent::Delete, None, "", "UnknownOutcome")]
    #[case(504, Intent::Update, None, "", "UnknownOutcome")]
    #[case(408, Intent::Update, None, "", "UnknownOutcome")]
    #[case(504, Intent::Read, None, "", "Unavailable")]
    #[case(413, Intent::Create, None, "", "TooLarge")]
    #[case(422, Intent::Update, None, "", "Refused")]
    #[case(403, Intent::Create, None, "", "Refused")]
    #[case(403, Intent::Read, None, "", "Unavailable")]
    #[case(401, Intent::Update, None, "", "Unavailable")]
    fn answers_are_told_apart(
        #[case] code: u16,
        #[case] intent: Intent,
        #[case] retry_after: Option<&str>,
        #[case] body: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(meaning(code, intent, retry_after, body), expected);
    }
}
