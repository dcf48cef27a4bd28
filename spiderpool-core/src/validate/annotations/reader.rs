//! Walks the JSON of one annotation and keeps the place for messages.

use serde_json::{Map, Value};

use super::{Violations, Warning};
use crate::api::ViolationKind;

/// One annotation: its key, and how it is written.
#[derive(Clone, Copy)]
pub(super) struct Annotation {
    pub(super) key: &'static str,
    pub(super) example: &'static str,
}

impl Annotation {
    fn field(self, at: &str) -> String {
        format!("metadata.annotations[{}]{at}", self.key)
    }

    /// A violation at `at`; the first of an annotation says how to write it.
    pub(super) fn refuse(
        self,
        kind: ViolationKind,
        at: &str,
        problem: impl AsRef<str>,
        found: &mut Violations,
    ) {
        let problem = problem.as_ref();
        let message =
            if found.is_empty() { format!("{problem}; write {}", self.example) } else { problem.to_owned() };
        found.add(kind, self.field(at), message);
    }

    /// [`Self::refuse`], for an annotation with only one thing wrong.
    pub(super) fn refused(self, problem: impl AsRef<str>) -> Violations {
        let mut found = Violations::none();
        self.refuse(ViolationKind::Invalid, "", problem, &mut found);
        found
    }
}

pub(super) struct Reader<'w> {
    annotation: Annotation,
    pub(super) found: Violations,
    warnings: &'w mut Vec<Warning>,
}

impl<'w> Reader<'w> {
    pub(super) fn new(annotation: Annotation, warnings: &'w mut Vec<Warning>) -> Self {
        Self { annotation, found: Violations::none(), warnings }
    }

    pub(super) fn invalid(&mut self, at: &str, problem: impl AsRef<str>) {
        self.annotation.refuse(ViolationKind::Invalid, at, problem, &mut self.found);
    }

    pub(super) fn violation(&mut self, kind: ViolationKind, at: &str, problem: impl AsRef<str>) {
        self.annotation.refuse(kind, at, problem, &mut self.found);
    }

    pub(super) fn warn(&mut self, at: &str, message: impl Into<String>) {
        self.warnings.push(Warning::new(self.annotation.field(at), message));
    }

    /// `text` as JSON.
    pub(super) fn json(&mut self, text: &str) -> Option<Value> {
        if text.trim().is_empty() {
            self.invalid("", "the annotation is empty");
            return None;
        }
        serde_json::from_str(text).map_err(|error| self.invalid("", format!("not JSON ({error})"))).ok()
    }

    /// `value` as a list; `null` is an empty one.
    pub(super) fn list<'v>(&mut self, value: &'v Value, at: &str) -> &'v [Value] {
        match value {
            Value::Array(items) => items,
            Value::Null => &[],
            other => {
                self.invalid(at, format!("a list is wanted here, not {}", what(other)));
                &[]
            }
        }
    }

    /// `value` as an object.
    pub(super) fn object<'v>(&mut self, value: &'v Value, at: &str) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.invalid(at, format!("an object `{{…}}` is wanted here, not {}", what(value)));
        }
        object
    }

    /// `value` as a text, parsed.
    pub(super) fn parsed<T>(&mut self, value: &Value, at: &str, wanted: &str) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let Some(text) = value.as_str() else {
            self.invalid(at, format!("{wanted} is wanted here, not {}", what(value)));
            return None;
        };
        text.parse().map_err(|error: T::Err| self.invalid(at, error.to_string())).ok()
    }

    /// The values of `known` keys, in their order; unknown keys are warned of.
    pub(super) fn fields<'v, const N: usize>(
        &mut self,
        object: &'v Map<String, Value>,
        at: &str,
        known: [&str; N],
    ) -> [Option<&'v Value>; N] {
        let mut values = [None; N];
        for (key, value) in object {
            match known.iter().position(|name| name.eq_ignore_ascii_case(key)) {
                Some(place) if !value.is_null() => values[place] = Some(value),
                Some(_) => {}
                None => {
                    let message = format!("`{key}` means nothing here: {} do", known.join(", "));
                    self.warn(&format!("{at}.{}", shown(key)), message);
                }
            }
        }
        values
    }
}

/// What a JSON value is, in words.
fn what(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => format!("the text `{}`", shown(text)),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// What was written, not longer than a message bears.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
