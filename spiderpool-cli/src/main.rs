//! spiderpool-cli

fn main() {}
