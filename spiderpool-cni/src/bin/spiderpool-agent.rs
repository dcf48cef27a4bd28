//! spiderpool-agent

fn main() {}
