//! Applications as they come, change and go.
//!
//! A source tells of them: the resources of a store ([`StoreApps`], in the lab), or a cluster's native kinds and whatever
//! its pods belong to (`ClusterApps`).

mod book;
#[cfg(feature = "kube")]
mod cluster;
mod store;
#[cfg(feature = "kube")]
mod third_party;

pub use book::{Book, Known};
#[cfg(feature = "kube")]
pub(crate) use cluster::ClusterApps;
pub use store::StoreApps;

use spiderpool_core::{autopool::Workload, model::Application};

use crate::notices::Notice;

/// A kind of applications: group and version, and kind.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AppKind {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
}

impl AppKind {
    /// The kind of an application.
    #[must_use]
    pub fn of(application: &Application) -> Self {
        Self { api_version: application.api_version.clone(), kind: application.kind.clone() }
    }

    /// The group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// What a source tells.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum News {
    /// This application is there, as given.
    Put(Workload),
    /// There is no such application any more, as far as the source knows.
    Gone(Application),
    /// All applications of the kind have been told, and those that are not there any more are told gone.
    Complete(AppKind),
    /// Something that people should know about an application.
    Notice(Notice),
}
