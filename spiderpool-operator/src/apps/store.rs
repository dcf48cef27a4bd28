//! Applications among the resources of a store: the lab's.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use spiderpool_core::{
    api::Resource,
    autopool::{NATIVE_KINDS, Shape, Workload},
    model::Application,
    store::{Document, Key, Kind, Store},
};
use tokio::sync::mpsc;

use super::{AppKind, News};
use crate::objects::{ObjectNews, Objects};

/// The applications that are declared in a store: of the native kinds, and of any other kind that has
/// `spec.template`, with its replicas in `spec.replicas`.
#[derive(Debug)]
pub struct StoreApps {
    store: Arc<dyn Store>,
}

/// Where third-party kinds have their replicas in the lab, which has no definitions of them.
const REPLICAS: &str = ".spec.replicas";

impl StoreApps {
    /// Those of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Tells of them until nobody listens any more. Kinds that are asked about are told complete: everything that is
    /// there is told.
    pub async fn run(self, tell: mpsc::Sender<News>, mut unknown: mpsc::Receiver<AppKind>) {
        let mut objects = Objects::default();
        let mut told = objects.of(&[Kind::Resource]);
        let following = tokio::spawn(objects.run(self.store));
        let mut known: HashMap<Key, Application> = HashMap::new();
        let mut listed = false;
        loop {
            let mut news = Vec::new();
            tokio::select! {
                object = told.recv() => match object {
                    None => break,
                    Some(ObjectNews::Listed(_, items)) => {
                        let here: HashSet<_> = items.iter().map(|item| item.key.clone()).collect();
                        let gone: Vec<_> = known.keys().filter(|key| !here.contains(*key)).cloned().collect();
                        news.extend(gone.iter().filter_map(|key| known.remove(key)).map(News::Gone));
                        for item in &items {
                            news.extend(put(&mut known, &item.key, &item.document));
                        }
                        listed = true;
                        let native = NATIVE_KINDS.iter().map(|(version, kind)| (*version, *kind));
                        let others = known.values().map(|app| (app.api_version.as_str(), app.kind.as_str()));
                        let kinds: HashSet<_> = native.chain(others).collect();
                        news.extend(kinds.into_iter().map(|(version, kind)| {
                            News::Complete(AppKind { api_version: version.into(), kind: kind.into() })
                        }));
                    }
                    Some(ObjectNews::Put(item)) => news.extend(put(&mut known, &item.key, &item.document)),
                    Some(ObjectNews::Deleted(key)) => news.extend(known.remove(&key).map(News::Gone)),
                },
                Some(kind) = unknown.recv() => news.extend(listed.then_some(News::Complete(kind))),
            }
            for piece in news {
                if tell.send(piece).await.is_err() {
                    following.abort();
                    return;
                }
            }
        }
    }
}

fn put(known: &mut HashMap<Key, Application>, key: &Key, document: &Document) -> Option<News> {
    let Document::Resource(object) = document else { return None };
    match read(object) {
        Some(workload) => {
            known.insert(key.clone(), workload.application.clone());
            Some(News::Put(workload))
        }
        None => known.remove(key).map(News::Gone),
    }
}

fn read(object: &Resource) -> Option<Workload> {
    let kind = (object.api_version.as_str(), object.kind.as_str());
    let shape = match Shape::native(kind.0, kind.1) {
        Some(shape) => shape,
        None if object.rest.get("spec").is_some_and(|spec| spec.get("template").is_some()) => {
            Shape::scaled(REPLICAS)
        }
        None => return None,
    };
    Workload::read(kind, object, &shape, 0)
}
