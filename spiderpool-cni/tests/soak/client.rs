//! One client of an agent: containers that come and go, every call insisted on as a runtime does, and noted.

use crate::dice::Dice;
use crate::support::Node;
use spiderpool_cni::api::{AddRequest, Attachment, CheckRequest, ErrorCode};
use spiderpool_cni::client::{AgentClient, AgentStore, ClientError};
use spiderpool_core::addr::Address;
use spiderpool_core::history::{Holder, Recorder};
use spiderpool_core::model::{Attachment as Held, Record};
use spiderpool_core::store::{Kind, Selector, Store};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// How long a runtime waits before it repeats a call that found no agent.
const PAUSE: Duration = Duration::from_millis(3);
/// And one that the store did not answer. Each of them is one more that may take effect at any time.
const LONGER_PAUSE: Duration = Duration::from_millis(100);

/// A client with a name of its own.
pub(crate) struct Client<'a> {
    pub(crate) name: String,
    pub(crate) node: &'a Node,
    pub(crate) recorder: &'a Recorder,
    /// Set when no container is to begin any more.
    pub(crate) stop: &'a AtomicBool,
    /// Hears of every answer.
    pub(crate) told: mpsc::Sender<()>,
    pub(crate) dice: Dice,
}

/// How a call ended.
enum Ended<T> {
    Answered(T),
    Exhausted,
    /// Nobody saw it.
    Unseen,
    /// It may have been done, or may yet be.
    Unknown,
    /// The same, and the agent says that it is no time for it.
    Unavailable,
}

fn ended<T>(result: Result<T, ClientError>) -> Ended<T> {
    match result {
        Ok(answer) => Ended::Answered(answer),
        Err(ClientError::NoAgent { .. }) => Ended::Unseen,
        Err(ClientError::HungUp { .. } | ClientError::Garbled { .. }) => Ended::Unknown,
        Err(ClientError::Refused(body)) => match body.code {
            ErrorCode::Exhausted => Ended::Exhausted,
            ErrorCode::Busy | ErrorCode::Deadline | ErrorCode::Unavailable => Ended::Unavailable,
            _ => panic!("an answer that nothing asked for: {body}"),
        },
        Err(error) => panic!("{error}"),
    }
}

/// What a container is asked for and freed by.
pub(crate) fn attachment(container: &str) -> Attachment {
    let json = serde_json::json!({ "containerID": container, "ifName": "eth0", "networkName": "net" });
    serde_json::from_value(json).unwrap()
}

/// Runs a future on a runtime of its own: each client is a process's worth.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl Client<'_> {
    /// Containers one after the other, until it is told to stop. Whatever a container got is released in the end.
    pub(crate) async fn live(mut self) {
        let agent = AgentClient::new(self.node.socket());
        for n in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let container = format!("{}-{n}", self.name);
            let granted = self.add(&agent, &container).await;
            if granted.is_some() && self.dice.one_in(3) {
                assert_eq!(self.add(&agent, &container).await, granted, "asked again, another answer");
            }
            if let Some(address) = granted
                && self.dice.one_in(3)
            {
                self.check(&agent, &container, address).await;
            }
            self.del(&agent, &container).await;
        }
    }

    /// Asks until there is an answer; none: all addresses are held.
    async fn add(&mut self, agent: &AgentClient, container: &str) -> Option<Address> {
        let request = serde_json::to_value(attachment(container)).unwrap();
        let request: AddRequest = serde_json::from_value(request).unwrap();
        loop {
            let call = self.recorder.call();
            match ended(agent.add(&request).await) {
                Ended::Answered(answer) => {
                    let [ip] = &answer.ips[..] else { panic!("{answer:?}") };
                    let address = ip.address.address.to_string().parse().unwrap();
                    self.recorder.granted(call, container, address);
                    self.tell();
                    return Some(address);
                }
                Ended::Exhausted => {
                    self.recorder.exhausted(call);
                    self.tell();
                    return None;
                }
                Ended::Unknown => self.recorder.grant_lost(call, container),
                Ended::Unavailable => {
                    self.recorder.grant_lost(call, container);
                    tokio::time::sleep(LONGER_PAUSE).await;
                }
                Ended::Unseen => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn check(&self, agent: &AgentClient, container: &str, address: Address) {
        let mut request = serde_json::to_value(attachment(container)).unwrap();
        request["expectedIPs"] = serde_json::json!([format!("{address}/16")]);
        let request: CheckRequest = serde_json::from_value(request).unwrap();
        let call = self.recorder.call();
        if let Ended::Answered(()) = ended(agent.check(&request).await) {
            self.recorder.read(call, [(address, Some(container.into()))]);
        }
    }

    async fn del(&self, agent: &AgentClient, container: &str) {
        loop {
            let call = self.recorder.call();
            match ended(agent.del(&attachment(container)).await) {
                Ended::Answered(()) => {
                    self.recorder.released(call, container);
                    return self.tell();
                }
                Ended::Unknown => self.recorder.release_lost(call, container),
                Ended::Unavailable => {
                    self.recorder.release_lost(call, container);
                    tokio::time::sleep(LONGER_PAUSE).await;
                }
                Ended::Unseen => tokio::time::sleep(PAUSE).await,
                Ended::Exhausted => panic!("{container}: a release was refused"),
            }
        }
    }

    fn tell(&self) {
        // Nobody may be listening any more.
        let _ = self.told.send(());
    }
}

fn holder(record: &Record) -> Holder {
    match &record.attachment {
        Held::Container(container) => container.as_str().into(),
        other => panic!("{other:?}"),
    }
}

/// Reads who holds each of `pool`, from the blocks; none if the agent did not answer.
pub(crate) async fn look(node: &Node, recorder: &Recorder, pool: &[Address]) -> Option<usize> {
    let call = recorder.call();
    let store = AgentStore::connect(AgentClient::new(node.socket())).await.ok()?;
    let blocks = store.list(&Selector::Kind(Kind::Block)).await.ok()?.items;
    let seen = pool.iter().map(|address| {
        let held = blocks.iter().filter_map(|block| block.document.as_block()?.record_of(*address));
        let holders: Vec<_> = held.map(|record| holder(record)).collect();
        assert!(holders.len() < 2, "{address} stands in two blocks");
        (*address, holders.into_iter().next())
    });
    let seen: Vec<_> = seen.collect();
    let held = seen.iter().filter(|(_, holder)| holder.is_some()).count();
    recorder.read(call, seen);
    Some(held)
}
