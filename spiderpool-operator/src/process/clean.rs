//! `spiderpool-controller clean`: what is undone before Spiderpool is uninstalled.

use clap::{ArgAction, Args};
use spiderpool_core::store::StoreError;
use spiderpool_store_kube::{ConnectError, KubeConfig, KubeStore, Removed, WebhookConfiguration};

/// What is to be removed.
#[derive(Clone, Debug, Args)]
pub struct CleanSettings {
    /// The ValidatingWebhookConfiguration.
    #[arg(long, value_name = "NAME", default_value = "spiderpool-controller")]
    pub validate: String,
    /// The MutatingWebhookConfiguration.
    #[arg(long, value_name = "NAME", default_value = "spiderpool-controller")]
    pub mutating: String,
    /// Whether the definitions go, too, and with them every pool, Subnet and endpoint, and every record of who holds which
    /// address. If not, all of it stays for the next installation, and can be deleted without a controller.
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set)]
    pub everything: bool,
}

/// Why it is not clean.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CleanError {
    /// There is no way to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The API server refused, or did not answer.
    #[error("{what} cannot be removed: {source}; run it again")]
    Store {
        /// What.
        what: &'static str,
        /// Why not.
        #[source]
        source: StoreError,
    },
}

/// Removes webhook configurations, then finalizers, then, if asked, everything. What was removed stays so, whatever fails.
///
/// # Errors
/// What could not be removed.
pub async fn clean(settings: &CleanSettings) -> Result<(), CleanError> {
    let store = KubeStore::connect(&KubeConfig::infer().await?)?;
    let failed = |what| move |source| CleanError::Store { what, source };
    // First, or they would be asked about what comes next.
    let configurations = [
        (WebhookConfiguration::Validating, &settings.validate),
        (WebhookConfiguration::Mutating, &settings.mutating),
    ];
    for (kind, name) in configurations {
        let removed = store.remove_webhooks(kind, name).await.map_err(failed("the webhook configuration"))?;
        if removed == Removed::Yes {
            tracing::info!(name, ?kind, "webhook configuration removed");
        }
    }
    let objects = store.remove_finalizers().await.map_err(failed("the finalizers"))?;
    tracing::info!(objects, "finalizers removed");
    if settings.everything {
        let definitions = store.remove_definitions().await.map_err(failed("the definitions"))?;
        tracing::info!(definitions, "definitions removed, with all objects of them");
    }
    Ok(())
}
