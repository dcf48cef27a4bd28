//! `spiderpoolctl`: administration of Spiderpool on any store, and the lab.

mod failure;
mod lab;
mod output;

fn main() {}
