//! The kinds of objects: how they are called on the command line, and which columns they have.

mod columns;
mod known;
mod labels;
mod name;

pub(crate) use columns::{Rows, table};
pub(crate) use labels::LabelFilter;
pub(crate) use name::{KindName, internal_name, reference};
