//! What people and programs read.

mod age;
mod paint;
mod table;

pub(crate) use age::age;
pub(crate) use paint::{Paint, Style};
pub(crate) use table::Table;
