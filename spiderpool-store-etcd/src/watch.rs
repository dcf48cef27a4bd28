//! Watches, which go on at another member when theirs is gone.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use etcd_client::{Event, EventType, WatchOptions, WatchResponse, WatchStream};
use spiderpool_core::store::{Change, Position, Room, Selector, StoreError, Versioned, Watch, decode};

use crate::{
    cluster::{Clients, Cluster, Tour, read_error},
    failure::{Cause, Failure, classify},
    keys::{Keys, Range},
    read::current_revision,
    write::token,
};

/// A watch. What was read and not yet asked for waits in memory, at most one message of etcd's.
pub(crate) struct EtcdWatch {
    cluster: Arc<Cluster>,
    keys: Keys,
    selector: Selector,
    /// None for a selector that selects nothing: such a watch waits for ever.
    range: Option<Range>,
    /// Everything up to this revision was read.
    at: i64,
    stream: Option<WatchStream>,
    ready: VecDeque<(Change, Position)>,
}

/// What one event means for a watch.
enum Seen {
    Change(Change),
    Nothing,
    /// It cannot be told whether the document was selected before: that version is no longer kept.
    Lost,
}

impl EtcdWatch {
    /// A watch from behind `from`.
    pub(crate) async fn begin(
        cluster: Arc<Cluster>,
        keys: Keys,
        selector: &Selector,
        from: &Position,
    ) -> Result<Self, StoreError> {
        let at = from.0.parse::<i64>().ok().filter(|at| *at >= 0).ok_or(StoreError::Expired)?;
        // Etcd would wait for a revision that is not there yet. Only a restored cluster or a foreign position has one.
        if current_revision(&cluster, &keys).await.map_err(read_error)? < at {
            return Err(StoreError::Expired);
        }
        let (range, selector) = (keys.documents(selector), selector.clone());
        let mut watch = Self { cluster, keys, selector, range, at, stream: None, ready: VecDeque::new() };
        watch.connect().await?;
        Ok(watch)
    }

    /// Whether the selection depends on what is in a document, so that a document can leave it.
    fn is_by_content(&self) -> bool {
        matches!(self.selector, Selector::EndpointsOn(_) | Selector::Blocks { room: Room::Some, .. })
    }

    /// Makes sure that there is a stream from behind what was read, at whichever member gives one.
    async fn connect(&mut self) -> Result<(), StoreError> {
        let Some(range) = &self.range.clone() else { return Ok(()) };
        if self.stream.is_some() {
            return Ok(());
        }
        let (from, by_content) = (self.at + 1, self.is_by_content());
        let cluster = self.cluster.clone();
        let mut tour = Tour::new(&cluster);
        let open = |mut clients: Clients| async move {
            let mut options = WatchOptions::new()
                .with_range(range.end.clone())
                .with_start_revision(from)
                .with_progress_notify();
            if by_content {
                options = options.with_prev_key();
            }
            let mut stream = clients.watch.watch(range.first.clone(), Some(options)).await?;
            // That it was made; events come later.
            let first = stream.message().await?;
            Ok((stream, first))
        };
        loop {
            let cause = match tour.ask(cluster.patience(), &open).await {
                Ok((stream, Some(first))) => match self.judge(&first)? {
                    None => {
                        self.stream = Some(stream);
                        return self.read(&first);
                    }
                    Some(cause) => cause,
                },
                Ok((_, None)) => Cause::new("etcd ended a watch that had just begun"),
                Err(Failure::NotDone(cause) | Failure::Unknown(cause)) => cause,
                Err(Failure::Compacted) => return Err(StoreError::Expired),
                Err(failure) => return Err(read_error(failure)),
            };
            tour.goes_on(cause).await.map_err(Cause::unavailable)?;
        }
    }

    /// Whether the stream goes on after `message`; why not, if it may go on elsewhere.
    fn judge(&self, message: &WatchResponse) -> Result<Option<Cause>, StoreError> {
        if message.compact_revision() > 0 {
            return Err(StoreError::Expired);
        }
        if !message.canceled() {
            return Ok(None);
        }
        let reason = message.cancel_reason();
        if reason.contains("permission denied") {
            return Err(Cause::new(format!("etcd ended the watch: {reason}")).unavailable());
        }
        Ok(Some(Cause::new(format!("etcd ended the watch: {reason}"))))
    }

    /// Takes in what `message` brings.
    fn read(&mut self, message: &WatchResponse) -> Result<(), StoreError> {
        let events = message.events();
        for (number, event) in events.iter().enumerate() {
            let Some(kv) = event.kv() else { continue };
            let revision = kv.mod_revision();
            // More of the same revision is to come: whoever goes on from here must see it.
            let is_whole =
                events.get(number + 1).and_then(Event::kv).is_none_or(|next| next.mod_revision() != revision);
            self.at = if is_whole { revision } else { revision - 1 };
            match self.seen(event)? {
                Seen::Change(change) => self.ready.push_back((change, Position(self.at.to_string()))),
                Seen::Nothing => {}
                Seen::Lost => return Err(StoreError::Expired),
            }
        }
        // A sign that all up to here was sent; the first message is none.
        if events.is_empty() && !message.created() {
            self.at = self.at.max(message.header().map_or(0, |header| header.revision()));
        }
        Ok(())
    }

    fn seen(&self, event: &Event) -> Result<Seen, StoreError> {
        let Some(kv) = event.kv() else { return Ok(Seen::Nothing) };
        let key = self.keys.decode(kv.key()).ok_or_else(|| StoreError::Damaged {
            what: format!("the etcd key {}", String::from_utf8_lossy(kv.key())),
            message: "it is none of Spiderpool's; give Spiderpool a prefix of its own".into(),
        })?;
        if event.event_type() == EventType::Put {
            let document = decode(&key, kv.value())?;
            if self.selector.matches(&key, &document) {
                return Ok(Seen::Change(Change::Put(Versioned {
                    key,
                    token: token(kv.mod_revision()),
                    document,
                })));
            }
        }
        if !self.is_by_content() {
            return Ok(match event.event_type() {
                EventType::Delete => Seen::Change(Change::Deleted(key)),
                EventType::Put => Seen::Nothing,
            });
        }
        match event.prev_kv() {
            Some(before) if self.selector.matches(&key, &decode(&key, before.value())?) => {
                Ok(Seen::Change(Change::Deleted(key)))
            }
            Some(_) => Ok(Seen::Nothing),
            None if event.event_type() == EventType::Put && kv.version() == 1 => Ok(Seen::Nothing),
            None => Ok(Seen::Lost),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for EtcdWatch {
    async fn next(&mut self) -> Result<(Change, Position), StoreError> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Ok(next);
            }
            self.connect().await?;
            let Some(stream) = &mut self.stream else {
                std::future::pending::<()>().await;
                continue;
            };
            match stream.message().await {
                Ok(Some(message)) => match self.judge(&message)? {
                    None => self.read(&message)?,
                    Some(_) => self.stream = None,
                },
                Ok(None) => self.stream = None,
                Err(error) => {
                    self.stream = None;
                    match classify("a watch", error) {
                        Failure::Compacted => return Err(StoreError::Expired),
                        failure @ Failure::Refused(_) => return Err(read_error(failure)),
                        // Asking for a new stream finds out whether anybody is there.
                        _ => {}
                    }
                }
            }
        }
    }
}
