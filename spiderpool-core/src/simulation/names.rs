//! Names that the simulation makes up.

#![expect(
    clippy::expect_used,
    reason = "these are literals and numbers; a name that is none is a mistake here"
)]

use std::{fmt::Debug, str::FromStr};

/// A name that is one by construction.
pub(super) fn parse<T: FromStr<Err: Debug>>(text: impl AsRef<str>) -> T {
    text.as_ref().parse().expect("the simulation makes up only names")
}
