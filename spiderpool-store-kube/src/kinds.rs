//! Kinds of other systems: where the API server serves them, and where they say how many replicas they want.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use spiderpool_core::store::StoreError;

use crate::{
    KubeStore,
    answer::{Intent, failure, silence},
    api::Api,
    labels::encoded,
    object::parse,
};

/// A namespaced kind that is served.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServedKind {
    api_version: String,
    kind: String,
    plural: String,
}

impl ServedKind {
    /// A kind of which all is known: group and version, kind and plural.
    #[must_use]
    pub fn known(api_version: &str, kind: &str, plural: &str) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), plural: plural.into() }
    }

    /// Group and version.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The plural, by which rules of access name it.
    #[must_use]
    pub fn plural(&self) -> &str {
        &self.plural
    }

    /// The group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The path of all of its objects.
    pub(crate) fn collection(&self) -> String {
        format!("{}/{}", root(&self.api_version), self.plural)
    }
}

fn root(api_version: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", encoded(group), encoded(version)),
        None => format!("/api/{}", encoded(api_version)),
    }
}

/// What became of asking for the replicas of a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReplicasPath {
    /// `specReplicasPath` of its `scale` subresource: `.spec.replicas`.
    At(String),
    /// It has no `scale` subresource.
    NoScale,
    /// Its definition may not be read here; the API server's words.
    Forbidden(String),
}

/// An API group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    pub(crate) preferred_version: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    pub(crate) group_version: String,
}

/// What the API server serves under one version.
#[derive(Deserialize)]
pub(crate) struct Resources {
    resources: Vec<Listed>,
}

#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    kind: String,
    pub(crate) namespaced: bool,
}

impl Resources {
    /// Those of `kind`; `deployments/scale` and the like are no kinds of their own.
    pub(crate) fn of_kind(self, kind: &str) -> impl Iterator<Item = Listed> {
        self.resources.into_iter().filter(move |one| one.kind == kind && !one.name.contains('/'))
    }
}

impl KubeStore {
    /// The namespaced kind of this name and version; none if the API server does not serve it. Cost: one read.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn served_kind(&self, api_version: &str, kind: &str) -> Result<Option<ServedKind>, StoreError> {
        let answer = get(self.api(), &root(api_version)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(failure(None, kind, "", Intent::Read, &answer));
        }
        let served: Resources = parse(api_version, &answer.body)?;
        let found = served.of_kind(kind).find(|one| one.namespaced);
        Ok(found.map(|found| ServedKind::known(api_version, kind, &found.name)))
    }

    /// The same in the version that the API server prefers of the group. Cost: two reads.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn kind_of_group(&self, group: &str, kind: &str) -> Result<Option<ServedKind>, StoreError> {
        let answer = get(self.api(), &format!("/apis/{}", encoded(group))).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(failure(None, group, "", Intent::Read, &answer));
        }
        let served: Group = parse(group, &answer.body)?;
        self.served_kind(&served.preferred_version.group_version, kind).await
    }

    /// Where objects of `kind` say how many replicas they want, as its definition has it. Cost: one read.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn replicas_path(&self, kind: &ServedKind) -> Result<ReplicasPath, StoreError> {
        const DEFINITIONS: &str = "customresourcedefinitions";
        let name = format!("{}.{}", kind.plural, kind.group());
        let path = format!("/apis/apiextensions.k8s.io/v1/{DEFINITIONS}/{}", encoded(&name));
        let answer = get(self.api(), &path).await?;
        match answer.status {
            // Served by an aggregated API server: nobody says where it has its replicas.
            StatusCode::NOT_FOUND => return Ok(ReplicasPath::NoScale),
            StatusCode::FORBIDDEN => return Ok(ReplicasPath::Forbidden(answer.words())),
            status if !status.is_success() => {
                return Err(failure(None, DEFINITIONS, &name, Intent::Read, &answer));
            }
            _ => {}
        }
        let definition: Value = parse(&name, &answer.body)?;
        let version = kind.api_version.rsplit('/').next();
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
        let mut versions = versions.into_iter().flatten();
        let own = versions.find(|one| one.get("name").and_then(Value::as_str) == version);
        let path = own.and_then(|own| own.pointer("/subresources/scale/specReplicasPath")?.as_str());
        Ok(path.map_or(ReplicasPath::NoScale, |path| ReplicasPath::At(path.to_owned())))
    }
}

async fn get(api: &Api, path: &str) -> Result<crate::answer::Answer, StoreError> {
    api.call(Method::GET, path, None).await.map_err(|lost| silence(Intent::Read, lost))
}
