//! Spiderpool's core: IP address allocation over any store with compare-and-swap.

pub mod addr;
pub mod admin;
pub mod alloc;
pub mod api;
pub mod endpoint;
pub mod env;
mod hash;
mod hex;
pub mod inspect;
pub mod model;
pub mod mutation;
pub mod name;
pub mod protocol;
pub mod select;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod store;
pub mod sweep;
pub mod time;
pub mod transfer;
pub mod validate;
