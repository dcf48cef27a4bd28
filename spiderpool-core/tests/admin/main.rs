//! Administration and views through the public API.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod views;
mod world;
