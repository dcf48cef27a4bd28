//! Objects of other systems: pods, nodes, namespaces and controllers of any kind, read one by one.

use std::{collections::HashMap, sync::Arc};

use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use spiderpool_core::{
    api::Resource,
    store::{Key, ResourceName, StoreError, Token, Versioned},
};

use crate::{
    answer::{Intent, failure, is_absent, silence},
    api::Api,
    kinds::{Group, Listed, Resources},
    labels::encoded,
    object::parse,
};

/// Where the objects of a kind are.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Home {
    /// `/api/v1`, `/apis/apps/v1`.
    version: String,
    plural: String,
    namespaced: bool,
}

/// What leaders hold.
const LEASES: &str = "leases";

/// A kind: its group, empty for the core group, and its name.
type KindName = (String, String);

/// Reads objects of any kind that the API server serves. What is learnt about a kind is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foreign {
    homes: Arc<Mutex<HashMap<KindName, Home>>>,
}

/// The kinds that are read for nearly every pod, so that nothing has to be asked about them.
fn well_known(group: &str, kind: &str) -> Option<Home> {
    let (version, plural, namespaced) = match (group, kind) {
        ("", "Pod") => ("/api/v1", "pods", true),
        ("", "Node") => ("/api/v1", "nodes", false),
        ("", "Namespace") => ("/api/v1", "namespaces", false),
        ("apps", "Deployment") => ("/apis/apps/v1", "deployments", true),
        ("apps", "ReplicaSet") => ("/apis/apps/v1", "replicasets", true),
        ("apps", "StatefulSet") => ("/apis/apps/v1", "statefulsets", true),
        ("apps", "DaemonSet") => ("/apis/apps/v1", "daemonsets", true),
        ("batch", "Job") => ("/apis/batch/v1", "jobs", true),
        ("batch", "CronJob") => ("/apis/batch/v1", "cronjobs", true),
        ("coordination.k8s.io", "Lease") => ("/apis/coordination.k8s.io/v1", LEASES, true),
        _ => return None,
    };
    Some(Home { version: version.into(), plural: plural.into(), namespaced })
}

impl Foreign {
    /// The object `name`.
    pub(crate) async fn get(&self, api: &Api, name: &ResourceName) -> Result<Option<Versioned>, StoreError> {
        let home = self.home(api, name).await?;
        let object = name.name.as_str();
        // The API server has no object under a name that walks its paths.
        if object == "." || object == ".." {
            return Ok(None);
        }
        let mut path = home.version.clone();
        match (&name.namespace, home.namespaced) {
            (Some(namespace), true) => path.push_str(&format!("/namespaces/{}", encoded(namespace.as_str()))),
            (None, false) => {}
            // No object of the kind is in such a place.
            _ => return Ok(None),
        }
        path.push_str(&format!("/{}/{}", home.plural, encoded(object)));
        let answer = api.call(Method::GET, &path, None).await.map_err(|lost| silence(Intent::Read, lost))?;
        if is_absent(&answer, &home.plural, object) {
            return Ok(None);
        }
        if answer.status == StatusCode::NOT_FOUND {
            // What was learnt about the kind may be out of date.
            self.homes.lock().remove(&kind_of(name));
        }
        if !answer.status.is_success() {
            return Err(failure(None, &home.plural, object, Intent::Read, &answer));
        }
        let mut resource: Resource = parse(&name.to_string(), &answer.body)?;
        let token = Token::new(resource.metadata.resource_version.take().unwrap_or_default());
        Ok(Some(Versioned { key: Key::Resource(name.clone()), token, document: resource.into() }))
    }

    /// Writes the lease `name`: the only object of another system that Spiderpool writes.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] for anything else.
    pub(crate) async fn write(
        &self,
        api: &Api,
        name: &ResourceName,
        intent: Intent,
        body: &Value,
    ) -> Result<Vec<u8>, StoreError> {
        let kind = kind_of(name);
        let home = well_known(&kind.0, &kind.1).filter(|home| home.plural == LEASES);
        let (Some(home), Some(namespace)) = (home, &name.namespace) else {
            return Err(StoreError::Unsupported {
                what: "writing objects that are not Spiderpool's (kubectl does)",
            });
        };
        let object = name.name.as_str();
        let mut path = format!("{}/namespaces/{}/{LEASES}", home.version, encoded(namespace.as_str()));
        if intent != Intent::Create {
            path.push_str(&format!("/{}", encoded(object)));
        }
        api.write(&Key::Resource(name.clone()), intent, (LEASES, object), &path, body).await
    }

    async fn home(&self, api: &Api, name: &ResourceName) -> Result<Home, StoreError> {
        let kind = kind_of(name);
        if let Some(known) = well_known(&kind.0, &kind.1).or_else(|| self.homes.lock().get(&kind).cloned()) {
            return Ok(known);
        }
        let version = match kind.0.as_str() {
            "" => "/api/v1".to_owned(),
            group => {
                let body = api.read(&format!("/apis/{}", encoded(group)), group).await?;
                let group: Group = parse(group, &body)?;
                format!("/apis/{}", group.preferred_version.group_version)
            }
        };
        let served: Resources = parse(&version, &api.read(&version, &kind.1).await?)?;
        let found = served.of_kind(&kind.1).next();
        let Some(Listed { name: plural, namespaced, .. }) = found else {
            return Err(StoreError::unavailable(format!(
                "the API server serves no {} under {version}",
                kind.1
            )));
        };
        let home = Home { version, plural, namespaced };
        self.homes.lock().insert(kind, home.clone());
        Ok(home)
    }
}

fn kind_of(name: &ResourceName) -> KindName {
    (name.group.as_ref().map(ToString::to_string).unwrap_or_default(), name.kind.to_string())
}
