//! The allocator through its public API.

mod storm;
mod world;
