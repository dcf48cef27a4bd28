//! Applications of a cluster.

use std::collections::HashSet;

use spiderpool_core::{
    autopool::{NATIVE_KINDS, Shape, Workload},
    model::Application,
};
use spiderpool_store_kube::{Fed, Follow, KubeStore, Loss, ServedKind};
use tokio::{sync::mpsc, task::JoinSet};

use super::{AppKind, News, third_party::ThirdParties};

/// The native kinds' plurals, in the order of [`NATIVE_KINDS`].
const PLURALS: [&str; 6] = ["deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs"];

/// The applications of a cluster: Deployments, StatefulSets and so on by a watch each; of other kinds those that pods
/// belong to and whose API group is listed.
#[derive(Debug)]
pub struct ClusterApps {
    store: KubeStore,
    groups: HashSet<String>,
}

impl ClusterApps {
    /// Those of the cluster of `store`; `groups` are the API groups of third-party kinds that are followed.
    #[must_use]
    pub fn new(store: KubeStore, groups: impl IntoIterator<Item = String>) -> Self {
        Self { store, groups: groups.into_iter().collect() }
    }

    /// Tells of them until nobody listens any more. Kinds that come over `unknown` are followed, as far as that can be.
    pub async fn run(self, tell: mpsc::Sender<News>, unknown: mpsc::Receiver<AppKind>) {
        let mut tasks = JoinSet::new();
        for ((version, kind), plural) in NATIVE_KINDS.into_iter().zip(PLURALS) {
            tasks.spawn(native(self.store.clone(), ServedKind::known(version, kind, plural), tell.clone()));
        }
        ThirdParties::new(self.store, self.groups, tell).run(unknown).await;
    }
}

/// Tells of one native kind.
async fn native(store: KubeStore, served: ServedKind, tell: mpsc::Sender<News>) {
    let kind = (served.api_version(), served.kind());
    let Some(shape) = Shape::native(kind.0, kind.1) else { return };
    let mut feed = store.feed(&Follow::Kind(served.clone()));
    let mut here: HashSet<Application> = HashSet::new();
    loop {
        let mut news = Vec::new();
        match feed.next().await {
            Fed::Listed(objects) => {
                let read = objects.iter().filter_map(|object| Workload::read(kind, object, &shape, 0));
                let workloads: Vec<_> = read.collect();
                let now: HashSet<_> = workloads.iter().map(|workload| workload.application.clone()).collect();
                news.extend(here.difference(&now).cloned().map(News::Gone));
                news.extend(workloads.into_iter().map(News::Put));
                here = now;
                let (api_version, kind) = (kind.0.to_owned(), kind.1.to_owned());
                news.push(News::Complete(AppKind { api_version, kind }));
            }
            Fed::Put(object) => match Workload::read(kind, &object, &shape, 0) {
                Some(workload) => {
                    here.insert(workload.application.clone());
                    news.push(News::Put(workload));
                }
                // Its pods belong to another controller, or it is going.
                None => news.extend(gone(&mut here, kind, &object)),
            },
            Fed::Deleted(object) => news.extend(gone(&mut here, kind, &object)),
            Fed::Lost(loss) => tell_loss(&served, &loss),
        }
        for piece in news {
            if tell.send(piece).await.is_err() {
                return;
            }
        }
    }
}

fn gone(
    here: &mut HashSet<Application>,
    (api_version, kind): (&str, &str),
    object: &spiderpool_core::api::Resource,
) -> Option<News> {
    let application = application((api_version, kind), object)?;
    here.remove(&application).then_some(News::Gone(application))
}

/// The application that an object of this kind is.
pub(super) fn application(
    (api_version, kind): (&str, &str),
    object: &spiderpool_core::api::Resource,
) -> Option<Application> {
    Some(Application {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: object.metadata.namespace.as_deref()?.parse().ok()?,
        name: object.metadata.name.parse().ok()?,
    })
}

/// A watch that broke off is an ordinary thing; what it may not do is for somebody to mend.
pub(super) fn tell_loss(kind: &ServedKind, loss: &Loss) {
    let plural = kind.plural();
    match loss {
        Loss::Expired => tracing::debug!(plural, "a watch has expired and begins anew"),
        Loss::Forbidden(why) => tracing::warn!(plural, why, "not allowed to follow these applications"),
        Loss::Broken(error) => tracing::warn!(plural, %error, "a watch is broken and begins anew"),
        _ => tracing::warn!(plural, ?loss, "a watch broke off and begins anew"),
    }
}
