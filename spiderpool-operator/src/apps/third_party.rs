//! Applications of kinds that are not Kubernetes' own, found through the pods that belong to them.
//!
//! A kind whose API group is listed is followed: its objects by a watch, its replicas where the `scale` subresource of its
//! definition has them. What cannot be known that way is taken from the pods: their number, and their annotations. Then
//! a notice says what is missing.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use spiderpool_core::{
    api::{Resource, keys},
    autopool::{NATIVE_KINDS, Replicas, Shape, Workload},
    model::Application,
    name::Uid,
    select::controller_of,
    store::StoreError,
};
use spiderpool_store_kube::{Fed, Follow, KubeStore, Loss, ReplicasPath, ServedKind};
use tokio::{sync::mpsc, task::JoinSet};

use super::{AppKind, News, cluster::application};
use crate::{
    feeds::tell_loss,
    notices::{About, Notice},
};

/// The pause before the API server is asked again about a kind; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A definition that has just been made is served after so many tries.
const SETTLED: u32 = 4;

/// The reason of notices about kinds that cannot be followed.
const UNSCALED: &str = "ReplicasUnknown";

/// The pods of an application that ask for pools out of a Subnet.
#[derive(Debug)]
struct Pods {
    uid: Uid,
    /// By name; the annotations are those of the youngest.
    names: HashSet<String>,
    latest: Arc<Resource>,
    /// So many there were at once: a pool that is sized by its pods does not shrink while they are replaced.
    most: u64,
}

/// What is known of a kind.
#[derive(Debug)]
enum Learned {
    /// It is being asked about.
    Asking,
    /// Its objects are followed, and have their replicas here; `listed` once all were told.
    Followed { shape: Shape, listed: bool },
    /// It cannot be followed for now, and why.
    Not(String),
}

/// What happens.
#[derive(Debug)]
enum Event {
    Learned(AppKind, Result<(ServedKind, Shape), String>),
    Objects(AppKind, Box<Fed>),
}

pub(super) struct ThirdParties {
    store: KubeStore,
    groups: HashSet<String>,
    tell: mpsc::Sender<News>,
    kinds: HashMap<AppKind, Learned>,
    /// Of the kinds whose objects are followed, also while that is forbidden.
    shapes: HashMap<AppKind, Shape>,
    pods: HashMap<Application, Pods>,
    objects: HashMap<Application, Resource>,
    told: HashMap<Application, Workload>,
}

impl ThirdParties {
    pub(super) fn new(store: KubeStore, groups: HashSet<String>, tell: mpsc::Sender<News>) -> Self {
        let (kinds, pods) = (HashMap::new(), HashMap::new());
        Self {
            store,
            groups,
            tell,
            kinds,
            shapes: HashMap::new(),
            pods,
            objects: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// Until nobody listens any more.
    pub(super) async fn run(
        mut self,
        mut pods: mpsc::Receiver<Arc<Fed>>,
        mut unknown: mpsc::Receiver<AppKind>,
    ) {
        let (send, mut events) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        loop {
            let news = tokio::select! {
                Some(fed) = pods.recv() => self.pods(&fed, &mut tasks, &send),
                Some(event) = events.recv() => match event {
                    Event::Learned(kind, learned) => self.learned(kind, learned, &mut tasks, &send),
                    Event::Objects(kind, fed) => self.objects(kind, *fed),
                },
                Some(kind) = unknown.recv() => {
                    self.ask(&kind, &mut tasks, &send);
                    Vec::new()
                }
            };
            for piece in news {
                if self.tell.send(piece).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Begins to follow a kind, once.
    fn ask(&mut self, kind: &AppKind, tasks: &mut JoinSet<()>, send: &mpsc::Sender<Event>) {
        let native = (kind.api_version.as_str(), kind.kind.as_str());
        if self.kinds.contains_key(kind) || NATIVE_KINDS.contains(&native) {
            return;
        }
        if !self.groups.contains(kind.group()) {
            let why = format!(
                "API group {:?} is not among those that the controller follows: list it (--third-party-groups, \
                 SPIDERPOOL_THIRD_PARTY_GROUPS) and let its ClusterRole get, list and watch the kind",
                kind.group()
            );
            self.kinds.insert(kind.clone(), Learned::Not(why));
            return;
        }
        self.kinds.insert(kind.clone(), Learned::Asking);
        let (store, kind, send) = (self.store.clone(), kind.clone(), send.clone());
        tasks.spawn(learn(store, kind, send));
    }

    fn learned(
        &mut self,
        kind: AppKind,
        learned: Result<(ServedKind, Shape), String>,
        tasks: &mut JoinSet<()>,
        send: &mpsc::Sender<Event>,
    ) -> Vec<News> {
        let learned = match learned {
            Ok((served, shape)) => {
                tracing::info!(
                    kind = kind.kind,
                    api_version = kind.api_version,
                    ?shape,
                    "following its objects"
                );
                let told = kind.clone();
                let event = move |fed| Event::Objects(told.clone(), Box::new(fed));
                tasks.spawn(feed(self.store.clone(), Follow::Kind(served), send.clone(), event));
                self.shapes.insert(kind.clone(), shape.clone());
                Learned::Followed { shape, listed: false }
            }
            Err(why) => Learned::Not(why),
        };
        self.kinds.insert(kind.clone(), learned);
        self.all_of(&kind)
    }

    /// What is to be told of all applications of a kind, as far as pods name them.
    fn all_of(&mut self, kind: &AppKind) -> Vec<News> {
        let of_kind = self.pods.keys().filter(|application| AppKind::of(application) == *kind);
        let of_kind: Vec<_> = of_kind.cloned().collect();
        of_kind.iter().flat_map(|application| self.news_of(application)).collect()
    }

    fn pods(&mut self, fed: &Fed, tasks: &mut JoinSet<()>, send: &mpsc::Sender<Event>) -> Vec<News> {
        let mut changed = HashSet::new();
        match fed {
            Fed::Listed(pods) => {
                changed.extend(self.pods.keys().cloned());
                self.pods.values_mut().for_each(|pods| pods.names.clear());
                changed.extend(pods.iter().filter_map(|pod| self.put_pod(pod)));
            }
            Fed::Put(pod) => changed.extend(self.put_pod(pod)),
            Fed::Deleted(pod) => {
                if let Some((application, _)) = owner(pod)
                    && let Some(pods) = self.pods.get_mut(&application)
                {
                    pods.names.remove(&pod.metadata.name);
                    changed.insert(application);
                }
            }
            Fed::Lost(loss) => tell_loss("pods", loss),
        }
        for application in &changed {
            self.ask(&AppKind::of(application), tasks, send);
        }
        changed.iter().flat_map(|application| self.news_of(application)).collect()
    }

    fn put_pod(&mut self, pod: &Resource) -> Option<Application> {
        let asks =
            [keys::SUBNET, keys::SUBNETS].iter().any(|key| pod.metadata.annotations.contains_key(*key));
        let (application, uid) = owner(pod).filter(|_| asks)?;
        let pod = Arc::new(pod.clone());
        let (name, latest) = (pod.metadata.name.clone(), Arc::clone(&pod));
        let pods = self.pods.entry(application.clone()).or_insert_with(|| Pods {
            uid: uid.clone(),
            names: HashSet::new(),
            latest,
            most: 0,
        });
        if pods.uid != uid {
            // Of another incarnation: the younger one counts.
            pods.most = 0;
            pods.uid = uid;
        }
        if pod.metadata.creation_timestamp >= pods.latest.metadata.creation_timestamp {
            pods.latest = pod;
        }
        pods.names.insert(name);
        pods.most = pods.most.max(pods.names.len() as u64);
        Some(application)
    }

    fn objects(&mut self, kind: AppKind, fed: Fed) -> Vec<News> {
        let pair = (kind.api_version.as_str(), kind.kind.as_str());
        match fed {
            Fed::Listed(objects) => {
                let known = self.objects.keys().filter(|application| AppKind::of(application) == kind);
                let mut changed: HashSet<Application> = known.cloned().collect();
                self.objects.retain(|application, _| AppKind::of(application) != kind);
                for object in objects {
                    if let Some(application) = application(pair, &object) {
                        changed.insert(application.clone());
                        self.objects.insert(application, trimmed(object));
                    }
                }
                if let Some(shape) = self.shapes.get(&kind) {
                    let followed = Learned::Followed { shape: shape.clone(), listed: true };
                    self.kinds.insert(kind.clone(), followed);
                }
                changed.extend(self.pods.keys().filter(|app| AppKind::of(app) == kind).cloned());
                // Never told complete: of some it is not known what they ask for, and they are not gone.
                changed.iter().flat_map(|app| self.news_of(app)).collect()
            }
            Fed::Put(object) => {
                let Some(application) = application(pair, &object) else { return Vec::new() };
                self.objects.insert(application.clone(), trimmed(object));
                self.news_of(&application)
            }
            Fed::Deleted(object) => {
                let Some(application) = application(pair, &object) else { return Vec::new() };
                self.objects.remove(&application);
                self.news_of(&application)
            }
            Fed::Lost(loss) => {
                tell_loss(&kind.kind, &loss);
                let Loss::Forbidden(why) = loss else { return Vec::new() };
                let why = format!(
                    "its objects may not be followed: let the controller's ClusterRole get, list and watch them ({why})"
                );
                self.kinds.insert(kind.clone(), Learned::Not(why));
                self.all_of(&kind)
            }
        }
    }

    /// What is to be told of one application.
    fn news_of(&mut self, application: &Application) -> Vec<News> {
        let pods = self.pods.get(application);
        let mut news = Vec::new();
        let workload = match self.kinds.get(&AppKind::of(application)) {
            // All is not known yet.
            None | Some(Learned::Asking | Learned::Followed { listed: false, .. }) => return news,
            // What its pods ask for is not known, as none was seen: its pools stay as they are.
            Some(Learned::Followed { shape, .. })
                if pods.is_none()
                    && self.objects.get(application).is_some_and(|object| !shape.shows_template(object)) =>
            {
                return news;
            }
            Some(Learned::Followed { shape, .. }) => self.objects.get(application).and_then(|object| {
                let kind = (application.api_version.as_str(), application.kind.as_str());
                let seen = pods.map_or(0, |pods| pods.most);
                let read = Workload::read(kind, object, shape, seen)?;
                let by_pods = pods.filter(|pods| !read.asks() && pods.uid == read.uid);
                if matches!(read.replicas, Replicas::Seen(_)) && (read.asks() || by_pods.is_some()) {
                    news.push(unscaled(&read, "its definition has no scale subresource"));
                }
                // A kind that refers to the template of its pods rather than having it.
                Some(match by_pods {
                    Some(pods) => {
                        Workload::of_pod(application.clone(), read.uid, &pods.latest, read.replicas)
                    }
                    None => read,
                })
            }),
            // Once its pods are gone, the application itself is asked for.
            Some(Learned::Not(why)) => pods.filter(|pods| !pods.names.is_empty()).map(|pods| {
                let replicas = Replicas::Seen(pods.most);
                let workload =
                    Workload::of_pod(application.clone(), pods.uid.clone(), &pods.latest, replicas);
                news.push(unscaled(&workload, why));
                workload
            }),
        };
        if pods.is_some_and(|pods| pods.names.is_empty()) && workload.is_none() {
            self.pods.remove(application);
        }
        match workload {
            Some(workload) => {
                if self.told.insert(application.clone(), workload.clone()).as_ref() != Some(&workload) {
                    news.push(News::Put(workload));
                }
            }
            None => {
                self.told.remove(application);
                news.push(News::Gone(application.clone()));
            }
        }
        news
    }
}

fn unscaled(workload: &Workload, why: &str) -> News {
    let message = format!(
        "nobody can say how many replicas it has, so that its pools follow the pods that were seen, and do not shrink: {why}"
    );
    News::Notice(Notice { about: About::workload(workload), reason: UNSCALED, message })
}

/// The third-party application that a pod belongs to, and its uid.
fn owner(pod: &Resource) -> Option<(Application, Uid)> {
    let owner = controller_of(pod)?;
    let kind = (owner.api_version.as_str(), owner.kind.as_str());
    if NATIVE_KINDS.contains(&kind) || kind == ("v1", "Node") {
        return None;
    }
    let application = Application {
        api_version: owner.api_version.clone(),
        kind: owner.kind.clone(),
        namespace: pod.metadata.namespace.as_deref()?.parse().ok()?,
        name: owner.name.parse().ok()?,
    };
    Some((application, Uid::new(&owner.uid).ok()?))
}

/// An object without what is large and says nothing here.
fn trimmed(mut object: Resource) -> Resource {
    object.rest.remove("status");
    object
}

/// Asks about a kind until it is known, or nobody listens any more. What stands in the way is told, once each, and may pass: a
/// definition is served a moment after it was made, or is made later; a role is granted.
async fn learn(store: KubeStore, kind: AppKind, send: mpsc::Sender<Event>) {
    let (mut pause, mut told, mut tries) = (FIRST_PAUSE, None, 0);
    loop {
        tries += 1;
        match learn_once(&store, &kind).await {
            Ok(Learning::Done(served, shape)) => {
                let _ = send.send(Event::Learned(kind, Ok((served, shape)))).await;
                return;
            }
            Ok(Learning::NotServed) if tries < SETTLED => {}
            Ok(blocked) => {
                let why = blocked.to_string();
                if told.as_ref() != Some(&why)
                    && send.send(Event::Learned(kind.clone(), Err(why.clone()))).await.is_err()
                {
                    return;
                }
                told = Some(why);
            }
            Err(error) => tracing::warn!(kind = kind.kind, %error, "a kind cannot be asked about now"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What asking about a kind came to.
enum Learning {
    Done(ServedKind, Shape),
    NotServed,
    Forbidden(String),
}

impl std::fmt::Display for Learning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done(..) => f.write_str("it is known"),
            Self::NotServed => f.write_str("the API server does not serve its kind"),
            Self::Forbidden(why) => write!(
                f,
                "its definition may not be read: let the controller's ClusterRole get customresourcedefinitions ({why})"
            ),
        }
    }
}

async fn learn_once(store: &KubeStore, kind: &AppKind) -> Result<Learning, StoreError> {
    let Some(served) = store.served_kind(&kind.api_version, &kind.kind).await? else {
        return Ok(Learning::NotServed);
    };
    Ok(match store.replicas_path(&served).await? {
        ReplicasPath::At(path) => Learning::Done(served, Shape::scaled(&path)),
        ReplicasPath::Forbidden(why) => Learning::Forbidden(why),
        _ => Learning::Done(served, Shape::unknown()),
    })
}

/// Hands on a feed until nobody listens any more.
async fn feed(
    store: KubeStore,
    what: Follow,
    send: mpsc::Sender<Event>,
    event: impl Fn(Fed) -> Event + Send + 'static,
) {
    let mut feed = store.feed(&what);
    loop {
        if send.send(event(feed.next().await)).await.is_err() {
            return;
        }
    }
}
