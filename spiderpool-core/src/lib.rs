//! spiderpool-core

pub mod addr;
