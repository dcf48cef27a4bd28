//! Keeping the webhook's certificate good, and believed.

use std::{sync::Arc, time::Duration};

use spiderpool_core::env::Clock;
use spiderpool_store_kube::{KubeStore, Trusted, WebhookConfiguration};
use tokio::time::Instant;

use super::Settings;
use crate::webhook::{CertificateError, CertificateFiles, Certificates, SelfSigned};

/// How often files are looked at, and whether the API server still believes what is signed here.
const LOOK: Duration = Duration::from_secs(10);
/// A certificate that is signed here is made anew after so long: a third of the time that it is good for.
const ROTATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A new certificate is shown so long after the API server was told of it: all of its processes have heard by then.
const SPREAD: Duration = Duration::from_secs(60);

/// Where the certificate comes from.
#[derive(Debug)]
enum Source {
    Files(CertificateFiles, (String, String)),
    Own { maker: SelfSigned, certificate: String, made: Instant },
}

/// The webhook's certificate, and what keeps it.
#[derive(Debug)]
pub(super) struct Tls {
    source: Source,
    shown: Certificates,
    configuration: String,
    clock: Arc<dyn Clock>,
}

impl Tls {
    pub(super) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, CertificateError> {
        let (source, shown) = match settings.certificate() {
            Some(files) => {
                let pair = files.read()?;
                let shown = Certificates::new(&pair.0, &pair.1)?;
                (Source::Files(files, pair), shown)
            }
            None => {
                let maker = SelfSigned { names: settings.names() };
                let (certificate, key) = maker.make(clock.as_ref())?;
                let shown = Certificates::new(&certificate, &key)?;
                (Source::Own { maker, certificate, made: Instant::now() }, shown)
            }
        };
        Ok(Self { source, shown, configuration: settings.service_name.clone(), clock })
    }

    pub(super) fn certificates(&self) -> Certificates {
        self.shown.clone()
    }

    /// For ever.
    pub(super) async fn keep(mut self, store: KubeStore) {
        loop {
            match &mut self.source {
                Source::Files(files, before) => match files.read() {
                    Ok(now) if now == *before => {}
                    Ok(now) => match self.shown.exchange(&now.0, &now.1) {
                        Ok(()) => {
                            tracing::info!("the webhook's certificate was exchanged, as its file was");
                            *before = now;
                        }
                        // The other file is about to follow.
                        Err(error) => tracing::warn!(%error, "the webhook goes on with its old certificate"),
                    },
                    Err(error) => tracing::warn!(%error, "the webhook goes on with its old certificate"),
                },
                Source::Own { maker, certificate, made } => {
                    believe(&store, &self.configuration, certificate).await;
                    if made.elapsed() >= ROTATION {
                        match maker.make(self.clock.as_ref()) {
                            Ok((next, key)) => {
                                believe(&store, &self.configuration, &next).await;
                                tokio::time::sleep(SPREAD).await;
                                match self.shown.exchange(&next, &key) {
                                    Ok(()) => {
                                        tracing::info!("the webhook has a new certificate");
                                        (*certificate, *made) = (next, Instant::now());
                                    }
                                    Err(error) => tracing::error!(%error, "no new certificate"),
                                }
                            }
                            Err(error) => tracing::error!(%error, "no new certificate"),
                        }
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Makes the API server believe `certificate`.
async fn believe(store: &KubeStore, configuration: &str, certificate: &str) {
    for kind in [WebhookConfiguration::Mutating, WebhookConfiguration::Validating] {
        match store.trust(kind, configuration, certificate).await {
            Ok(Trusted::Added) => tracing::info!(?kind, configuration, "the API server believes the webhook"),
            Ok(Trusted::Absent) => tracing::debug!(?kind, configuration, "there is no such configuration"),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(?kind, configuration, %error, "the API server may not believe the webhook");
            }
        }
    }
}
