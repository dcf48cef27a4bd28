//! Requests to the API server, one HTTP exchange each. Nothing is tried again here: whoever asked knows whether that is
//! safe.

use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use spiderpool_core::store::{Key, StoreError};

use crate::answer::{Answer, Intent, Silence, failure, silence};

/// A connection to the API server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    client: kube::Client,
    timeout: Duration,
}

/// How much of each object is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// All of it.
    Whole,
    /// Its metadata.
    Metadata,
}

impl Form {
    /// What to ask for: one object, or a list of them.
    fn accept(self, list: &str) -> String {
        match self {
            Self::Whole => "application/json".into(),
            Self::Metadata => {
                format!("application/json;as=PartialObjectMetadata{list};g=meta.k8s.io;v=v1")
            }
        }
    }
}

/// The response to a watch: its body never ends by itself.
pub(crate) type Stream = http_body_util::BodyDataStream<Body>;

impl Api {
    pub(crate) fn new(client: kube::Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    pub(crate) fn client(&self) -> &kube::Client {
        &self.client
    }

    /// One exchange, whole.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Silence> {
        self.exchange(request(method, path, &Form::Whole.accept(""), body)?).await
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Answer, Silence> {
        let exchange = async {
            let response = self.client.send(request).await.map_err(unanswered)?;
            let (status, retry_after) = (response.status(), retry_after(response.headers()));
            let body =
                response.into_body().collect().await.map_err(|error| Silence::Unknown(error.into()))?;
            Ok(Answer { status, retry_after, body: body.to_bytes().to_vec() })
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Silence::Unknown(format!("none within {} s", self.timeout.as_secs_f32()).into())),
        }
    }

    /// The body of a successful answer to a read.
    pub(crate) async fn read(&self, path: &str, plural: &str) -> Result<Vec<u8>, StoreError> {
        let answer = self.call(Method::GET, path, None).await.map_err(|lost| silence(Intent::Read, lost))?;
        match answer.status.is_success() {
            true => Ok(answer.body),
            false => Err(failure(None, plural, "", Intent::Read, &answer)),
        }
    }

    /// The body of the answer to a read of what may not be there; none if it is not.
    pub(crate) async fn find(
        &self,
        path: &str,
        plural: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let answer = self.call(Method::GET, path, None).await.map_err(|lost| silence(Intent::Read, lost))?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer.body)),
            _ => Err(failure(None, plural, name, Intent::Read, &answer)),
        }
    }

    /// The answer to a list.
    pub(crate) async fn ask_list(&self, path: &str, form: Form) -> Result<Answer, StoreError> {
        let lost = |lost| silence(Intent::Read, lost);
        let request = request(Method::GET, path, &form.accept("List"), None).map_err(lost)?;
        self.exchange(request).await.map_err(lost)
    }

    /// The body of a successful answer to a write of `key`.
    pub(crate) async fn write(
        &self,
        key: &Key,
        intent: Intent,
        (plural, name): (&str, &str),
        path: &str,
        body: &Value,
    ) -> Result<Vec<u8>, StoreError> {
        let method = match intent {
            Intent::Create => Method::POST,
            Intent::Delete => Method::DELETE,
            Intent::Read | Intent::Update => Method::PUT,
        };
        let answer = self.call(method, path, Some(body)).await.map_err(|lost| silence(intent, lost))?;
        match answer.status.is_success() {
            true => Ok(answer.body),
            false => Err(failure(Some(key), plural, name, intent, &answer)),
        }
    }

    /// Begins a watch.
    pub(crate) async fn stream(&self, path: &str, plural: &str, form: Form) -> Result<Stream, StoreError> {
        let lost = |lost| silence(Intent::Read, lost);
        let request = request(Method::GET, path, &form.accept(""), None).map_err(lost)?;
        let begun = tokio::time::timeout(self.timeout, self.client.send(request)).await;
        let response = match begun {
            Ok(response) => response.map_err(|error| lost(unanswered(error)))?,
            Err(_) => return Err(StoreError::unavailable("the API server does not begin the watch")),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body().into_data_stream());
        }
        let retry_after = retry_after(response.headers());
        let body = tokio::time::timeout(self.timeout, response.into_body().collect()).await;
        let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        Err(failure(None, plural, "", Intent::Read, &Answer { status, retry_after, body }))
    }
}

fn request(method: Method, path: &str, accept: &str, body: Option<&Value>) -> Result<Request<Body>, Silence> {
    let unsent = |error: Box<dyn std::error::Error + Send + Sync>| Silence::Unsent(error);
    let body = body.map(serde_json::to_vec).transpose().map_err(|error| unsent(error.into()))?;
    let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Body::from(body.unwrap_or_default())).map_err(|error| unsent(error.into()))
}

fn retry_after(headers: &http::HeaderMap) -> Option<String> {
    headers.get(header::RETRY_AFTER)?.to_str().ok().map(str::to_owned)
}

/// Whether a request that got no answer had a connection at all.
fn unanswered(error: kube::Error) -> Silence {
    let unsent = match &error {
        kube::Error::Service(inner) => {
            inner.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
        }
        kube::Error::Auth(_) | kube::Error::BuildRequest(_) => true,
        _ => false,
    };
    let source = chain(&error).into();
    match unsent {
        true => Silence::Unsent(source),
        false => Silence::Unknown(source),
    }
}

/// An error and its causes in one line: the outermost one often says nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}
