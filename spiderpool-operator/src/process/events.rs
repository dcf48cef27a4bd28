//! Notices as Events of the cluster.

use std::sync::Arc;

use async_trait::async_trait;
use spiderpool_core::{
    api::API_VERSION,
    env::Clock,
    name::{ObjectName, Uid},
};
use spiderpool_store_kube::{KubeStore, Regarding, Warning};

use crate::notices::{About, Notice, Notices};

/// Writes notices as Events.
#[derive(Debug)]
pub(super) struct ClusterNotices {
    pub(super) store: KubeStore,
    pub(super) clock: Arc<dyn Clock>,
    /// The pod that says so.
    pub(super) host: String,
}

fn of_ours(kind: &str, name: &ObjectName, uid: &Uid) -> Regarding {
    Regarding {
        api_version: API_VERSION.into(),
        kind: kind.into(),
        namespace: None,
        name: name.to_string(),
        uid: uid.to_string(),
    }
}

fn regarding(about: &About) -> Regarding {
    match about {
        About::Application(application, uid) => Regarding {
            api_version: application.api_version.clone(),
            kind: application.kind.clone(),
            namespace: Some(application.namespace.to_string()),
            name: application.name.to_string(),
            uid: uid.to_string(),
        },
        About::Subnet(name, uid) => of_ours("SpiderSubnet", name, uid),
        About::Pool(name, uid) => of_ours("SpiderIPPool", name, uid),
    }
}

#[async_trait]
impl Notices for ClusterNotices {
    async fn show(&self, notice: &Notice) {
        let warning = Warning {
            regarding: regarding(&notice.about),
            component: "spiderpool-controller",
            host: self.host.clone(),
            reason: notice.reason.into(),
            message: notice.message.clone(),
            at: self.clock.now(),
        };
        if let Err(error) = self.store.warn(&warning).await {
            tracing::warn!(about = %notice.about, %error, "an event cannot be written");
        }
    }
}
