//! An agent's store as a store of one's own.

use super::{AgentClient, ClientError};
use crate::api::{
    StoreEvent, StoreFailure, StoreGet, StoreGot, StoreList, StoreWatch, StoreWrite, StoreWritten, path,
};
use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::{Bytes, Incoming};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spiderpool_core::store::{
    Capabilities, Change, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned,
    Watch,
};

/// The store of an agent, through its socket. Inside a tokio runtime only.
#[derive(Clone, Debug)]
pub struct AgentStore {
    client: AgentClient,
    capabilities: Capabilities,
}

/// What a failed call means for a write.
fn write_error(error: ClientError) -> StoreError {
    match error {
        ClientError::NoAgent { .. } | ClientError::Refused(_) => StoreError::unavailable(error.to_string()),
        // It may have been done.
        ClientError::HungUp { .. } | ClientError::Garbled { .. } => StoreError::unknown(error.to_string()),
    }
}

/// What a failed call means for a read: nothing was done either way.
fn read_error(error: ClientError) -> StoreError {
    StoreError::unavailable(error.to_string())
}

impl AgentStore {
    /// The store of the agent that `client` talks to.
    ///
    /// # Errors
    /// The agent cannot be reached.
    pub async fn connect(client: AgentClient) -> Result<Self, ClientError> {
        let own: Capabilities = client.call(Method::GET, path::STORE_CAPABILITIES, None::<&()>).await?;
        // The agent writes too, whatever its store says about processes.
        let capabilities = Capabilities { name: format!("agent ({})", own.name), shared: true, ..own };
        Ok(Self { client, capabilities })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &(impl Serialize + Sync),
        on_error: fn(ClientError) -> StoreError,
    ) -> Result<T, StoreError> {
        let body = serde_json::to_vec(request).map_err(|error| StoreError::unavailable(error.to_string()))?;
        let response = self.client.send(Method::POST, path, body).await.map_err(on_error)?;
        let (status, body) = self.client.receive(response).await.map_err(on_error)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| on_error(self.client.garbled(error)));
        }
        Err(match serde_json::from_slice::<StoreFailure>(&body) {
            Ok(failure) => failure.into(),
            Err(_) => on_error(self.client.refusal(status, &body)),
        })
    }

    async fn write(&self, write: &StoreWrite) -> Result<Option<Token>, StoreError> {
        let written: StoreWritten = self.call(path::STORE_WRITE, write, write_error).await?;
        Ok(written.token)
    }

    /// The token of a write that leaves a document.
    fn token(token: Option<Token>) -> Result<Token, StoreError> {
        token.ok_or_else(|| StoreError::unknown("the agent did not say the document's token"))
    }
}

#[async_trait]
impl Store for AgentStore {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let got: StoreGot = self.call(path::STORE_GET, &StoreGet { key: key.clone() }, read_error).await?;
        Ok(got.found)
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.call(path::STORE_LIST, &StoreList { selector: selector.clone() }, read_error).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.call(path::STORE_TOKENS, &StoreList { selector: selector.clone() }, read_error).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        Self::token(self.write(&StoreWrite::Create { key: key.clone(), document }).await?)
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let write = StoreWrite::Update { key: key.clone(), token: token.clone(), document };
        Self::token(self.write(&write).await?)
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.write(&StoreWrite::Delete { key: key.clone(), token: token.clone() }).await.map(drop)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        let request = StoreWatch { selector: selector.clone(), from: from.clone() };
        let body =
            serde_json::to_vec(&request).map_err(|error| StoreError::unavailable(error.to_string()))?;
        let response = self.client.send(Method::POST, path::STORE_WATCH, body).await.map_err(read_error)?;
        if response.status().is_success() {
            return Ok(Box::new(AgentWatch { lines: response.into_body(), ahead: Vec::new() }));
        }
        let (status, body) = self.client.receive(response).await.map_err(read_error)?;
        Err(match serde_json::from_slice::<StoreFailure>(&body) {
            Ok(failure) => failure.into(),
            Err(_) => read_error(self.client.refusal(status, &body)),
        })
    }
}

/// A watch, read line by line. What was read and is not a whole line stays here, so that a dropped future loses
/// nothing.
struct AgentWatch {
    lines: Incoming,
    ahead: Vec<u8>,
}

impl AgentWatch {
    async fn more(&mut self) -> Result<(), StoreError> {
        let frame = self.lines.frame().await;
        let frame = frame.ok_or_else(|| StoreError::unavailable("the agent ended the watch"))?;
        let frame = frame.map_err(|error| StoreError::unavailable(error.to_string()))?;
        let data: Bytes = frame.into_data().unwrap_or_default();
        self.ahead.extend_from_slice(&data);
        Ok(())
    }
}

#[async_trait]
impl Watch for AgentWatch {
    async fn next(&mut self) -> Result<(Change, Position), StoreError> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return match serde_json::from_slice(&line) {
                    Ok(StoreEvent::Changed(change, position)) => Ok((change, position)),
                    Ok(StoreEvent::Failed(failure)) => Err(failure.into()),
                    Err(error) => {
                        Err(StoreError::unavailable(format!("the agent's watch is not understood: {error}")))
                    }
                };
            }
            self.more().await?;
        }
    }
}
