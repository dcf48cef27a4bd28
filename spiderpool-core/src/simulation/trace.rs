//! A write, in words, for people who look at a failure.

use std::fmt::Write as _;

use crate::{
    model::{Block, Plan},
    store::{Document, Key},
};

/// What changed under `key`.
pub(super) fn describe(key: &Key, old: Option<&Document>, new: Option<&Document>) -> String {
    let what = match (old, new) {
        (_, None) => "deleted".to_owned(),
        (Some(Document::Block(old)), Some(Document::Block(new))) => block(Some(old), new),
        (_, Some(Document::Block(new))) => block(None, new),
        (_, Some(Document::Plan(new))) => plan(new),
        (_, Some(Document::Pool(pool))) => {
            let gone = pool.metadata.deletion_timestamp.is_some();
            format!("{:?}{}", pool.spec.ips, if gone { ", terminating" } else { "" })
        }
        (_, Some(Document::Reservation(reservation))) => format!("{:?}", reservation.spec.ips),
        (_, Some(Document::Endpoint(endpoint))) => {
            let claims = endpoint.status.claims.iter();
            let claims: Vec<String> =
                claims.map(|claim| format!("{} {:?}", claim.address, claim.state)).collect();
            format!("claims [{}]", claims.join(", "))
        }
        (_, Some(_)) => "written".to_owned(),
    };
    format!("{key}: {what}")
}

fn block(old: Option<&Block>, new: &Block) -> String {
    let mut text = String::new();
    for offset in 0..new.bits().size() {
        let (was, is) = (old.and_then(|old| old.record(offset)), new.record(offset));
        if was == is {
            continue;
        }
        let name = |record: Option<&std::sync::Arc<crate::model::Record>>| {
            record
                .map_or("nobody".to_owned(), |record| format!("{} ({})", record.owner.uid, record.attachment))
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{}: {} -> {}; ", new.address(offset), name(was), name(is));
    }
    if old.is_none_or(|old| old.copies() != new.copies()) {
        let copies = new.copies().iter().map(|copy| format!("{}={:b}", copy.plan, copy.usable));
        let _ = write!(text, "copies {}", copies.collect::<Vec<_>>().join(" "));
    }
    if text.is_empty() { "bumped".to_owned() } else { text }
}

fn plan(plan: &Plan) -> String {
    let pending: Vec<String> =
        plan.pending.iter().map(|entry| format!("{} -{}", entry.object, entry.removed)).collect();
    format!("usable {}, pending [{}]", plan.usable, pending.join(", "))
}
