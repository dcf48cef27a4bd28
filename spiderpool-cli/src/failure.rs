//! Why a command failed: the object, the reason, the remedy, and the exit code that says which kind it was.

use std::{
    error::Error,
    fmt::{self, Write as _},
    process::ExitCode,
};

/// The exit codes, documented in `spiderpoolctl --help`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Refused, or a check (`fsck`, `lab`) found something.
    Refused = 1,
    /// The command line or its input is wrong.
    Usage = 2,
    /// What was asked about does not exist.
    NotFound = 3,
    /// The store or the agent cannot be reached, or the store is locked.
    Unreachable = 4,
    /// Interrupted by a signal.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    remedy: Option<String>,
}

impl Failure {
    /// A failure of kind `exit`; `message` names the object and what is wrong with it.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), source: None, remedy: None }
    }

    /// Wrong input.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something refused.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Something that does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// The cause, printed with its own causes.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do about it.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Message and causes on one line, without the remedy: for lists of what failed.
    pub(crate) fn one_line(&self) -> String {
        let mut text = self.message.clone();
        for cause in self.causes() {
            let _ = write!(text, ": {cause}");
        }
        text.replace('\n', "; ")
    }

    /// The causes, each once: an error whose own text already ends with its cause's is not repeated.
    fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = next {
            let text = error.to_string();
            let said = self.message.contains(&text) || causes.iter().any(|said| said.contains(&text));
            if !said {
                causes.push(text);
            }
            next = error.source();
        }
        causes
    }
}

impl fmt::Display for Failure {
    /// Several lines: the message, each cause once, the remedy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in self.causes() {
            write!(f, "\n  because: {}", cause.replace('\n', "\n           "))?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  try: {remedy}")?;
        }
        Ok(())
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use spiderpool_core::store::StoreError;

    use super::*;

    #[test]
    fn a_failure_shows_object_causes_and_remedy_once_each() {
        let source = StoreError::Unavailable {
            message: "disk full".into(),
            source: Some(std::io::Error::other("no space left").into()),
        };
        let failure = Failure::refused("pool blue is not changed").because(source).remedy("free some space");
        insta::assert_snapshot!(failure, @"
        pool blue is not changed
          because: the store is not available: disk full
          because: no space left
          try: free some space
        ");
        assert_eq!(
            failure.one_line(),
            "pool blue is not changed: the store is not available: disk full: no space left"
        );
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let inner = std::io::Error::other("no space left");
        let failure = Failure::refused("cannot write x: no space left").because(inner);
        assert_eq!(failure.to_string(), "cannot write x: no space left");
    }
}
