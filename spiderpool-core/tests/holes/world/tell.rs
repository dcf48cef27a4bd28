//! A trace in words.

use spiderpool_core::{
    model::{Attachment, Block, PlanId},
    protocol::Op,
    store::{Document, Key},
};

use super::World;

fn block(block: &Block) -> String {
    let mut parts: Vec<String> = block
        .records()
        .map(|(offset, record)| {
            let attached = match &record.attachment {
                Attachment::Container(container) => container.to_string(),
                other => format!("{other:?}"),
            };
            format!("{} {} {attached}", block.address(offset), record.owner.uid)
        })
        .collect();
    for copy in block.copies() {
        let name = match &copy.plan {
            PlanId::Pool(uid) => uid.to_string(),
            PlanId::Reservations(..) => "unreserved".to_owned(),
        };
        parts.push(format!("{name}#{}.{}={:b}", copy.epoch.birth, copy.epoch.n, copy.usable));
    }
    if parts.is_empty() { "empty".to_owned() } else { parts.join(", ") }
}

fn document(document: &Document) -> String {
    match document {
        Document::Block(found) => block(found),
        Document::Plan(plan) => {
            let pending: Vec<_> = plan.pending.iter().map(|pending| pending.edit.as_str()).collect();
            format!("#{}.{} {:?} pending {pending:?}", plan.epoch.birth, plan.epoch.n, plan.usable)
        }
        Document::Pool(pool) => format!("{:?} fence {:?}", pool.spec.ips, pool.status.fence),
        Document::Reservation(reservation) => format!("{:?}", reservation.spec.ips),
        Document::Endpoint(endpoint) => {
            let claims = endpoint.status.claims.iter();
            let claims: Vec<_> = claims.map(|c| format!("{} {:?}", c.address, c.state)).collect();
            format!("claims {claims:?}")
        }
        _ => String::new(),
    }
}

/// An operation in words.
pub(crate) fn operation(op: &Op) -> String {
    match op {
        Op::Create(key, new) => format!("creates {key}: {}", document(new)),
        Op::Update(key, token, new) => format!("writes {key} {token:?}: {}", document(new)),
        Op::Delete(key, token) => format!("deletes {key} {token:?}"),
        Op::Get(key) => format!("reads {key}"),
        Op::List(_) => "lists".to_owned(),
        Op::Survey(_) => "surveys".to_owned(),
        Op::GetAll(blocks) => format!("reads {} blocks", blocks.len()),
        other => format!("{other:?}"),
    }
}

impl World {
    /// One step of a trace: what changed from this state to `next`.
    pub(crate) fn tell(&self, next: &Self) -> String {
        let mut text = String::new();
        for (before, after) in self.actors.iter().zip(&next.actors) {
            if before == after {
                continue;
            }
            let did = match &before.current {
                Some(current) => current.next().map_or("goes on".to_owned(), |op| operation(&op)),
                None => format!("begins {:?}", after.last.as_deref().map(super::Task::name)),
            };
            text.push_str(&format!("  {}: {did}\n", before.node));
            for answer in after.answers.iter().skip(before.answers.len()) {
                text.push_str(&format!("      answers {answer}\n"));
            }
        }
        if text.is_empty() {
            text.push_str("  (a late write lands, or never will)\n");
        }
        if self.faults != next.faults {
            text.push_str(&format!("      left to go wrong: {:?}\n", next.faults));
        }
        for (key, now) in next.store.documents() {
            if let Key::Block(_) = key
                && self.store.get(key).as_ref().map(|found| &found.document) != Some(now)
            {
                text.push_str(&format!("      {key} is now: {}\n", document(now)));
            }
        }
        text
    }
}
