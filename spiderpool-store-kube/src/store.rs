//! The store.

use std::{fmt, num::NonZeroU32};

use async_trait::async_trait;
use http::Method;
use serde_json::{Value, json};
use spiderpool_core::{
    api::SpiderEndpoint,
    model::BlockBits,
    name::NamespacedName,
    store::{
        Capabilities, Document, Key, Kind, Listing, Position, ResourceName, Selector, Store, StoreError,
        Token, Versioned, Watch,
    },
};

use crate::{
    ConnectError, KubeConfig,
    answer::{Intent, failure, is_absent, silence},
    api::{Api, Form},
    foreign::Foreign,
    labels::{may_select, query},
    names::{CustomResource, FINALIZER, StatusSubresource},
    object::{List, object, parse, read, read_list, read_tokens},
    pages::{self, Pages, Wanted},
    place::{Place, is_label},
    watch::{KubeWatch, is_watched, revision},
};

/// The largest document, in bytes as it is sent: etcd takes 1.5 MiB, and the API server adds its own.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// Who writes, for `metadata.managedFields`: one name for agents, controller and tools, or every object would carry a
/// list of the fields for each of them.
const MANAGER: &str = "fieldManager=spiderpool";

/// A store on the Kubernetes API. Cheap to clone.
///
/// Every write is one request with a `resourceVersion`, so it is one compare-and-swap; every read asks for the newest
/// version. Pools, Subnets and reservations have a status subresource: a write that changes both it and the rest takes
/// two requests, the second with the version that the first one gave. If the second one fails, the answer is
/// [`StoreError::UnknownOutcome`]. Nothing in core writes both, but for the deletion of a pool that is in use.
#[derive(Clone)]
pub struct KubeStore {
    api: Api,
    foreign: Foreign,
    server: String,
    block_bits: BlockBits,
    page: NonZeroU32,
}

impl fmt::Debug for KubeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeStore").field("server", &self.server).finish_non_exhaustive()
    }
}

impl KubeStore {
    /// A store on the API server of `config`. Sends nothing yet. Needs a Tokio runtime around it, here and for every
    /// operation.
    ///
    /// # Errors
    /// [`ConnectError::Unusable`].
    pub fn connect(config: &KubeConfig) -> Result<Self, ConnectError> {
        let api = Api::new(config.client()?, config.timeout);
        let server = config.connection.cluster_url.to_string();
        Ok(Self {
            api,
            foreign: Foreign::default(),
            server,
            block_bits: config.block_bits,
            page: config.page,
        })
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// So many objects at once, where all of a large collection are read.
    pub(crate) fn page(&self) -> NonZeroU32 {
        self.page
    }

    /// The client, for what is no business of a store: events, scale, leases. It never tries again by itself.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.api.client().clone()
    }

    /// One write of an object or its status; the object as the API server has it then.
    async fn put(&self, write: &Put<'_>, intent: Intent, body: &Value) -> Result<Value, StoreError> {
        let Place { resource, name, .. } = write.place;
        let path = match intent {
            Intent::Create => format!("{}?{MANAGER}", write.place.collection()),
            Intent::Delete => write.place.path(),
            _ => format!("{}{}?{MANAGER}", write.place.path(), write.part),
        };
        let answer = self.api.write(write.key, intent, (resource.plural, name), &path, body).await?;
        // The write took effect; only what it came to cannot be read.
        parse(resource.plural, &answer).map_err(|error| StoreError::unknown(error.to_string()))
    }

    /// A write of an object of another system, where that is possible.
    async fn write_foreign(
        &self,
        name: &ResourceName,
        intent: Intent,
        document: &Document,
        token: Option<&Token>,
    ) -> Result<Token, StoreError> {
        let damaged = |message: String| StoreError::Damaged { what: name.to_string(), message };
        let resource =
            document.as_resource().ok_or_else(|| damaged("another kind stands in its place".into()))?;
        let mut body = serde_json::to_value(resource.as_ref()).map_err(|error| damaged(error.to_string()))?;
        if let Some(token) = token {
            body["metadata"]["resourceVersion"] = token.as_str().into();
        }
        let answer = self.foreign.write(&self.api, name, intent, &body).await?;
        let written =
            parse(name.kind.as_str(), &answer).map_err(|error| StoreError::unknown(error.to_string()))?;
        token_of(&written)
    }

    /// Both parts of an object that has a status subresource, those of them that differ from what is there.
    async fn update_parts(
        &self,
        key: &Key,
        place: &Place,
        token: &Token,
        document: &Document,
    ) -> Result<Token, StoreError> {
        let found = self.get(key).await?.ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
        if found.token != *token {
            return Err(StoreError::Conflict { key: key.clone() });
        }
        let old = object(key, place, &found.document, None)?;
        let mut new = object(key, place, document, None)?;
        let ends = is_terminating(document) && !is_terminating(&found.document);
        if ends {
            keep_alive(&mut new);
        }
        let status_changes = old.get("status") != new.get("status");
        let rest_changes = ["metadata", "spec"].iter().any(|part| old.get(part) != new.get(part));
        let mut chain = Chain { key, token: token.clone(), written: false };
        // A write without change goes out as well: the server says which token it comes to.
        if rest_changes || !(status_changes || ends) {
            let write = Put { key, place, part: "" };
            chain.done(self.put(&write, Intent::Update, &at_version(&new, &chain.token)).await)?;
        }
        if status_changes {
            let write = Put { key, place, part: "/status" };
            let mut body = at_version(&new, &chain.token);
            body.as_object_mut().map(|body| body.entry("status").or_insert_with(|| json!({})));
            chain.done(self.put(&write, Intent::Update, &body).await)?;
        }
        if ends {
            let write = Put { key, place, part: "" };
            chain.done(self.put(&write, Intent::Delete, &precondition(&chain.token)).await)?;
        }
        Ok(chain.token)
    }

    /// A path of `place` that exists, or why nothing can be written there.
    fn writable(key: &Key) -> Result<Place, StoreError> {
        if key.kind() == Kind::Resource {
            return Err(StoreError::Unsupported {
                what: "writing objects that are not Spiderpool's (kubectl does)",
            });
        }
        Place::of(key).ok_or_else(|| StoreError::Refused {
            key: key.clone().into(),
            message: "Kubernetes takes lower-case letters, digits, `-` and `.`, at most 253 of them".into(),
        })
    }

    /// The collection that holds what `selector` selects; none if it can select nothing.
    fn collection(selector: &Selector) -> Result<(CustomResource, Option<String>), StoreError> {
        let Some(resource) = CustomResource::of(selector.kind()) else {
            return Err(StoreError::Unsupported {
                what: "listing objects that are not Spiderpool's (kubectl does)",
            });
        };
        let path = match selector {
            Selector::InNamespace(Kind::Endpoint, namespace) if is_label(namespace.as_str()) => {
                Some(resource.path(Some(namespace.as_str())))
            }
            Selector::InNamespace(..) => None,
            _ => Some(resource.collection_path()),
        };
        Ok((resource, path))
    }

    /// The newest revision of a collection.
    async fn now(&self, resource: CustomResource, kind: Kind) -> Result<String, StoreError> {
        let path = format!("{}?limit=1", resource.collection_path());
        let body = self.api.read(&path, resource.plural).await?;
        Ok(parse::<List<'_>>(kind.name(), &body)?.revision())
    }

    /// What `read` makes of each endpoint, as they all were at one instant: for whoever does not want them whole.
    ///
    /// Cost: as a list of them; no more than a page of them is there at a time.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn endpoints<T>(
        &self,
        read: impl Fn(NamespacedName, &SpiderEndpoint) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let selector = Selector::Kind(Kind::Endpoint);
        let (resource, path) = Self::collection(&selector)?;
        let Some(path) = path else { return Ok(Vec::new()) };
        let read_page = |page: &List<'_>| {
            let items = read_list(Kind::Endpoint, page)?.into_iter();
            Ok(items
                .filter_map(|item| match item.key {
                    Key::Endpoint(name) => Some(read(name, item.document.as_endpoint()?)),
                    _ => None,
                })
                .collect())
        };
        let place = (&*path, resource.plural);
        Ok(self.pages(&selector, place, Form::Whole, read_page).await?.0)
    }

    /// What `read` makes of the list of what may be selected, and its revision.
    async fn pages<T>(
        &self,
        selector: &Selector,
        (path, plural): (&str, &str),
        form: Form,
        read: impl Fn(&List<'_>) -> Result<Vec<T>, StoreError>,
    ) -> Result<(Vec<T>, String), StoreError> {
        let pages = match selector {
            Selector::Kind(Kind::Block | Kind::Endpoint) => Pages::Of(self.page),
            _ => Pages::One,
        };
        let wanted = Wanted { path, plural, form, pages };
        pages::list(&self.api, &wanted, read).await.map_err(|unlisted| unlisted.error(plural))
    }
}

/// A write of a part of an object.
struct Put<'a> {
    key: &'a Key,
    place: &'a Place,
    /// Empty, or `/status`.
    part: &'static str,
}

/// Several writes of one object, each with the token of the one before.
struct Chain<'a> {
    key: &'a Key,
    token: Token,
    written: bool,
}

impl Chain<'_> {
    fn done(&mut self, step: Result<Value, StoreError>) -> Result<(), StoreError> {
        match step {
            Ok(object) => {
                self.token = token_of(&object)?;
                self.written = true;
                Ok(())
            }
            Err(error) if self.written => {
                Err(StoreError::unknown(format!("{} is written in part: {error}", self.key)))
            }
            Err(error) => Err(error),
        }
    }
}

fn token_of(object: &Value) -> Result<Token, StoreError> {
    match object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
        Some(text) => Ok(Token::new(text)),
        None => Err(StoreError::unknown("the API server's answer to a write has no resourceVersion")),
    }
}

fn is_terminating(document: &Document) -> bool {
    let metadata = match document {
        Document::Pool(body) => &body.metadata,
        Document::Subnet(body) => &body.metadata,
        Document::Reservation(body) => &body.metadata,
        Document::Endpoint(body) => &body.metadata,
        _ => return false,
    };
    metadata.deletion_timestamp.is_some()
}

/// An object that is deleted stays for as long as it has a finalizer.
fn keep_alive(object: &mut Value) {
    let finalizers = object
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .map(|metadata| metadata.entry("finalizers").or_insert_with(|| json!([])));
    if let Some(Value::Array(finalizers)) = finalizers
        && finalizers.is_empty()
    {
        finalizers.push(FINALIZER.into());
    }
}

fn at_version(object: &Value, token: &Token) -> Value {
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = token.as_str().into();
    object
}

fn precondition(token: &Token) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": { "resourceVersion": token.as_str() },
        "propagationPolicy": "Background",
    })
}

/// A token that the API server could have given: it takes an empty one, or 0, for leave to overwrite anything.
fn checked<'a>(key: &Key, token: &'a Token) -> Result<&'a Token, StoreError> {
    match revision(token.as_str()) {
        Some(_) => Ok(token),
        None => Err(StoreError::Conflict { key: key.clone() }),
    }
}

/// Refuses what is too large before it is sent.
fn sized(key: &Key, object: &Value) -> Result<(), StoreError> {
    let bytes = match object.get("document").and_then(Value::as_str) {
        Some(text) => text.len(),
        None => serde_json::to_vec(object).map_or(usize::MAX, |bytes| bytes.len()),
    };
    match bytes > MAX_DOCUMENT_BYTES {
        true => Err(StoreError::TooLarge { key: key.clone(), bytes, limit: MAX_DOCUMENT_BYTES }),
        false => Ok(()),
    }
}

/// What to ask a collection for. Without a resourceVersion: the newest, at one instant.
fn asking(collection: String, selector: &Selector) -> String {
    match query(selector).as_str() {
        "" => collection,
        wanted => format!("{collection}?{wanted}"),
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for KubeStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "kubernetes".into(),
            snapshot_list: true,
            durable: true,
            watch: true,
            shared: true,
            own_resources: false,
            draws_uids: true,
            max_document_bytes: Some(MAX_DOCUMENT_BYTES),
            default_block_bits: self.block_bits,
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        if let Key::Resource(name) = key {
            return self.foreign.get(&self.api, name).await;
        }
        let Some(place) = Place::of(key) else { return Ok(None) };
        let lost = |lost| silence(Intent::Read, lost);
        let answer = self.api.call(Method::GET, &place.path(), None).await.map_err(lost)?;
        let plural = place.resource.plural;
        if is_absent(&answer, plural, &place.name) {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(failure(None, plural, &place.name, Intent::Read, &answer));
        }
        read(key.kind(), &answer.body)
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        let (resource, path) = Self::collection(selector)?;
        let Some(path) = path else {
            let position = Position(self.now(resource, selector.kind()).await?);
            return Ok(Listing { items: Vec::new(), position });
        };
        let place = (&*asking(path, selector), resource.plural);
        let read = |page: &List<'_>| read_list(selector.kind(), page);
        let (mut items, revision) = self.pages(selector, place, Form::Whole, read).await?;
        items.retain(|item| may_select(selector, &item.key) && selector.matches(&item.key, &item.document));
        items.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Listing { items, position: Position(revision) })
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        let (resource, path) = Self::collection(selector)?;
        let Some(path) = path else { return Ok(Vec::new()) };
        let place = (&*asking(path, selector), resource.plural);
        let read = |page: &List<'_>| read_tokens(selector.kind(), page);
        let (mut tokens, _) = self.pages(selector, place, Form::Metadata, read).await?;
        tokens.retain(|(key, _)| may_select(selector, key));
        tokens.sort();
        Ok(tokens)
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        if let Key::Resource(name) = key {
            return self.write_foreign(name, Intent::Create, &document, None).await;
        }
        let place = Self::writable(key)?;
        let object = object(key, &place, &document, None)?;
        sized(key, &object)?;
        let mut chain = Chain { key, token: Token::new(""), written: false };
        let write = Put { key, place: &place, part: "" };
        chain.done(self.put(&write, Intent::Create, &object).await)?;
        if place.resource.status == StatusSubresource::Present && object.get("status").is_some() {
            let write = Put { key, place: &place, part: "/status" };
            let body = at_version(&object, &chain.token);
            chain.done(self.put(&write, Intent::Update, &body).await)?;
        }
        Ok(chain.token)
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        if let Key::Resource(name) = key {
            return self.write_foreign(name, Intent::Update, &document, Some(checked(key, token)?)).await;
        }
        let place = Self::writable(key)?;
        let token = checked(key, token)?;
        let object = object(key, &place, &document, Some(token))?;
        sized(key, &object)?;
        if place.resource.status == StatusSubresource::Present {
            return self.update_parts(key, &place, token, &document).await;
        }
        let write = Put { key, place: &place, part: "" };
        token_of(&self.put(&write, Intent::Update, &object).await?)
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        let place = Self::writable(key)?;
        let token = checked(key, token)?;
        let write = Put { key, place: &place, part: "" };
        let mut left = self.put(&write, Intent::Delete, &precondition(token)).await?;
        if left["kind"] == "Status" {
            return Ok(());
        }
        // It waits for its finalizers. Spiderpool's own one goes with this decision; others are not ours to take.
        let others =
            |finalizers: &Vec<Value>| finalizers.iter().filter(|one| *one != FINALIZER).cloned().collect();
        let others: Vec<Value> =
            left.pointer("/metadata/finalizers").and_then(Value::as_array).map(others).unwrap_or_default();
        let waits = !others.is_empty();
        left["metadata"]["finalizers"] = others.clone().into();
        match self.put(&write, Intent::Update, &left).await {
            Ok(_) if waits => Err(StoreError::unknown(format!(
                "{key} is being deleted and waits for finalizers of others: {}",
                others.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            ))),
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => {
                Err(StoreError::unknown(format!("{key} is being deleted and keeps its finalizer: {error}")))
            }
        }
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        let kind = selector.kind();
        if !is_watched(kind) {
            return Err(StoreError::Unsupported {
                what: "watching objects that are not Spiderpool's (kubectl does)",
            });
        }
        let (resource, path) = Self::collection(selector)?;
        let from = revision(&from.0).ok_or(StoreError::Expired)?;
        // A position from before the cluster was restored from a backup lies ahead; the API server would wait for it.
        let now = self.now(resource, kind).await?;
        if revision(&now).is_none_or(|now| from > now) {
            return Err(StoreError::Expired);
        }
        let path = path.unwrap_or_else(|| resource.collection_path());
        let watch =
            KubeWatch::begin(self.api.clone(), selector.clone(), resource.plural, path, from.to_string());
        Ok(Box::new(watch.await?))
    }
}
