//! Fuzz bodies: one plain function per target, each of which takes any bytes and asserts a law.
//!
//! The same functions run in two ways: `cargo test` here runs each over its committed seeds and some thousands of
//! inputs made from them, the same ones every time; `cargo +nightly fuzz run NAME --features libfuzzer` lets libFuzzer
//! look for more.
//!
//! To add one: write the function in a module of its own, name it in [`BODIES`], put a few inputs that get deep into
//! it under `seeds/NAME/`, and copy a program in `fuzz_targets/` with its entry in `Cargo.toml`. The tests say what is
//! missing.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod annotations;
mod cni_args;
mod cni_config;
mod documents;
mod ip_set;
mod manifests;
mod objects;
mod ranges;
mod socket_api;

pub use annotations::annotations;
pub use cni_args::cni_args;
pub use cni_config::cni_config;
pub use documents::documents;
pub use ip_set::ip_set;
pub use manifests::manifests;
pub use objects::objects;
pub use ranges::ranges;
pub use socket_api::socket_api;

/// A fuzz body and its name, which is also that of its program and of its folder of seeds.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The name.
    pub name: &'static str,
    /// The function. It panics if, and only if, its law does not hold for these bytes.
    pub run: fn(&[u8]),
}

/// Every fuzz body.
pub const BODIES: &[Body] = &[
    Body { name: "ranges", run: ranges },
    Body { name: "ip_set", run: ip_set },
    Body { name: "objects", run: objects },
    Body { name: "documents", run: documents },
    Body { name: "manifests", run: manifests },
    Body { name: "annotations", run: annotations },
    Body { name: "cni_config", run: cni_config },
    Body { name: "cni_args", run: cni_args },
    Body { name: "socket_api", run: socket_api },
];
