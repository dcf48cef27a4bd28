//! Whose certificates the API server believes when it asks webhooks.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, StatusCode};
use serde_json::Value;
use spiderpool_core::store::StoreError;

use crate::{
    KubeStore,
    answer::{Intent, failure, silence},
    labels::encoded,
    object::parse,
};

/// So many certificates are kept beside the newest: those of other replicas, and of the time before a rotation.
const KEPT: usize = 15;

/// A kind of webhook configurations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WebhookConfiguration {
    /// `MutatingWebhookConfiguration`.
    Mutating,
    /// `ValidatingWebhookConfiguration`.
    Validating,
}

impl WebhookConfiguration {
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Mutating => "mutatingwebhookconfigurations",
            Self::Validating => "validatingwebhookconfigurations",
        }
    }
}

/// What became of a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trusted {
    /// It believes the certificate now, and did not before.
    Added,
    /// It did already.
    Already,
    /// There is no such configuration.
    Absent,
    /// Somebody else changed it at the same time: ask again.
    Contended,
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The certificates of a bundle in PEM, each with its frame.
fn certificates(bundle: &str) -> impl Iterator<Item = String> {
    bundle.split(BEGIN).skip(1).map(|rest| format!("{BEGIN}{}\n", rest.trim_end()))
}

/// `bundle` with `certificate` as its last; none where it has it.
fn with(bundle: &str, certificate: &str) -> Option<String> {
    let wanted = certificates(certificate).next()?;
    let mut all: Vec<_> = certificates(bundle).collect();
    if all.contains(&wanted) {
        return None;
    }
    let surplus = all.len().saturating_sub(KEPT);
    all.drain(..surplus);
    all.push(wanted);
    Some(all.concat())
}

impl KubeStore {
    /// Sees to it that every webhook of the configuration `name` believes `certificate`, in PEM, beside those that it
    /// believes already; the oldest ones go.
    ///
    /// Cost: a read, and a write where something is to be changed.
    ///
    /// # Errors
    /// The API server does not answer or refuses.
    pub async fn trust(
        &self,
        kind: WebhookConfiguration,
        name: &str,
        certificate: &str,
    ) -> Result<Trusted, StoreError> {
        let plural = kind.plural();
        let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}/{}", encoded(name));
        let api = self.api();
        let Some(found) = api.find(&path, plural, name).await? else { return Ok(Trusted::Absent) };
        let mut object: Value = parse(name, &found)?;
        let mut changed = false;
        for webhook in object["webhooks"].as_array_mut().into_iter().flatten() {
            let bundle = webhook["clientConfig"]["caBundle"].as_str().unwrap_or_default();
            let bundle = STANDARD.decode(bundle).unwrap_or_default();
            if let Some(next) = with(&String::from_utf8_lossy(&bundle), certificate) {
                webhook["clientConfig"]["caBundle"] = STANDARD.encode(next).into();
                changed = true;
            }
        }
        if !changed {
            return Ok(Trusted::Already);
        }
        let lost = |lost| silence(Intent::Update, lost);
        let answer = api.call(Method::PUT, &path, Some(&object)).await.map_err(lost)?;
        match answer.status {
            StatusCode::CONFLICT => Ok(Trusted::Contended),
            status if status.is_success() => Ok(Trusted::Added),
            _ => Err(failure(None, plural, name, Intent::Read, &answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(n: usize) -> String {
        format!("{BEGIN}\nbody{n}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn the_newest_certificates_are_believed_each_once() {
        let mut bundle = String::new();
        for n in 0..20 {
            bundle = with(&bundle, &certificate(n)).unwrap();
        }
        let all: Vec<_> = certificates(&bundle).collect();
        assert_eq!(all, (4..20).map(certificate).collect::<Vec<_>>());
        assert_eq!(with(&bundle, &certificate(7)), None);
        assert_eq!(with("rubbish", "rubbish"), None);
        assert_eq!(with("rubbish", &certificate(1)), Some(certificate(1)));
    }
}
