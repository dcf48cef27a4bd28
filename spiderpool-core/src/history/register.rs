//! One address as a register.

use std::collections::{BTreeMap, BTreeSet};

use super::Point;

/// A holder's number.
type Who = u32;

/// What a step does to the register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    Grant(Who),
    Release(Who),
    Read(Option<Who>),
}

impl Effect {
    /// What is held afterwards; none: it cannot happen now.
    pub(super) fn after(self, held: Option<Who>) -> Option<Option<Who>> {
        match self {
            Self::Grant(who) => (held.is_none() || held == Some(who)).then_some(Some(who)),
            Self::Release(who) if held == Some(who) => Some(None),
            Self::Release(_) => Some(held),
            Self::Read(seen) => (seen == held).then_some(held),
        }
    }

    fn who(self) -> Option<Who> {
        match self {
            Self::Grant(who) | Self::Release(who) => Some(who),
            Self::Read(seen) => seen,
        }
    }
}

/// A call as far as it is about this address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) called: Point,
    /// None: optional, from its call on.
    pub(super) returned: Option<Point>,
    pub(super) effect: Effect,
    /// Which operation of the history it is.
    pub(super) source: usize,
}

/// The steps of one address.
#[derive(Clone, Debug, Default)]
pub(super) struct Register {
    steps: Vec<Step>,
}

/// No order was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// The operation whose answer nothing explains.
    pub(super) source: usize,
    at: Point,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FailureKind {
    Impossible,
    /// More possible pasts than are followed.
    TooMany,
}

/// The most possible pasts that are followed at once.
const MOST: usize = 1 << 17;

/// A possible past: what is held, and which of the steps under way have happened.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Past {
    held: Option<Who>,
    /// Sorted.
    happened: Vec<usize>,
}

impl Past {
    fn has(&self, step: usize) -> bool {
        self.happened.binary_search(&step).is_ok()
    }

    fn with(&self, step: usize, held: Option<Who>) -> Self {
        let mut happened = self.happened.clone();
        if let Err(at) = happened.binary_search(&step) {
            happened.insert(at, step);
        }
        Self { held, happened }
    }

    fn without(mut self, step: usize) -> Self {
        self.happened.retain(|other| *other != step);
        self
    }
}

impl Register {
    /// Steps come in the order of their calls.
    pub(super) fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The operations whose calls were sent before the failure was seen, the last ones and those without an answer.
    pub(super) fn before(&self, failure: &Failure) -> impl Iterator<Item = usize> {
        const SHOWN: usize = 12;
        let earlier: Vec<_> = self.steps.iter().filter(|step| step.called < failure.at).collect();
        let skip = earlier.len().saturating_sub(SHOWN);
        earlier.into_iter().skip(skip).map(|step| step.source)
    }

    /// Whether some order of the steps is possible; gives the most pasts that were followed at once.
    pub(super) fn check(&self) -> Result<usize, Failure> {
        // A step's answer is looked at after every call that was sent before it.
        let mut events: Vec<(Point, bool, usize)> = Vec::new();
        let mut last_mention: BTreeMap<Who, Point> = BTreeMap::new();
        for (index, step) in self.steps.iter().enumerate() {
            events.push((step.called, false, index));
            events.extend(step.returned.map(|returned| (returned, true, index)));
            if let Some(who) = step.effect.who() {
                let last = last_mention.entry(who).or_default();
                *last = (*last).max(step.returned.unwrap_or(step.called));
            }
        }
        events.sort_unstable();
        let mut under_way: Vec<usize> = Vec::new();
        let mut pasts = BTreeSet::from([Past::default()]);
        let mut widest = 1;
        for (at, is_answer, index) in events {
            if !is_answer {
                under_way.push(index);
                continue;
            }
            let source = self.steps.get(index).map_or(0, |step| step.source);
            pasts = self.answered(index, &under_way, &pasts).ok_or(Failure {
                kind: FailureKind::TooMany,
                source,
                at,
            })?;
            if pasts.is_empty() {
                return Err(Failure { kind: FailureKind::Impossible, source, at });
            }
            widest = widest.max(pasts.len());
            under_way.retain(|other| *other != index);
            self.forget(at, &last_mention, &mut under_way, &mut pasts);
        }
        Ok(widest)
    }

    /// The pasts in which step `index` has happened. Steps under way happen before it only where that may matter: each is
    /// tried, and no order is tried further than to that step.
    fn answered(&self, index: usize, under_way: &[usize], pasts: &BTreeSet<Past>) -> Option<BTreeSet<Past>> {
        let mut after = BTreeSet::new();
        let mut seen: BTreeSet<Past> = pasts.clone();
        let mut open: Vec<Past> = pasts.iter().cloned().collect();
        while let Some(past) = open.pop() {
            if past.has(index) {
                after.insert(past.without(index));
                continue;
            }
            for next in under_way.iter().filter(|step| !past.has(**step)) {
                let Some(step) = self.steps.get(*next) else { continue };
                let Some(held) = step.effect.after(past.held) else { continue };
                // Whatever need not happen, and would change nothing, is left for later.
                if step.returned.is_none() && held == past.held {
                    continue;
                }
                let past = past.with(*next, held);
                if seen.insert(past.clone()) {
                    open.push(past);
                }
            }
            if seen.len() > MOST {
                return None;
            }
        }
        Some(after)
    }

    /// Takes out unanswered steps that cannot explain anything any more: their holder is not spoken of again, and has
    /// the address in no past.
    fn forget(
        &self,
        now: Point,
        last_mention: &BTreeMap<Who, Point>,
        under_way: &mut Vec<usize>,
        pasts: &mut BTreeSet<Past>,
    ) {
        let over = |index: &usize| {
            self.steps.get(*index).filter(|step| step.returned.is_none()).is_some_and(|step| {
                let who = step.effect.who();
                who.and_then(|who| last_mention.get(&who)).is_some_and(|last| *last <= now)
                    && pasts.iter().all(|past| past.held != who)
            })
        };
        let gone: Vec<usize> = under_way.iter().copied().filter(over).collect();
        if gone.is_empty() {
            return;
        }
        under_way.retain(|index| !gone.contains(index));
        *pasts = std::mem::take(pasts)
            .into_iter()
            .map(|past| gone.iter().fold(past, |past, index| past.without(*index)))
            .collect();
    }
}
