//! What became of several objects: one line each, and one exit code for all.

use serde::Serialize;
use spiderpool_core::admin::{AdminError, Applied, Mode, terminating_message};

use crate::{
    answer::Answer,
    args::Format,
    failure::{Exit, Failure},
    session::store_failure,
};

/// What became of several objects.
#[derive(Debug)]
pub(crate) struct Done {
    mode: Mode,
    items: Vec<Item>,
    failures: Vec<(String, Failure)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Item {
    object: String,
    result: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl Done {
    /// Nothing yet.
    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode, items: Vec::new(), failures: Vec::new() }
    }

    /// `object` was edited.
    pub(crate) fn add(&mut self, object: String, applied: &Applied) {
        let warnings = match applied {
            Applied::Created { warnings } | Applied::Configured { warnings } => warnings.clone(),
            Applied::Terminating { holders } => vec![terminating_message(holders)],
            _ => Vec::new(),
        };
        self.items.push(Item { object, result: applied.to_string(), warnings });
    }

    /// `object` was not edited.
    pub(crate) fn fail(&mut self, object: String, failure: Failure) {
        self.items.push(Item {
            object: object.clone(),
            result: format!("failed: {}", failure.one_line()),
            warnings: Vec::new(),
        });
        self.failures.push((object, failure));
    }

    /// The first that failed, with its failure.
    pub(crate) fn take_failure(&mut self) -> Option<(String, Failure)> {
        (!self.failures.is_empty()).then(|| self.failures.remove(0))
    }

    /// What was odd, each with its object.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.items
            .iter()
            .flat_map(|item| item.warnings.iter().map(|warning| format!("{}: {warning}", item.object)))
    }

    /// One line for each, as kubectl writes them; failures and warnings on standard error.
    pub(crate) fn answer(self, format: Format) -> Result<Answer, Failure> {
        let mut answer = match format {
            Format::Json | Format::Yaml => Answer::data(&self.items, format)?,
            Format::Name => Answer::text(lines(
                self.items
                    .iter()
                    .filter(|item| !item.result.starts_with("failed"))
                    .map(|item| item.object.clone()),
            )),
            Format::Table | Format::Wide => {
                let dry = if self.mode == Mode::DryRun { " (dry run)" } else { "" };
                let done = self.items.iter().filter(|item| !item.result.starts_with("failed"));
                Answer::text(lines(done.map(|item| format!("{} {}{dry}", item.object, item.result))))
            }
        };
        answer.notes.extend(self.warnings().map(|warning| format!("warning: {warning}")));
        // The code that says most: what the user can mend comes before what only waiting mends.
        let exits = self.failures.iter().map(|(_, failure)| failure.exit());
        answer.exit = exits.min_by_key(|exit| *exit as u8);
        answer
            .notes
            .extend(self.failures.iter().map(|(object, failure)| format!("error: {object}: {failure}")));
        Ok(answer)
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// A refused edit as a command tells it.
pub(crate) fn admin_failure(error: AdminError) -> Failure {
    match error {
        AdminError::Store(error) => store_failure(error),
        AdminError::NotFound { .. } => Failure::not_found(error.to_string()),
        AdminError::Invalid { violations, .. } => {
            let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
            Failure::new(Exit::Refused, lines.join("\n  "))
        }
        error => Failure::refused(error.to_string()),
    }
}
