//! One round of a candidate, as a machine: the same code under a simulation and against a store.

use super::{
    Holder, LeaseTiming,
    record::{held, read},
};
use crate::{
    protocol::{Input, Machine, Op, Reply, Step},
    store::{Document, Key, Token},
    time::{Moment, Timestamp},
};

/// A lease of somebody else as this process saw it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Seen {
    token: Token,
    /// It has been so since then at the latest: a moment after it was read.
    since: Moment,
}

/// What a round ends with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Ended {
    /// This process leads until then.
    Leads(Moment),
    /// Somebody else has the lease.
    Follows(Seen, Option<String>),
    /// Somebody else was quicker, or the store failed: whatever was known before still holds.
    Unknown,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    Reading,
    /// Since a moment before it was sent.
    Writing(Moment),
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Round {
    key: Key,
    holder: Holder,
    timing: LeaseTiming,
    seen: Option<Seen>,
    stage: Stage,
}

impl Round {
    pub(super) fn new(key: Key, holder: Holder, timing: LeaseTiming, seen: Option<Seen>) -> Self {
        Self { key, holder, timing, seen, stage: Stage::Start }
    }

    fn take(&mut self, found: Option<(&Document, Token)>, now: Timestamp, moment: Moment) -> Step<Ended> {
        self.stage = Stage::Writing(moment);
        let before = found.as_ref().map(|(document, _)| *document);
        let lease = held(&self.key, before, &self.holder, self.timing, now).into();
        let key = self.key.clone();
        Step::Do(match found {
            Some((_, token)) => Op::Update(key, token, lease),
            None => Op::Create(key, lease),
        })
    }

    fn judge(&mut self, document: &Document, token: Token, now: Timestamp, moment: Moment) -> Step<Ended> {
        let record = read(document);
        let Some(holder) = record.holder.filter(|holder| holder != self.holder.as_str()) else {
            return self.take(Some((document, token)), now, moment);
        };
        let since = match &self.seen {
            Some(seen) if seen.token == token => seen.since,
            _ => moment,
        };
        // Whoever wrote it may be set otherwise than this one.
        if moment.left(since) >= self.timing.duration.max(record.duration) {
            return self.take(Some((document, token)), now, moment);
        }
        Step::Done(Ended::Follows(Seen { token, since }, Some(holder)))
    }
}

impl Machine for Round {
    type Output = Ended;

    fn step(&mut self, input: Input) -> Step<Ended> {
        let Input { now, moment, reply } = input;
        match (std::mem::replace(&mut self.stage, Stage::Start), reply) {
            (Stage::Start, _) => {
                self.stage = Stage::Reading;
                Step::Do(Op::Get(self.key.clone()))
            }
            (Stage::Reading, Reply::Got(None)) => self.take(None, now, moment),
            (Stage::Reading, Reply::Got(Some(found))) => {
                self.judge(&found.document, found.token, now, moment)
            }
            (Stage::Writing(sent), Reply::Written(_)) => {
                Step::Done(Ended::Leads(sent.after(self.timing.leads)))
            }
            // A renewal that is lost changes nothing about the last one.
            (Stage::Reading | Stage::Writing(_), _) => Step::Done(Ended::Unknown),
        }
    }
}
