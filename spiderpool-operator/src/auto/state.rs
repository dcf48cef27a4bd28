//! What has been heard, and which applications it concerns. Pure but for the time.

use std::collections::{HashMap, HashSet};

use spiderpool_core::{
    addr::IpSet,
    api::{ObjectMeta, SpiderIPPool, SpiderSubnet},
    model::{Application, Pool, Subnet},
    name::{ObjectName, Uid},
    store::{Document, Key, Kind},
};
use tokio::time::Instant;

use super::{SETTLED, look::Outcome, queue::Queue};
use crate::{
    apps::{AppKind, Book, Known, News},
    notices::{About, Notice},
    objects::ObjectNews,
};

/// What of a pool matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    application: Application,
    generation: Option<i64>,
    terminating: bool,
    held: Option<i64>,
}

/// What of a Subnet matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Left {
    uid: Option<Uid>,
    generation: Option<i64>,
    free: u128,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) book: Book,
    pub(super) queue: Queue<Application>,
    pools: HashMap<ObjectName, Seen>,
    subnets: HashMap<ObjectName, Left>,
    /// Who waits for addresses of which Subnet, and for how many.
    short: HashMap<ObjectName, HashMap<Application, u128>>,
    /// Pools that are to give addresses back.
    surplus: HashSet<ObjectName>,
}

impl State {
    /// Takes in news of applications.
    pub(super) fn heard(&mut self, news: &News) {
        let now = Instant::now();
        if let Some(application) = self.book.take(news) {
            let asks = matches!(self.book.get(&application), Known::Here(workload) if workload.asks());
            if asks || self.pools.values().any(|seen| seen.application == application) {
                self.queue.add(application, now);
            }
        }
        if let News::Complete(kind) = news {
            let of_kind = self.pools.values().map(|seen| &seen.application);
            let of_kind: HashSet<_> =
                of_kind.filter(|application| AppKind::of(application) == *kind).cloned().collect();
            of_kind.into_iter().for_each(|application| self.queue.add(application, now));
        }
    }

    /// Takes in news of pools, Subnets and reservations. Kinds of applications that have pools and of which nobody
    /// told anything.
    pub(super) fn changed(&mut self, news: ObjectNews) -> Vec<AppKind> {
        match news {
            ObjectNews::Listed(Kind::Pool, items) => {
                let names: HashSet<_> = items.iter().map(|item| item.key.clone()).collect();
                let gone = self.pools.keys().filter(|name| !names.contains(&Key::Pool((*name).clone())));
                let gone: Vec<_> = gone.cloned().collect();
                gone.into_iter().for_each(|name| self.gone(&Key::Pool(name)));
                items.into_iter().filter_map(|item| self.put(&item.document)).collect()
            }
            ObjectNews::Listed(_, items) => {
                items.into_iter().filter_map(|item| self.put(&item.document)).collect()
            }
            ObjectNews::Put(item) => self.put(&item.document).into_iter().collect(),
            ObjectNews::Deleted(key) => {
                self.gone(&key);
                Vec::new()
            }
        }
    }

    fn put(&mut self, document: &Document) -> Option<AppKind> {
        match document {
            Document::Pool(pool) => self.put_pool(pool),
            Document::Subnet(subnet) => {
                self.put_subnet(subnet);
                None
            }
            Document::Reservation(_) => {
                self.wake_all();
                None
            }
            _ => None,
        }
    }

    fn put_pool(&mut self, object: &SpiderIPPool) -> Option<AppKind> {
        let name = ObjectName::new(&object.metadata.name).ok()?;
        let auto = Pool::try_from(object).ok().and_then(|pool| pool.auto);
        let Some(auto) = auto else {
            self.gone(&Key::Pool(name));
            return None;
        };
        let ObjectMeta { generation, deletion_timestamp, .. } = &object.metadata;
        let seen = Seen {
            application: auto.application,
            generation: *generation,
            terminating: deletion_timestamp.is_some(),
            held: object.status.allocated_ip_count,
        };
        let application = seen.application.clone();
        let before = self.pools.insert(name.clone(), seen.clone());
        let unknown = self.book.get(&application) == Known::Unsure;
        let kind = unknown.then(|| AppKind::of(&application));
        let wanted = match &before {
            None => true,
            Some(before) => {
                (before.generation, before.terminating) != (seen.generation, seen.terminating)
                    || (self.surplus.contains(&name) && seen.held < before.held)
            }
        };
        if wanted {
            // At start-up its source has not told everything yet.
            let when = if unknown { Instant::now() + SETTLED } else { Instant::now() };
            self.queue.add(application, when);
        }
        kind
    }

    fn put_subnet(&mut self, object: &SpiderSubnet) {
        let Ok(subnet) = Subnet::try_from(object) else { return };
        let free = match subnet.terminating {
            true => IpSet::new(subnet.family),
            false => subnet.unclaimed(),
        };
        let left = Left {
            uid: object.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()),
            generation: object.metadata.generation,
            free: free.len_saturating(),
        };
        let before = self.subnets.insert(subnet.name.clone(), left.clone());
        let more =
            before.is_none_or(|before| left.free > before.free || left.generation != before.generation);
        if more {
            self.wake(&subnet.name);
        }
    }

    fn gone(&mut self, key: &Key) {
        match key {
            Key::Pool(name) => {
                self.surplus.remove(name);
                if let Some(seen) = self.pools.remove(name) {
                    self.queue.add(seen.application, Instant::now());
                }
            }
            Key::Subnet(name) => drop(self.subnets.remove(name)),
            Key::Reservation(_) => self.wake_all(),
            _ => {}
        }
    }

    fn wake(&mut self, subnet: &ObjectName) {
        for application in self.short.get(subnet).into_iter().flat_map(HashMap::keys).cloned() {
            self.queue.add(application, Instant::now());
        }
    }

    fn wake_all(&mut self) {
        let subnets: Vec<_> = self.short.keys().cloned().collect();
        subnets.iter().for_each(|subnet| self.wake(subnet));
    }

    /// Takes in what a look came to. What people should know.
    pub(super) fn looked(&mut self, outcome: Outcome) -> Vec<Notice> {
        let Outcome { application, looked, short, surplus } = outcome;
        for waiting in self.short.values_mut() {
            waiting.remove(&application);
        }
        let mut notices = Vec::new();
        for (subnet, missing) in short {
            let waiting = self.short.entry(subnet.clone()).or_default();
            waiting.insert(application.clone(), missing);
            if let Some(uid) = self.subnets.get(&subnet).and_then(|left| left.uid.clone()) {
                notices.push(exhausted(subnet, uid, waiting));
            }
        }
        self.short.retain(|_, waiting| !waiting.is_empty());
        self.surplus.retain(|pool| self.pools.get(pool).is_some_and(|seen| seen.application != application));
        let again = if surplus.is_empty() { looked } else { super::queue::Looked::Again };
        self.surplus.extend(surplus);
        self.queue.done(&application, again, Instant::now());
        notices
    }
}

fn exhausted(subnet: ObjectName, uid: Uid, waiting: &HashMap<Application, u128>) -> Notice {
    let missing: u128 = waiting.values().sum();
    let mut names: Vec<_> = waiting.keys().map(ToString::to_string).collect();
    names.sort();
    let more = names.len().saturating_sub(3);
    names.truncate(3);
    let mut message = format!("{missing} addresses too few for the pools of {}", names.join(", "));
    if more > 0 {
        message.push_str(&format!(" and {more} more"));
    }
    message.push_str(": add addresses to the Subnet, or scale applications down");
    Notice { about: About::Subnet(subnet, uid), reason: "SubnetExhausted", message }
}
