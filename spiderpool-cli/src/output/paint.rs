//! Colour, only where somebody sees it.

use std::{fmt, io::IsTerminal as _};

/// How a piece of text stands out. Each also differs by its text, so that nothing is told by colour alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Plain,
    Bold,
    Dim,
    Green,
    Red,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

impl Style {
    /// The parameters of SGR (ECMA-48, 8.3.117); none for plain text.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Green => Some("32"),
            Self::Red => Some("31"),
            Self::Yellow => Some("33"),
            Self::Blue => Some("34"),
            Self::Magenta => Some("35"),
            Self::Cyan => Some("36"),
        }
    }
}

/// Whether to colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Paint {
    /// A terminal that wants it.
    Colour,
    /// Everything else.
    Plain,
}

impl Paint {
    /// Colour on a terminal, unless `NO_COLOR` is set to anything (no-color.org) or the terminal is dumb.
    pub(crate) fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if std::io::stdout().is_terminal() && !unwanted { Self::Colour } else { Self::Plain }
    }

    /// `text` in `style`.
    pub(crate) fn text(self, style: Style, text: impl fmt::Display) -> String {
        match (self, style.code()) {
            (Self::Colour, Some(code)) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_output_has_no_escapes() {
        assert_eq!(Paint::Plain.text(Style::Red, "x"), "x");
        assert_eq!(Paint::Colour.text(Style::Plain, "x"), "x");
        assert_eq!(Paint::Colour.text(Style::Red, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
