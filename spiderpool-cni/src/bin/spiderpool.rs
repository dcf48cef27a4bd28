//! spiderpool

fn main() {}
