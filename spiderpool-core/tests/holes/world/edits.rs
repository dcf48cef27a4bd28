//! Edits: read, judged, persisted by the token of the read.

use std::sync::Arc;

use spiderpool_core::{
    addr::IpSet,
    model::PlanId,
    name::{ObjectName, Uid},
    protocol::{Admit, Admitted, Edit, Guard, Reply, Run, Subject, pool_usable, reserved},
    store::{Document, Key},
};

use super::{DEADLINE, World, actor::Current, begin::EDITED, memory::Memory, runner::Runner, things::scope};

/// An edit as the object read makes it.
struct Judged {
    old: IpSet,
    new: IpSet,
    subject: Subject,
    guard: Guard,
    /// None: a deletion.
    target: Option<Document>,
}

fn judged(next: &Document, found: Option<&Document>) -> Option<Judged> {
    match (next, found) {
        (Document::Pool(next), Some(Document::Pool(old))) => {
            let plan = PlanId::Pool(Uid::new(old.metadata.uid.as_deref()?).ok()?);
            let name = ObjectName::new(&old.metadata.name).ok()?;
            let subject = Subject { plan, pool: Some(name), family: EDITED };
            let old_set = pool_usable(old, EDITED);
            if next.metadata.name.is_empty() {
                let new = IpSet::new(EDITED);
                return Some(Judged { old: old_set, new, subject, guard: Guard::Refuse, target: None });
            }
            // A pool of the same name that is another one is not edited.
            (next.metadata.uid == old.metadata.uid).then(|| Judged {
                old: old_set,
                new: pool_usable(next, EDITED),
                subject,
                guard: Guard::Refuse,
                target: Some(next.clone().into()),
            })
        }
        (Document::Reservation(next), found) => {
            let before = found.and_then(Document::as_reservation);
            let old = before
                .map_or_else(|| IpSet::everything(EDITED), |before| reserved(before, EDITED).complement());
            Some(Judged {
                old,
                new: reserved(next, EDITED).complement(),
                subject: Subject::reservations(&scope(), EDITED),
                guard: Guard::Warn,
                target: Some(next.clone().into()),
            })
        }
        _ => None,
    }
}

impl World {
    pub(super) fn judge(&mut self, at: usize, key: &Key, next: &Document, reply: Reply) -> Option<Current> {
        let Reply::Got(found) = reply else { return None };
        let judged = judged(next, found.as_ref().map(|found| &found.document))?;
        let base = found.map(|found| found.token);
        let creates = match next {
            Document::Reservation(next) if base.is_none() => next.metadata.uid.clone(),
            _ => None,
        };
        let number = at * 100 + self.actors[at].tasks.len();
        let edit = Edit {
            id: format!("edit-{number}"),
            subject: judged.subject.clone(),
            scope: scope(),
            object: key.clone(),
            base: base.clone(),
            creates,
            old: Arc::new(judged.old),
            new: Arc::new(judged.new),
            guard: judged.guard,
            run: Run::Real,
        };
        let mut runner = Runner::new(Admit::new(edit, self.bits, number as u64, DEADLINE), self.bits);
        let (target, subject) = (judged.target, judged.subject);
        match runner.go(Reply::Start, self.now, &mut Memory::default()) {
            None => Some(Current::Admit(Box::new(runner), key.clone(), base, target, subject)),
            Some(Admitted::Yes(_)) => Some(Current::Persist(key.clone(), base, target, subject)),
            Some(_) => None,
        }
    }
}
