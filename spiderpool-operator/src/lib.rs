//! spiderpool-operator
