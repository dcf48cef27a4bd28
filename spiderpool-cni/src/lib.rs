//! spiderpool-cni
