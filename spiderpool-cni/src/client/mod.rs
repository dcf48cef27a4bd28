//! An asynchronous client of the agent's API, for `spiderpoolctl` and for the agent's own health.

mod address;
mod error;
mod sandboxes;
mod store;

pub use address::ApiAddress;
pub use error::ClientError;
pub use sandboxes::AgentSandboxes;
pub use store::AgentStore;

use crate::api::{
    AddRequest, AddResponse, Attachment, CheckRequest, Endpoint, EndpointQuery, ExplainRequest, Explanation,
    GcRequest, GcResponse, SandboxRequest, SandboxResponse, StatusResponse, path,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The largest answer in bytes that is read at once.
const MAX_ANSWER: usize = 256 << 20;

/// A client of one agent. Every call is a connection of its own; set limits of time around the futures.
#[derive(Clone, Debug)]
pub struct AgentClient {
    at: ApiAddress,
}

/// A parameter's value in a query, percent-encoded (RFC 3986, unreserved characters stay).
fn encode_query(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            other => encoded += &format!("%{other:02X}"),
        }
    }
    encoded
}

impl AgentClient {
    /// A client of whoever serves there. Nothing is opened yet.
    pub fn new(at: impl Into<ApiAddress>) -> Self {
        Self { at: at.into() }
    }

    fn garbled(&self, what: impl std::fmt::Display) -> ClientError {
        ClientError::Garbled { at: self.at.clone(), what: what.to_string() }
    }

    /// Sends a request and gives the answer's head once it is there.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, ClientError> {
        let none = |source| ClientError::NoAgent { at: self.at.clone(), source };
        let mut sender = match &self.at {
            ApiAddress::Socket(socket) => {
                self.begin(UnixStream::connect(socket).await.map_err(none)?).await?
            }
            ApiAddress::Http(address) => self.begin(TcpStream::connect(address).await.map_err(none)?).await?,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "spiderpool")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.garbled(error))?;
        sender.send_request(request).await.map_err(|source| self.hung_up(source))
    }

    fn hung_up(&self, source: hyper::Error) -> ClientError {
        ClientError::HungUp { at: self.at.clone(), source }
    }

    /// Begins HTTP on a connection, which ends with the answer's body; its errors come out there too.
    async fn begin<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
    ) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|source| self.hung_up(source))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Reads the whole answer.
    async fn receive(&self, response: Response<Incoming>) -> Result<(StatusCode, Bytes), ClientError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(source) => ClientError::HungUp { at: self.at.clone(), source: *source },
            Err(error) => self.garbled(error),
        })?;
        Ok((head.status, body.to_bytes()))
    }

    /// What an answer that is not 2xx says.
    fn refusal(&self, status: StatusCode, body: &[u8]) -> ClientError {
        match serde_json::from_slice(body) {
            Ok(refusal) => ClientError::Refused(refusal),
            Err(_) => self.garbled(format_args!("HTTP status {status}")),
        }
    }

    /// Sends a request and reads the whole body of a good answer.
    async fn call_bytes(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, ClientError> {
        let response = self.send(method, path, body).await?;
        let (status, body) = self.receive(response).await?;
        if status.is_success() { Ok(body) } else { Err(self.refusal(status, &body)) }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, ClientError> {
        let body = match request {
            None => Vec::new(),
            Some(request) => serde_json::to_vec(request).map_err(|error| self.garbled(error))?,
        };
        let answer = self.call_bytes(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|error| self.garbled(error))
    }

    /// Whether the agent serves.
    pub async fn healthy(&self) -> Result<(), ClientError> {
        self.call_bytes(Method::GET, path::HEALTHY, Vec::new()).await.map(drop)
    }

    /// Grants.
    pub async fn add(&self, request: &AddRequest) -> Result<AddResponse, ClientError> {
        self.call(Method::POST, path::IP, Some(request)).await
    }

    /// Releases.
    pub async fn del(&self, attachment: &Attachment) -> Result<(), ClientError> {
        self.call(Method::DELETE, path::IP, Some(attachment)).await.map(|Empty {}| ())
    }

    /// Compares what is held with what is expected.
    pub async fn check(&self, request: &CheckRequest) -> Result<(), ClientError> {
        self.call(Method::POST, path::CHECK, Some(request)).await.map(|Empty {}| ())
    }

    /// Frees what is not listed.
    pub async fn gc(&self, request: &GcRequest) -> Result<GcResponse, ClientError> {
        self.call(Method::POST, path::GC, Some(request)).await
    }

    /// Whether a sandbox is gone.
    pub async fn sandbox(&self, request: &SandboxRequest) -> Result<SandboxResponse, ClientError> {
        self.call(Method::POST, path::SANDBOX, Some(request)).await
    }

    /// The agent's state.
    pub async fn status(&self) -> Result<StatusResponse, ClientError> {
        self.call(Method::GET, path::STATUS, None::<&()>).await
    }

    /// What a pod holds.
    pub async fn endpoint(&self, query: &EndpointQuery) -> Result<Endpoint, ClientError> {
        let (namespace, name) = (encode_query(&query.pod_namespace), encode_query(&query.pod_name));
        let path = format!("{}?podNamespace={namespace}&podName={name}", path::ENDPOINT);
        self.call(Method::GET, &path, None::<&()>).await
    }

    /// What a grant would choose from.
    pub async fn explain(&self, request: &ExplainRequest) -> Result<Explanation, ClientError> {
        self.call(Method::POST, path::EXPLAIN, Some(request)).await
    }
}

/// The body of a success that has nothing to say.
#[derive(serde::Deserialize)]
struct Empty {}

#[cfg(test)]
mod tests {
    use super::encode_query;

    #[test]
    fn query_values_are_encoded() {
        assert_eq!(encode_query("web-0.example_~"), "web-0.example_~");
        assert_eq!(encode_query("a b&c=d/ü"), "a%20b%26c%3Dd%2F%C3%BC");
    }
}
