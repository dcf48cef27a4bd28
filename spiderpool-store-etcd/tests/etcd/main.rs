//! The store on real servers: what it promises, whatever happens to them.

mod allocation;
mod conformance;
mod fail_over;
mod listing;
mod secured;
mod watching;
mod world;
