//! Whether "every address is held" can have been true.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Holder, Operation, Point, Violation};
use crate::addr::{Address, IpSet};

/// From when to when a holder may have had something.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Point,
    /// None: to the end.
    to: Option<Point>,
}

/// How many addresses may have been held, from a point on.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: Point,
    by: i64,
    /// None: of a holder whose address is not known.
    address: Option<Address>,
}

/// Checks every refusal among `operations` against the holders of the addresses of `pool`.
pub(super) fn check(
    operations: &[Operation],
    evidence: &BTreeMap<&Holder, BTreeSet<Address>>,
    pool: &IpSet,
) -> Result<(), Violation> {
    let levels = levels(operations, evidence, pool);
    let size = pool.len_saturating();
    for operation in operations {
        let (Action::Exhausted, Some(returned)) = (&operation.action, operation.returned) else { continue };
        // The level in force when it was called, and every one that came before its answer.
        let first = levels.partition_point(|(at, _)| *at <= operation.called).saturating_sub(1);
        let within = levels.iter().skip(first).take_while(|(at, _)| *at < returned);
        let most = within.map(|(_, level)| *level).max().unwrap_or(0);
        if most < size {
            return Err(Violation::Refusal { refusal: Box::new(operation.clone()), held: most, size });
        }
    }
    Ok(())
}

/// How many addresses of `pool` may have been held, after each point at which that changed.
fn levels(
    operations: &[Operation],
    evidence: &BTreeMap<&Holder, BTreeSet<Address>>,
    pool: &IpSet,
) -> Vec<(Point, u128)> {
    let mut changes = Vec::new();
    for (holder, span) in spans(operations) {
        let mut change = |address| {
            changes.push(Change { at: span.from, by: 1, address });
            changes.extend(span.to.map(|at| Change { at, by: -1, address }));
        };
        match evidence.get(holder) {
            Some(known) => {
                known.iter().filter(|address| pool.contains(**address)).for_each(|a| change(Some(*a)));
            }
            None => change(None),
        }
    }
    changes.sort_unstable_by_key(|change| change.at);
    let mut holders: BTreeMap<Address, i64> = BTreeMap::new();
    let (mut held, mut unknown) = (0i64, 0i64);
    let mut levels = vec![(0, 0)];
    for Change { at, by, address } in changes {
        match address {
            None => unknown += by,
            Some(address) => {
                let of = holders.entry(address).or_default();
                let before = *of > 0;
                *of += by;
                held += i64::from(*of > 0) - i64::from(before);
            }
        }
        levels.push((at, u128::try_from(held + unknown).unwrap_or(0)));
    }
    levels
}

/// When each holder may have had something: from its first grant until a release of it was answered.
fn spans(operations: &[Operation]) -> BTreeMap<&Holder, Span> {
    let mut spans: BTreeMap<&Holder, Span> = BTreeMap::new();
    for operation in operations {
        match &operation.action {
            Action::Grant { holder, .. } => {
                let fresh = Span { from: operation.called, to: None };
                let span = spans.entry(holder).or_insert(fresh);
                span.from = span.from.min(operation.called);
            }
            // Whoever saw it held says nothing of when that began.
            Action::Read { holder: Some(holder), .. } => {
                spans.entry(holder).or_insert(Span { from: 0, to: None });
            }
            _ => {}
        }
    }
    for operation in operations {
        if let (Action::Release { holder }, Some(returned)) = (&operation.action, operation.returned)
            && let Some(span) = spans.get_mut(holder)
        {
            span.to = Some(span.to.map_or(returned, |to| to.min(returned)));
        }
    }
    // A holder that was granted something after it had released is not one that this can follow: count all of it.
    for operation in operations {
        if let Action::Grant { holder, .. } = &operation.action
            && let Some(span) = spans.get_mut(holder)
            && span.to.is_some_and(|to| to < operation.called)
        {
            span.to = None;
        }
    }
    spans
}
