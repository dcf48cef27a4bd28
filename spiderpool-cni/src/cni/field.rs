//! Reading a JSON value field by field, with errors that name the field.
//!
//! Derived decoders say "invalid type: string, expected a boolean" without saying where. A network
//! configuration is written by people, so its errors name the key and the value.

use super::{CniError, Code};
use serde_json::{Map, Value};

/// An object and the path to it from the top of the configuration.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    path: &'a str,
}

/// A short form of a value for a message.
fn show(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

pub(super) fn invalid(msg: String, details: impl Into<String>) -> CniError {
    CniError::new(Code::InvalidConfig, format!("network configuration: {msg}"), details)
}

const CONSULT: &str = "Correct the CNI configuration (on Kubernetes often the NetworkAttachmentDefinition).";

impl<'a> Object<'a> {
    pub(super) fn top(map: &'a Map<String, Value>) -> Self {
        Self { map, path: "" }
    }

    /// The path of `key`, from the top.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str) -> CniError {
        invalid(format!("{} is {}, but must be {wanted}", self.path(key), show(value)), CONSULT)
    }

    /// The value of `key`; `null` counts as absent, as in Go.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn object(&self, key: &str, path: &'a str) -> Result<Option<Self>, CniError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { map, path })),
            Some(other) => Err(self.wrong(key, other, "an object")),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, CniError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, other, "a string")),
        }
    }

    /// A boolean; absent is `false`.
    pub(super) fn boolean(&self, key: &str) -> Result<bool, CniError> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(self.wrong(key, other, "true or false")),
        }
    }

    /// A whole number that is not negative, as a number or in a string (as old documents write it).
    pub(super) fn count(&self, key: &str) -> Result<Option<u32>, CniError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| self.wrong(key, value, "a whole number from 0 to 4294967295"))
    }

    /// An array; absent is empty.
    pub(super) fn array(&self, key: &str) -> Result<&'a [Value], CniError> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.wrong(key, other, "an array")),
        }
    }

    /// An array of strings; absent is empty.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&'a str>, CniError> {
        let text =
            |item: &'a Value| item.as_str().ok_or_else(|| self.wrong(key, item, "an array of strings"));
        self.array(key)?.iter().map(text).collect()
    }
}
