//! Objects of other systems as they are and as they change, from one list and then a watch.

use std::{borrow::Cow, time::Duration};

use http::StatusCode;
use serde_json::Value;
use spiderpool_core::{api::Resource, name::NodeName, store::StoreError};

use crate::{
    KubeStore,
    api::{Api, Form},
    events::{Collection, Events, What},
    kinds::ServedKind,
    labels::encoded,
    pages::{self, Pages, Unlisted, Wanted},
};

/// The pause before a broken watch is begun anew; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What may not be read is asked for again so seldom: rights change when somebody changes them.
const FORBIDDEN_PAUSE: Duration = Duration::from_secs(30);

/// Which objects.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Follow {
    /// The pods of this node: their metadata, and of the rest whether they have ended.
    PodsOn(NodeName),
    /// The metadata of all pods.
    Pods,
    /// All namespaces: their metadata.
    Namespaces,
    /// This node: its metadata.
    Node(NodeName),
    /// All objects of a kind, whole.
    Kind(ServedKind),
}

impl Follow {
    fn collection(&self) -> Collection {
        let of = |field: &str, name: &str| format!("fieldSelector={}", encoded(&format!("{field}={name}")));
        let core = |plural: &'static str, query: String, form| Collection {
            path: format!("/api/v1/{plural}"),
            query,
            plural: Cow::Borrowed(plural),
            form,
        };
        match self {
            Self::PodsOn(node) => core("pods", of("spec.nodeName", node.as_str()), Form::Whole),
            Self::Pods => core("pods", String::new(), Form::Metadata),
            Self::Namespaces => core("namespaces", String::new(), Form::Metadata),
            Self::Node(name) => core("nodes", of("metadata.name", name.as_str()), Form::Metadata),
            Self::Kind(kind) => Collection {
                path: kind.collection(),
                query: String::new(),
                plural: Cow::Owned(kind.plural().to_owned()),
                form: Form::Whole,
            },
        }
    }
}

/// A piece of news.
#[derive(Debug)]
pub enum Fed {
    /// These objects are there, and no others.
    Listed(Vec<Resource>),
    /// An object is there, as it is given.
    Put(Resource),
    /// An object is gone; given as it was last.
    Deleted(Resource),
    /// What is there is not known for sure until the next list, which the feed asks for by itself.
    Lost(Loss),
}

/// Why a feed broke off.
#[derive(Debug)]
#[non_exhaustive]
pub enum Loss {
    /// The API server does not know this far back. Ordinary.
    Expired,
    /// It does not let this process read such objects; its words.
    Forbidden(String),
    /// It cannot be reached, or does not serve such objects.
    Broken(StoreError),
}

/// Where a feed is.
enum Stage {
    List,
    Begin(String),
    Changes(Box<Events>),
    Pause(Duration),
}

/// The news of [`Follow`], for ever.
pub struct Feed {
    api: Api,
    collection: Collection,
    pages: Pages,
    stage: Stage,
    pause: Duration,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("collection", &self.collection).finish_non_exhaustive()
    }
}

impl KubeStore {
    /// The news of these objects. Cost: one list and one watch; nothing is kept here.
    #[must_use]
    pub fn feed(&self, what: &Follow) -> Feed {
        let pages = match what {
            Follow::Pods => Pages::Of(self.page()),
            _ => Pages::One,
        };
        Feed {
            api: self.api().clone(),
            collection: what.collection(),
            pages,
            stage: Stage::List,
            pause: PAUSE,
        }
    }
}

impl Feed {
    pub(crate) fn plural(&self) -> &str {
        &self.collection.plural
    }

    /// The next piece of news. After a loss it waits a moment before it lists again. Dropping the future loses nothing
    /// but a list or a watch that was being begun, which is begun again.
    pub async fn next(&mut self) -> Fed {
        loop {
            let lost = match &mut self.stage {
                Stage::Pause(pause) => {
                    tokio::time::sleep(*pause).await;
                    self.stage = Stage::List;
                    continue;
                }
                Stage::List => match list(&self.api, &self.collection, self.pages).await {
                    Ok((objects, revision)) => {
                        self.stage = Stage::Begin(revision);
                        return Fed::Listed(objects);
                    }
                    Err(lost) => lost,
                },
                Stage::Begin(revision) => {
                    let revision = revision.clone();
                    match Events::begin(self.api.clone(), self.collection.clone(), revision).await {
                        Ok(events) => {
                            self.pause = PAUSE;
                            self.stage = Stage::Changes(Box::new(events));
                            continue;
                        }
                        Err(error) => loss(error),
                    }
                }
                Stage::Changes(events) => match events.next().await {
                    Ok((what, object, _)) => match (read(&self.collection, object), what) {
                        (Ok(object), What::Put) => return Fed::Put(object),
                        (Ok(object), What::Deleted) => return Fed::Deleted(object),
                        (Err(error), _) => loss(error),
                    },
                    Err(error) => loss(error),
                },
            };
            let pause = match &lost {
                Loss::Expired => Duration::ZERO,
                Loss::Forbidden(_) => FORBIDDEN_PAUSE,
                Loss::Broken(_) => self.pause,
            };
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            self.stage = Stage::Pause(pause);
            return Fed::Lost(lost);
        }
    }
}

/// All objects, and the revision they were read at.
async fn list(api: &Api, collection: &Collection, pages: Pages) -> Result<(Vec<Resource>, String), Loss> {
    let Collection { path, query, plural, form } = collection;
    let path = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
    let wanted = Wanted { path: &path, plural, form: *form, pages };
    pages::list(api, &wanted, |page| page.each(plural).collect()).await.map_err(|unlisted| match unlisted {
        Unlisted::Answered(answer) if answer.status == StatusCode::FORBIDDEN => {
            Loss::Forbidden(answer.words())
        }
        unlisted => loss(unlisted.error(plural)),
    })
}

fn read(collection: &Collection, object: Value) -> Result<Resource, StoreError> {
    serde_json::from_value(object).map_err(|error| StoreError::Damaged {
        what: collection.plural.to_string(),
        message: error.to_string(),
    })
}

fn loss(error: StoreError) -> Loss {
    match error {
        StoreError::Expired => Loss::Expired,
        error => Loss::Broken(error),
    }
}
