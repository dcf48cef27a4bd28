//! spiderpool-core
