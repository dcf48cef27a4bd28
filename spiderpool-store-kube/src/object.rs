//! Documents as objects of the API server, and back.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json, value::RawValue};
use spiderpool_core::{
    api::{API_VERSION, ObjectMeta, SpiderEndpoint, SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    model::PlanId,
    store::{Document, Key, Kind, StoreError, Token, Versioned, decode, encode},
};

use crate::{
    labels,
    place::{Place, key_of},
};

/// What the API server keeps in `metadata` by itself.
const SYSTEM_FIELDS: [&str; 6] = [
    "uid",
    "generation",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// `document` as the object at `place`. `token` is the version that it replaces.
///
/// # Errors
/// [`StoreError::Damaged`] for a document that belongs under another key.
pub(crate) fn object(
    key: &Key,
    place: &Place,
    document: &Document,
    token: Option<&Token>,
) -> Result<Value, StoreError> {
    let damaged = |message: String| StoreError::Damaged { what: key.to_string(), message };
    let written = match document {
        Document::Pool(body) => serde_json::to_value(body.as_ref()),
        Document::Subnet(body) => serde_json::to_value(body.as_ref()),
        Document::Reservation(body) => serde_json::to_value(body.as_ref()),
        Document::Endpoint(body) => serde_json::to_value(body.as_ref()),
        _ => internal(key, document).map(Ok)?,
    };
    let Value::Object(mut object) = written.map_err(|error| damaged(error.to_string()))? else {
        return Err(damaged("it is not an object".into()));
    };
    if document.kind() != key.kind() {
        return Err(damaged(format!("a {} stands in its place", document.kind().name())));
    }
    let mut metadata = match object.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    metadata.retain(|field, _| !SYSTEM_FIELDS.contains(&&**field));
    metadata.insert("name".into(), place.name.clone().into());
    match &place.namespace {
        Some(namespace) => metadata.insert("namespace".into(), namespace.clone().into()),
        None => metadata.remove("namespace"),
    };
    if let Some(token) = token {
        metadata.insert("resourceVersion".into(), token.as_str().into());
    }
    object.insert("metadata".into(), metadata.into());
    object.insert("apiVersion".into(), API_VERSION.into());
    object.insert("kind".into(), place.resource.kind.into());
    Ok(object.into())
}

/// A kind of which the API server sees only a text, and what people read beside it.
fn internal(key: &Key, document: &Document) -> Result<Value, StoreError> {
    let text = String::from_utf8(encode(key, document)?)
        .map_err(|error| StoreError::Damaged { what: key.to_string(), message: error.to_string() })?;
    Ok(match document {
        Document::Scope(scope) => json!({ "document": text, "blockSize": scope.block_bits.size() }),
        Document::Plan(plan) => {
            let mut object = json!({
                "document": text,
                "ipVersion": plan.usable.family().number(),
                "pending": plan.pending.len(),
            });
            if let (PlanId::Pool(_), Some(pool)) = (&plan.id, &plan.pool) {
                object["pool"] = pool.as_str().into();
            }
            object
        }
        Document::Block(block) => json!({
            "document": text,
            "addresses": block.range().to_string(),
            "held": block.held().count_ones(),
            "metadata": { "labels": labels::of_block(block).into_iter().collect::<std::collections::BTreeMap<_, _>>() },
        }),
        _ => json!({ "document": text }),
    })
}

/// An object as it is read: what core knows of it, and the rest passed over.
pub(crate) trait Stored: DeserializeOwned {
    /// Its metadata.
    fn metadata(&mut self) -> &mut ObjectMeta;

    /// The document that it holds.
    fn into_document(self, key: &Key) -> Result<Document, StoreError>;
}

/// Reads `object` of `kind` as a document; none for a name that belongs to no key.
pub(crate) fn versioned<T: Stored>(kind: Kind, mut object: T) -> Result<Option<Versioned>, StoreError> {
    let metadata = object.metadata();
    let token = Token::new(metadata.resource_version.take().unwrap_or_default());
    let Some(key) = key_of(kind, metadata.namespace.as_deref(), &metadata.name) else {
        let name = &metadata.name;
        tracing::warn!(kind = kind.name(), name, "passed over: no name that Spiderpool gives");
        return Ok(None);
    };
    let document = object.into_document(&key)?;
    Ok(Some(Versioned { key, token, document }))
}

impl Stored for SpiderIPPool {
    fn metadata(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    /// `false` is what the schema fills in where a manifest says nothing.
    fn into_document(mut self, _: &Key) -> Result<Document, StoreError> {
        for written in [&mut self.spec.default, &mut self.spec.disable] {
            *written = written.filter(|value| *value);
        }
        Ok(self.into())
    }
}

macro_rules! stored_as_it_is {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            fn metadata(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }

            fn into_document(self, _: &Key) -> Result<Document, StoreError> {
                Ok(self.into())
            }
        }
    )*};
}

stored_as_it_is!(SpiderSubnet, SpiderReservedIP, SpiderEndpoint);

/// A scope, plan or block.
#[derive(Deserialize)]
pub(crate) struct Internal {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    document: String,
}

impl Stored for Internal {
    fn metadata(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    fn into_document(self, key: &Key) -> Result<Document, StoreError> {
        decode(key, self.document.as_bytes())
    }
}

/// Does `$do` with the type that objects of `$kind` are read as.
macro_rules! with_stored {
    ($kind:expr, $stored:ident => $do:expr) => {
        match $kind {
            ::spiderpool_core::store::Kind::Pool => {
                type $stored = ::spiderpool_core::api::SpiderIPPool;
                $do
            }
            ::spiderpool_core::store::Kind::Subnet => {
                type $stored = ::spiderpool_core::api::SpiderSubnet;
                $do
            }
            ::spiderpool_core::store::Kind::Reservation => {
                type $stored = ::spiderpool_core::api::SpiderReservedIP;
                $do
            }
            ::spiderpool_core::store::Kind::Endpoint => {
                type $stored = ::spiderpool_core::api::SpiderEndpoint;
                $do
            }
            _ => {
                type $stored = $crate::object::Internal;
                $do
            }
        }
    };
}

/// Reads one object of `kind`.
pub(crate) fn read(kind: Kind, bytes: &[u8]) -> Result<Option<Versioned>, StoreError> {
    with_stored!(kind, T => versioned::<T>(kind, parse::<T>(kind.name(), bytes)?))
}

/// Reads one object of `kind` that is parsed already.
pub(crate) fn read_value(kind: Kind, value: Value) -> Result<Option<Versioned>, StoreError> {
    with_stored!(kind, T => versioned::<T>(kind, serde_json::from_value::<T>(value).map_err(|error| garbled(kind.name(), &error))?))
}

/// A list whose objects are still text: each is read, and the text of its fields forgotten, before the next.
#[derive(Deserialize)]
pub(crate) struct List<'a> {
    metadata: ListMeta,
    /// `null` where there are none.
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
    /// Where the next page begins; absent or empty at the end.
    #[serde(default)]
    r#continue: String,
}

impl<'a> List<'a> {
    /// Its objects, each as `T`.
    pub(crate) fn each<T: DeserializeOwned>(
        &self,
        what: &str,
    ) -> impl Iterator<Item = Result<T, StoreError>> {
        let items = self.items.iter().flatten();
        items.map(move |item| parse(what, item.get().as_bytes()))
    }

    /// Where the next page begins; none: there is none.
    pub(crate) fn next(&self) -> Option<String> {
        Some(self.metadata.r#continue.clone()).filter(|next| !next.is_empty())
    }

    /// The revision it was read at.
    pub(crate) fn revision(self) -> String {
        self.metadata.resource_version
    }
}

/// Reads a list of `kind`.
pub(crate) fn read_list(kind: Kind, list: &List<'_>) -> Result<Vec<Versioned>, StoreError> {
    let mut items = Vec::new();
    with_stored!(kind, T => {
        for object in list.each::<T>(kind.name()) {
            items.extend(versioned::<T>(kind, object?)?);
        }
    });
    Ok(items)
}

/// An object of which no more than its metadata was asked for.
#[derive(Deserialize)]
struct Named {
    metadata: ObjectMeta,
}

/// Reads a list of objects of `kind` that were asked for by their metadata: keys and tokens.
pub(crate) fn read_tokens(kind: Kind, list: &List<'_>) -> Result<Vec<(Key, Token)>, StoreError> {
    let mut tokens = Vec::new();
    for object in list.each(kind.name()) {
        let Named { metadata } = object?;
        if let Some(key) = key_of(kind, metadata.namespace.as_deref(), &metadata.name) {
            tokens.push((key, Token::new(metadata.resource_version.unwrap_or_default())));
        }
    }
    Ok(tokens)
}

/// Reads an answer of the API server.
pub(crate) fn parse<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| garbled(what, &error))
}

fn garbled(what: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { what: what.to_owned(), message: format!("the API server's answer: {error}") }
}
