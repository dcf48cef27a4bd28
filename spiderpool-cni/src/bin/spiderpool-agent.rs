//! `spiderpool-agent`, the node daemon.

fn main() {}
