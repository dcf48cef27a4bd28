//! spiderpool-store-sled
