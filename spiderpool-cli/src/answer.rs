//! What a command says, before it is printed.

use serde::Serialize;

use crate::{
    args::Format,
    failure::{Exit, Failure},
};

/// What a command says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Answer {
    /// For standard output.
    pub(crate) text: String,
    /// For standard error: warnings, and what is missing.
    pub(crate) notes: Vec<String>,
    /// The exit code, where it is not 0.
    pub(crate) exit: Option<Exit>,
}

impl Answer {
    /// Just this text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// `value` for programs.
    pub(crate) fn data(value: &impl Serialize, format: Format) -> Result<Self, Failure> {
        let text = match format {
            Format::Yaml => serde_saphyr::to_string(value).map_err(|error| error.to_string()),
            _ => serde_json::to_string_pretty(value).map_err(|error| error.to_string()),
        };
        text.map(Self::text)
            .map_err(|error| Failure::refused(format!("the answer cannot be written: {error}")))
    }

    /// With one more note.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}
