//! `ippool-ip-number` and `ippool-reclaim`: how auto pools are sized, and when they go.

use std::fmt;

use super::{Violations, reader::Annotation, reader::shown};
use crate::{api::keys, model::Reclaim};

/// How many addresses an auto pool has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IpNumber {
    /// This many: `"5"`.
    Fixed(u32),
    /// As many as there are replicas, and this many more: `"+2"`.
    Flexible(u32),
}

impl fmt::Display for IpNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(count) => write!(f, "{count}"),
            Self::Flexible(extra) => write!(f, "+{extra}"),
        }
    }
}

const NUMBER: Annotation = Annotation {
    key: keys::IP_NUMBER,
    example: r#"`"5"` for five addresses, `"+1"` for one more than there are replicas"#,
};
const RECLAIM: Annotation = Annotation { key: keys::RECLAIM, example: r#"`"true"` or `"false"`"# };

/// Parses [`keys::IP_NUMBER`].
///
/// # Errors
/// It is not a number, with or without a `+`.
pub fn ip_number(text: &str) -> Result<IpNumber, Violations> {
    let (digits, flexible) = match text.strip_prefix('+') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let digital = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse::<u32>() {
        Ok(count) if digital && flexible => Ok(IpNumber::Flexible(count)),
        Ok(count) if digital => Ok(IpNumber::Fixed(count)),
        _ => Err(NUMBER.refused(format!("`{}` is not a number of addresses", shown(text)))),
    }
}

/// Parses [`keys::RECLAIM`], with the spellings of Go's `strconv.ParseBool`.
///
/// # Errors
/// It is neither true nor false.
pub fn reclaim(text: &str) -> Result<Reclaim, Violations> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Reclaim::WithApplication),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Reclaim::Keep),
        _ => Err(RECLAIM.refused(format!("`{}` is neither true nor false", shown(text)))),
    }
}
