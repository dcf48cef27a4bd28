//! Objects of other systems that are kept at hand by a watch, for an agent that would else read them for every pod.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use serde_json::{Map, Value};
use spiderpool_core::{
    api::Resource,
    name::{Namespace, NamespacedName},
};
use tokio::{sync::mpsc, task::JoinHandle};

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
        self.follow_telling(what, None)
    }

    /// The same; and what is gone, is being deleted or has ended (`status.phase`) is told to `ends`, perhaps several times. What
    /// does not fit in there is not told.
    #[must_use]
    pub fn follow_telling(&self, what: &Follow, ends: Option<mpsc::Sender<NamespacedName>>) -> Followed {
        let objects = Arc::new(RwLock::new(None));
        let task = tokio::spawn(keep(self.feed(what), Arc::clone(&objects), Ends(ends)));
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

/// Who wants to know of objects that end.
struct Ends(Option<mpsc::Sender<NamespacedName>>);

impl Ends {
    fn tell(&self, (namespace, name): &Place) {
        let name = namespace.parse().ok().zip(name.parse().ok());
        if let (Some(ends), Some((namespace, name))) = (&self.0, name) {
            let _ = ends.try_send(NamespacedName { namespace, name });
        }
    }

    /// Tells of `object` if it is ending.
    fn look(&self, object: &Resource) {
        let phase = object.rest.get("status").and_then(|status| status.get("phase")?.as_str());
        if object.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed")) {
            self.tell(&place(object));
        }
    }
}

async fn keep(mut feed: Feed, objects: Arc<RwLock<Objects>>, ends: Ends) {
    // What is not known for sure any more, until it is listed anew.
    let mut before = HashMap::new();
    loop {
        match feed.next().await {
            Fed::Listed(all) => {
                let all: HashMap<_, _> = all.into_iter().map(kept).collect();
                before.keys().filter(|place| !all.contains_key(*place)).for_each(|place| ends.tell(place));
                all.values().for_each(|object| ends.look(object));
                before.clear();
                *objects.write() = Some(all);
            }
            Fed::Put(object) => {
                ends.look(&object);
                if let Some(objects) = &mut *objects.write() {
                    let (place, object) = kept(object);
                    objects.insert(place, object);
                }
            }
            Fed::Deleted(object) => {
                ends.tell(&place(&object));
                if let Some(objects) = &mut *objects.write() {
                    objects.remove(&kept(object).0);
                }
            }
            Fed::Lost(loss) => {
                before.extend(objects.write().take().into_iter().flatten());
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
    (place(&object), Arc::new(object))
}

fn place(object: &Resource) -> Place {
    (object.metadata.namespace.clone().unwrap_or_default(), object.metadata.name.clone())
}

/// What says that a pod has ended. A pod as a whole takes fifty times the memory.
fn ending(rest: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (part, fields) in [("spec", &["restartPolicy"][..]), ("status", &["phase", "reason", "podIPs"])] {
        let Some(Value::Object(whole)) = rest.get(part) else { continue };
        let fields =
            fields.iter().filter_map(|field| Some(((*field).to_owned(), whole.get(*field)?.clone())));
        kept.insert(part.into(), Value::Object(fields.collect()));
    }
    kept
}
