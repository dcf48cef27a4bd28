//! Objects of other systems that are kept at hand by a watch, for an agent that would else read them for every pod.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use serde_json::{Map, Value};
use spiderpool_core::{api::Resource, name::Namespace};
use tokio::task::JoinHandle;

use crate::{
    Follow, KubeStore,
    feed::{Fed, Feed, Loss},
};

/// What is known of an object.
#[derive(Clone, PartialEq, Debug)]
pub enum Known {
    /// It was so a moment ago.
    Object(Arc<Resource>),
    /// There was none of this name a moment ago.
    Absent,
    /// The watch is broken, or has not begun: ask the API server.
    Unsure,
}

/// The namespace, empty where there is none, and the name.
type Place = (String, String);

/// None: nothing is known for sure.
type Objects = Option<HashMap<Place, Arc<Resource>>>;

/// Objects that are kept at hand. Dropping it ends the watch.
#[derive(Debug)]
pub struct Followed {
    objects: Arc<RwLock<Objects>>,
    task: JoinHandle<()>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl KubeStore {
    /// Begins to follow these objects, in the background of the tokio runtime around it. What is known goes while the
    /// API server cannot be reached, and comes back with a fresh list.
    ///
    /// Cost: one list and one watch; memory for what [`Follow`] names.
    #[must_use]
    pub fn follow(&self, what: &Follow) -> Followed {
        let objects = Arc::new(RwLock::new(None));
        let task = tokio::spawn(keep(self.feed(what), Arc::clone(&objects)));
        Followed { objects, task }
    }
}

impl Followed {
    /// What is known of the object of this name.
    #[must_use]
    pub fn get(&self, namespace: Option<&Namespace>, name: &str) -> Known {
        let place = (namespace.map(ToString::to_string).unwrap_or_default(), name.to_owned());
        match &*self.objects.read() {
            None => Known::Unsure,
            Some(objects) => objects.get(&place).cloned().map_or(Known::Absent, Known::Object),
        }
    }
}

async fn keep(mut feed: Feed, objects: Arc<RwLock<Objects>>) {
    loop {
        match feed.next().await {
            Fed::Listed(all) => *objects.write() = Some(all.into_iter().map(kept).collect()),
            Fed::Put(object) => {
                if let Some(objects) = &mut *objects.write() {
                    let (place, object) = kept(object);
                    objects.insert(place, object);
                }
            }
            Fed::Deleted(object) => {
                if let Some(objects) = &mut *objects.write() {
                    objects.remove(&kept(object).0);
                }
            }
            Fed::Lost(loss) => {
                *objects.write() = None;
                let plural = feed.plural();
                match loss {
                    Loss::Expired => tracing::debug!(plural, "a watch has expired and begins anew"),
                    Loss::Forbidden(why) => {
                        tracing::warn!(plural, why, "not allowed to watch: pods wait for reads");
                    }
                    Loss::Broken(error) => tracing::warn!(
                        plural,
                        %error,
                        "a watch is broken: pods wait for reads until it is there again"
                    ),
                }
            }
        }
    }
}

fn kept(mut object: Resource) -> (Place, Arc<Resource>) {
    object.rest = ending(&object.rest);
    let place = (object.metadata.namespace.clone().unwrap_or_default(), object.metadata.name.clone());
    (place, Arc::new(object))
}

/// What says that a pod has ended. A pod as a whole takes fifty times the memory.
fn ending(rest: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (part, fields) in [("spec", &["restartPolicy"][..]), ("status", &["phase", "reason"][..])] {
        let Some(Value::Object(whole)) = rest.get(part) else { continue };
        let fields =
            fields.iter().filter_map(|field| Some(((*field).to_owned(), whole.get(*field)?.clone())));
        kept.insert(part.into(), Value::Object(fields.collect()));
    }
    kept
}
