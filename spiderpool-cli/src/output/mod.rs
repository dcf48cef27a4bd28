//! What people and programs read.

mod age;
mod count;
mod paint;
mod table;

pub(crate) use age::age;
pub(crate) use count::count;
pub(crate) use paint::{Paint, Style};
pub(crate) use table::Table;
