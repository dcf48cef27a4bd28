//! Spiderpool's store on the Kubernetes API: pools, Subnets, reservations and endpoints as upstream's custom resources,
//! scopes, plans and blocks as kinds of its own.
//!
//! A document is one object, its token the object's `resourceVersion`, a compare-and-swap one request that names it.
//! [`crd`] holds the definitions with their validation rules. Kubernetes 1.31 or later.

mod answer;
mod api;
mod config;
pub mod crd;
mod events;
mod feed;
mod follow;
mod foreign;
mod kinds;
mod labels;
mod names;
mod object;
mod pages;
mod place;
mod store;
mod trust;
mod uninstall;
mod warn;
mod watch;

pub use config::{ConnectError, KubeConfig};
pub use feed::{Fed, Feed, Follow, Loss};
pub use follow::{Followed, Known};
pub use kinds::{ReplicasPath, ServedKind};
pub use names::{CATEGORY, CustomResource, FINALIZER, ResourceScope, StatusSubresource, VERSION};
pub use store::KubeStore;
pub use trust::{Trusted, WebhookConfiguration};
pub use uninstall::Removed;
pub use warn::{Regarding, Warning};

use store::MAX_DOCUMENT_BYTES;
