//! Goes on with a task after a reply, and takes in how it ends.

use std::sync::Arc;

use spiderpool_core::{
    name::OwnerUid,
    protocol::{AddFailure, Added, Admitted, Deleted, How, Refusal, Reply, Role, Settle},
    store::Key,
};

use super::{
    DEADLINE, World,
    actor::Current,
    runner::Runner,
    things::{Ask, container},
};

impl World {
    /// Feeds `reply` to the actor's machine.
    pub(super) fn resume(&mut self, at: usize, reply: Reply) {
        let (bits, now) = (self.bits, self.now);
        let mut actor = self.actors[at].clone();
        let own = Arc::make_mut(&mut actor);
        let Some(current) = own.current.take() else { return };
        let mut memory = std::mem::take(&mut own.memory);
        let mut ended = None;
        let next = match current {
            Current::Add(mut runner, ask) => match runner.go(reply, now, &mut memory) {
                None => Some(Current::Add(runner, ask)),
                Some(added) => {
                    ended = Some((ask, added));
                    None
                }
            },
            Current::Del(mut runner, keys, uid) => match runner.go(reply, now, &mut memory) {
                None => Some(Current::Del(runner, keys, uid)),
                Some(deleted) => {
                    if deleted.iter().any(|d| matches!(d, Deleted::Open(_) | Deleted::Failed)) {
                        // The kubelet sends it again.
                        own.tasks.extend(own.last.clone());
                    }
                    None
                }
            },
            Current::Free(mut runner) => {
                runner.go(reply, now, &mut memory).is_none().then_some(Current::Free(runner))
            }
            Current::ReadingObject(key, document) => self.judge(at, &key, &document, reply),
            Current::Admit(mut runner, key, base, document, subject) => {
                match runner.go(reply, now, &mut memory) {
                    None => Some(Current::Admit(runner, key, base, document, subject)),
                    Some(Admitted::Yes(holders)) => {
                        // Over held addresses it is admitted too, with a warning.
                        if holders.is_empty() && matches!(key, Key::Reservation(_)) {
                            self.clean.insert(key.clone());
                        } else {
                            self.clean.remove(&key);
                        }
                        Some(Current::Persist(key, base, document, subject))
                    }
                    Some(Admitted::Refused(_)) => {
                        own.answers.push(format!("{key}: refused"));
                        None
                    }
                    Some(_) => {
                        own.answers.push(format!("{key}: again"));
                        None
                    }
                }
            }
            Current::Persist(key, _, _, subject) => {
                let persisted = matches!(reply, Reply::Written(_) | Reply::Deleted);
                own.answers.push(format!("{key}: {}", if persisted { "persisted" } else { "beaten" }));
                let nonce = (at * 100 + own.tasks.len()) as u64 + 50;
                let mut runner = Runner::new(Settle::new(subject, Role::Agent, nonce, DEADLINE), bits);
                let done = runner.go(Reply::Start, now, &mut memory).is_some();
                (!done).then(|| Current::Settle(Box::new(runner), now))
            }
            Current::Settle(mut runner, late) => {
                let now = now.max(late);
                runner.go(reply, now, &mut memory).is_none().then_some(Current::Settle(runner, late))
            }
            Current::Unbind(mut runner) => match runner.go(reply, now, &mut memory) {
                None => Some(Current::Unbind(runner)),
                Some(unbound) => {
                    own.answers.push(format!("unbind: {unbound:?}"));
                    None
                }
            },
        };
        own.memory = memory;
        own.current = next;
        self.actors[at] = actor;
        if let Some((ask, added)) = ended {
            self.added(at, &ask, added);
        }
    }

    fn added(&mut self, at: usize, ask: &Ask, added: Added) {
        let mut actor = self.actors[at].clone();
        let own = Arc::make_mut(&mut actor);
        let spilled = |part: usize, uid: &spiderpool_core::name::Uid| {
            let candidates = ask.parts[part].1.iter().map(|pool| &pool.uid);
            candidates.take_while(|candidate| *candidate != uid).find(|uid| !own.full.contains(*uid)).cloned()
        };
        let mut wrong = None;
        let answer = match added.result {
            Ok(granted) => {
                let addresses: Vec<_> = granted.iter().map(|granted| granted.address).collect();
                for (part, granted) in granted.iter().enumerate() {
                    if granted.how == How::New
                        && let Some(pool) = spilled(part, &granted.record.pool)
                    {
                        wrong = Some(format!("pool {pool} was passed over, and never was full (rule 11)"));
                    }
                }
                self.answered.extend(&addresses);
                let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                if !self.ended.contains(&container(&ask.container)) {
                    let owner = OwnerUid::new(&ask.uid).unwrap();
                    self.running.insert(container(&ask.container), (owner, addresses));
                }
                texts.join(" ")
            }
            Err(failure) => {
                // Nothing of it stays but what it found, and what nobody can know yet.
                let left = self.records().into_iter().find(|(address, record)| {
                    let kept =
                        added.kept.iter().any(|(_, kept)| kept.address == *address && kept.how != How::New);
                    let key = record.key(address.family());
                    let open = own.known.contains(&key) || own.memory.of(&key).1.is_some();
                    record.attachment.matches(&container(&ask.container))
                        && !(kept || open || self.answered.contains(address))
                });
                if let Some((address, _)) = left {
                    wrong = Some(format!("a request that failed was left {address} (I9)"));
                }
                match failure {
                    AddFailure::Refused(part, refusals) => {
                        for (pool, refusal) in ask.parts[part].1.iter().zip(&refusals) {
                            let proven = matches!(refusal, Refusal::Exhausted | Refusal::Cooling(_));
                            if proven && !own.full.contains(&pool.uid) {
                                wrong = Some(format!("{}: {refusal}, but at no instant (I10)", pool.name));
                            }
                        }
                        "exhausted".to_owned()
                    }
                    AddFailure::Replaced => "replaced".to_owned(),
                    AddFailure::Failed(message) => format!("failed: {message}"),
                    AddFailure::Wait(..) => "busy".to_owned(),
                }
            }
        };
        own.answers.push(format!("{}: {answer}", ask.container));
        self.actors[at] = actor;
        self.violation = self.violation.take().or(wrong);
    }
}
