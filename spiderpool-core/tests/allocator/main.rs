//! The allocator through its public API.

#[cfg(test)]
mod clock;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod full;
#[cfg(test)]
#[path = "../store/harness.rs"]
mod harness;
#[cfg(test)]
mod model;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod review;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod world;
