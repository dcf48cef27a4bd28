//! What goes over the agent's socket, and what waits in its spool.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spiderpool_cni::api;
use spiderpool_cni::spool::EntryName;

/// Any bytes as every body of the agent's API, and as the name of a spool entry.
///
/// Laws: what is read is written in a form that reads as the same; a field that a reader does not know is passed over,
/// as the API promises; every error has a status that HTTP calls one; an entry of the spool is named by one file name.
pub fn socket_api(data: &[u8]) {
    body::<api::AddRequest>(data);
    body::<api::AddResponse>(data);
    body::<api::CheckRequest>(data);
    body::<api::GcRequest>(data);
    body::<api::GcResponse>(data);
    body::<api::StatusResponse>(data);
    body::<api::Endpoint>(data);
    body::<api::EndpointQuery>(data);
    body::<api::ExplainRequest>(data);
    body::<api::Explanation>(data);
    if let Some(attachment) = body::<api::Attachment>(data) {
        let name = EntryName::of(&attachment);
        assert_eq!(EntryName::parse(&name.to_string()), Some(name));
    }
    if let Some(error) = body::<api::ErrorBody>(data) {
        assert!((400..600).contains(&error.code.http_status()), "{error}");
        assert_eq!(api::ErrorCode::from(error.code.as_str().to_owned()), error.code);
        let fresh = api::ErrorBody::new(error.code.clone(), "", "");
        assert_eq!(fresh.retryable, error.code.is_transient());
    }
    if let Some(name) = std::str::from_utf8(data).ok().and_then(EntryName::parse) {
        let file = name.to_string();
        assert_eq!(file.as_bytes(), data);
        assert!(
            file.len() <= 255 && !file.contains('/') && !file.starts_with('.'),
            "{file:?} is no file name"
        );
    }
}

/// The body, if these bytes are one.
fn body<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    let body: T = serde_json::from_slice(data).ok()?;
    let mut written = serde_json::to_value(&body).unwrap_or_else(|error| panic!("{body:?}: {error}"));
    assert_eq!(read(&written).as_ref(), Some(&body), "{written}");
    add_unknown(&mut written);
    assert_eq!(read(&written).as_ref(), Some(&body), "{written}");
    Some(body)
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_slice(value.to_string().as_bytes()).ok()
}

/// Puts a field of a release to come into every object.
fn add_unknown(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_unknown);
            fields.insert("ofALaterRelease".into(), Value::from(vec![1]));
        }
        Value::Array(items) => items.iter_mut().for_each(add_unknown),
        _ => {}
    }
}
