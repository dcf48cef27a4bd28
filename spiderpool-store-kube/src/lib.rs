//! Spiderpool's documents as Kubernetes custom resources.
//!
//! So far this crate knows under which names the API server serves them, [`CustomResource`]; the types with their
//! schemas and the store itself are not written yet. The store will be `replace` with `resourceVersion` for every
//! compare-and-swap.

mod names;

pub use names::{CATEGORY, CustomResource, FINALIZER, ResourceScope, StatusSubresource, VERSION};
