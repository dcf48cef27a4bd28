//! Applications of a cluster.

use std::{collections::HashSet, sync::Arc};

use spiderpool_core::{
    autopool::{NATIVE_KINDS, Shape, Workload},
    model::Application,
};
use spiderpool_store_kube::{Fed, Follow, KubeStore, ServedKind};
use tokio::{sync::mpsc, task::JoinSet};

use super::{AppKind, News, third_party::ThirdParties};
use crate::feeds::{Feeds, tell_loss};

/// The native kinds' plurals, in the order of [`NATIVE_KINDS`].
const PLURALS: [&str; 6] = ["deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs"];

/// The applications of a cluster: Deployments, StatefulSets and so on by a watch each; of other kinds those that pods
/// belong to and whose API group is listed.
#[derive(Debug)]
pub(crate) struct ClusterApps {
    store: KubeStore,
    groups: HashSet<String>,
    native: Vec<(ServedKind, mpsc::Receiver<Arc<Fed>>)>,
    pods: mpsc::Receiver<Arc<Fed>>,
}

impl ClusterApps {
    /// Those of the cluster of `store`, by these feeds; `groups` are the API groups of third-party kinds that are followed.
    pub(crate) fn new(store: KubeStore, feeds: &mut Feeds, groups: impl IntoIterator<Item = String>) -> Self {
        let native = NATIVE_KINDS.into_iter().zip(PLURALS).map(|((version, kind), plural)| {
            let served = ServedKind::known(version, kind, plural);
            let news = feeds.of(Follow::Kind(served.clone()));
            (served, news)
        });
        let native = native.collect();
        Self { store, groups: groups.into_iter().collect(), native, pods: feeds.of(Follow::Pods) }
    }

    /// Tells of them until nobody listens any more. Kinds that come over `unknown` are followed, as far as that can be.
    pub(crate) async fn run(self, tell: mpsc::Sender<News>, unknown: mpsc::Receiver<AppKind>) {
        let mut tasks = JoinSet::new();
        for (served, news) in self.native {
            tasks.spawn(native(served, news, tell.clone()));
        }
        ThirdParties::new(self.store, self.groups, tell).run(self.pods, unknown).await;
    }
}

/// Tells of one native kind.
async fn native(served: ServedKind, mut objects: mpsc::Receiver<Arc<Fed>>, tell: mpsc::Sender<News>) {
    let kind = (served.api_version(), served.kind());
    let Some(shape) = Shape::native(kind.0, kind.1) else { return };
    let mut here: HashSet<Application> = HashSet::new();
    while let Some(fed) = objects.recv().await {
        let mut news = Vec::new();
        match fed.as_ref() {
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
            Fed::Put(object) => match Workload::read(kind, object, &shape, 0) {
                Some(workload) => {
                    here.insert(workload.application.clone());
                    news.push(News::Put(workload));
                }
                // Its pods belong to another controller, or it is going.
                None => news.extend(gone(&mut here, kind, object)),
            },
            Fed::Deleted(object) => news.extend(gone(&mut here, kind, object)),
            Fed::Lost(loss) => tell_loss(served.plural(), loss),
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
