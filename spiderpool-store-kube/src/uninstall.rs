//! What has to be undone before Spiderpool goes: what would keep objects, or edits of them, waiting for a controller that
//! is not there any more.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use spiderpool_core::store::StoreError;

use crate::{
    KubeStore, WebhookConfiguration,
    answer::{Intent, failure, silence},
    labels::encoded,
    names::{CustomResource, FINALIZER},
    object::parse,
};

/// Whether something was there to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Removed {
    /// It is gone, or goes.
    Yes,
    /// It was not there.
    Absent,
}

#[derive(Deserialize)]
struct Objects {
    #[serde(default)]
    items: Vec<Value>,
}

impl KubeStore {
    /// Deletes the webhook configuration `name`: from then on nobody is asked about edits.
    ///
    /// # Errors
    /// The API server does not answer or refuses.
    pub async fn remove_webhooks(
        &self,
        kind: WebhookConfiguration,
        name: &str,
    ) -> Result<Removed, StoreError> {
        let plural = kind.plural();
        self.remove_at(&format!("/apis/admissionregistration.k8s.io/v1/{plural}/{}", encoded(name)), name)
            .await
    }

    /// Takes Spiderpool's finalizer off every object of its kinds. How many had it.
    ///
    /// Cost: a listing of each kind, and a write for each object that has it.
    ///
    /// # Errors
    /// The API server does not answer or refuses. What was done stays done.
    pub async fn remove_finalizers(&self) -> Result<usize, StoreError> {
        let mut done = 0;
        for kind in CustomResource::ALL {
            let found = self.api().find(&kind.collection_path(), kind.plural, "").await?;
            let Some(found) = found else { continue };
            let listed: Objects = parse(kind.plural, &found)?;
            for object in listed.items {
                done += usize::from(self.remove_finalizer(kind, object).await? == Removed::Yes);
            }
        }
        Ok(done)
    }

    async fn remove_finalizer(&self, kind: CustomResource, mut object: Value) -> Result<Removed, StoreError> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        let path = format!("{}/{}", kind.path(namespace.as_deref()), encoded(&name));
        loop {
            let finalizers = object["metadata"]["finalizers"].as_array_mut();
            let Some(finalizers) = finalizers.filter(|all| all.iter().any(|one| one == FINALIZER)) else {
                return Ok(Removed::Absent);
            };
            finalizers.retain(|one| one != FINALIZER);
            let answer = self.api().call(Method::PUT, &path, Some(&object)).await;
            let answer = answer.map_err(|lost| silence(Intent::Update, lost))?;
            match answer.status {
                StatusCode::CONFLICT => {}
                StatusCode::NOT_FOUND => return Ok(Removed::Absent),
                status if status.is_success() => return Ok(Removed::Yes),
                _ => return Err(failure(None, kind.plural, &name, Intent::Read, &answer)),
            }
            // Somebody changed it meanwhile.
            let found = self.api().find(&path, kind.plural, &name).await?;
            let Some(found) = found else { return Ok(Removed::Absent) };
            object = parse(&name, &found)?;
        }
    }

    /// Deletes Spiderpool's definitions, and with them every pool, Subnet, reservation, endpoint and record of who holds which
    /// address. How many there were.
    ///
    /// # Errors
    /// The API server does not answer or refuses.
    pub async fn remove_definitions(&self) -> Result<usize, StoreError> {
        let mut done = 0;
        for kind in CustomResource::ALL {
            let name = kind.definition_name();
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
            done += usize::from(self.remove_at(&path, &name).await? == Removed::Yes);
        }
        Ok(done)
    }

    async fn remove_at(&self, path: &str, name: &str) -> Result<Removed, StoreError> {
        let answer = self.api().call(Method::DELETE, path, None).await;
        let answer = answer.map_err(|lost| silence(Intent::Delete, lost))?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(Removed::Absent),
            status if status.is_success() => Ok(Removed::Yes),
            _ => Err(failure(None, name, name, Intent::Read, &answer)),
        }
    }
}
