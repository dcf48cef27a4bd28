//! The first step of a task.

use std::sync::Arc;

use spiderpool_core::{
    addr::Family,
    api::{Resource, SpiderIPPool},
    model::{Binding, GrantKey, Slot},
    name::{InterfaceName, ObjectName, OwnerUid},
    protocol::{Add, Del, Fence, PartWanted, ReleaseMode, Releasing, Reply, Settle, Subject, Unbind, Wanted},
    store::{Key, ResourceName},
    time::Timestamp,
};

use super::{
    DEADLINE, World,
    actor::{Current, Task},
    runner::Runner,
    things::{Ask, container, pod_name, pool_ref, scope},
};

/// The StatefulSet `name`.
pub(crate) fn stateful_set(name: &ObjectName) -> ResourceName {
    let name_of = |text| ObjectName::new(text).unwrap();
    ResourceName {
        kind: name_of("StatefulSet"),
        group: Some(name_of("apps")),
        namespace: Some("default".parse().unwrap()),
        name: name.clone(),
    }
}

impl World {
    pub(super) fn begin(&mut self, at: usize) {
        let actor = Arc::make_mut(&mut self.actors[at]);
        let Some(task) = actor.tasks.pop() else { return };
        actor.last = Some(task.clone());
        let Some(current) = self.first(at, &task) else { return };
        let waits = matches!(current, Current::ReadingObject(..) | Current::Persist(..));
        Arc::make_mut(&mut self.actors[at]).current = Some(current);
        if !waits {
            self.resume(at, Reply::Start);
        }
    }

    /// What the task does, unless it is done at once.
    fn first(&mut self, at: usize, task: &Task) -> Option<Current> {
        let (bits, setting) = (self.bits, self.setting());
        let nonce = (at * 100 + self.actors[at].tasks.len()) as u64;
        match task {
            Task::Add(ask) => self.first_of_add(at, ask),
            Task::Del { uid, container: name } => {
                let container = container(name);
                self.gone.insert(container.clone());
                self.running.remove(&container);
                self.ended.insert(container.clone());
                // Whatever it has is taken for used, answered or not: its DEL frees with cool-down.
                for (address, record) in self.records() {
                    if record.attachment.matches(&container) {
                        self.answered.insert(address);
                    }
                }
                let memory = &self.actors[at].memory;
                let keys = memory.keys_of(uid);
                let releasing = keys.iter().map(|key| {
                    let (known, attempt) = memory.of(key);
                    Releasing { key: key.clone(), known, attempt }
                });
                let (fence, mode) = (Fence::Container(container), ReleaseMode::Del);
                let del = Del::new(releasing.collect(), None, fence, mode, scope(), setting, DEADLINE);
                Some(Current::Del(Box::new(Runner::new(del, bits)), keys, uid.clone()))
            }
            Task::Free(ask) => {
                let records = self.records();
                let known = |key: &GrantKey| {
                    records.iter().find(|(address, record)| record.key(address.family()) == *key)
                };
                let keys = (0..ask.parts.len()).map(|part| ask.key(part));
                let releasing = keys.filter_map(|key| {
                    let (address, _) = known(&key)?;
                    Some(Releasing { key, known: Some(*address), attempt: None })
                });
                let (fence, mode) = (Fence::Container(container(&ask.container)), ReleaseMode::Free);
                let del = Del::new(releasing.collect(), None, fence, mode, scope(), setting, DEADLINE);
                // An administrator frees what does not run any more.
                self.running.remove(&container(&ask.container));
                Some(Current::Free(Box::new(Runner::new(del, bits))))
            }
            Task::Edit(pool) => {
                let key = Key::Pool(ObjectName::new(&pool.metadata.name).unwrap());
                Some(Current::ReadingObject(key, pool.as_ref().clone().into()))
            }
            Task::Reserve(reservation) => {
                let key = Key::Reservation(ObjectName::new(&reservation.metadata.name).unwrap());
                Some(Current::ReadingObject(key, reservation.as_ref().clone().into()))
            }
            Task::Delete(name) => {
                Some(Current::ReadingObject(Key::Pool(name.clone()), SpiderIPPool::default().into()))
            }
            Task::Create(pool) => {
                let key = Key::Pool(ObjectName::new(&pool.metadata.name).unwrap());
                let subject = Subject::pool(&pool_ref(pool));
                Some(Current::Persist(key, None, Some(pool.as_ref().clone().into()), subject))
            }
            Task::Settle(subject, role) => {
                let settle = Settle::new(subject.clone(), *role, nonce, DEADLINE);
                let late = Timestamp::from_millis(3_600_000);
                Some(Current::Settle(Box::new(Runner::new(settle, bits)), late))
            }
            Task::Unbind(endpoint, family, holder) => {
                let slot = Slot::Named(InterfaceName::new("eth0").unwrap());
                let unbind =
                    Unbind::new(endpoint.clone(), slot, *family, holder.clone(), scope(), setting, DEADLINE);
                Some(Current::Unbind(Box::new(Runner::new(unbind, bits))))
            }
            done_at_once => {
                self.at_once(done_at_once);
                None
            }
        }
    }

    fn at_once(&mut self, task: &Task) {
        match task {
            Task::DropEmptyBlock(n) => {
                let key = Key::Block(self.block_id(*n));
                let empty = |found: &spiderpool_core::store::Versioned| {
                    found.document.as_block().is_some_and(|block| block.held() == 0)
                };
                if self.store.get(&key).as_ref().is_some_and(empty) {
                    self.store.remove(&key);
                }
            }
            Task::SetPod(name, Some(uid)) => drop(self.pods.insert(name.clone(), uid.clone())),
            Task::SetPod(name, None) => drop(self.pods.remove(name)),
            Task::Scale(name, replicas) => {
                let mut set = Resource { api_version: "apps/v1".into(), ..Resource::default() };
                set.kind = "StatefulSet".into();
                set.metadata.name = name.to_string();
                set.metadata.uid = Some(format!("{name}-1"));
                set.rest.insert("spec".into(), serde_json::json!({ "replicas": replicas }));
                self.store.put(&Key::Resource(stateful_set(name)), set.into());
            }
            Task::EndSandbox(container) => {
                self.running.remove(container);
                self.ended.insert(container.clone());
            }
            Task::Pass(time) => self.now = self.now.after(*time),
            _ => unreachable!("takes more than one step"),
        }
    }

    fn first_of_add(&mut self, at: usize, ask: &Arc<Ask>) -> Option<Current> {
        let container = container(&ask.container);
        if self.gone.contains(&container) {
            Arc::make_mut(&mut self.actors[at]).answers.push(format!("{container}: gone"));
            return None;
        }
        // A pod has one sandbox: the next one is made when the last one has ended.
        let uid = OwnerUid::new(&ask.uid).unwrap();
        let ended = self.running.iter().filter(|(other, (owner, _))| *owner == uid && **other != container);
        let ended: Vec<_> = ended.map(|(other, _)| other.clone()).collect();
        ended.iter().for_each(|other| drop(self.running.remove(other)));
        let actor = Arc::make_mut(&mut self.actors[at]);
        actor.full.clear();
        let keys = (0..ask.parts.len()).map(|part| ask.key(part));
        actor.known = keys.filter(|key| actor.memory.of(key) != (None, None)).collect();
        let parts = (0..ask.parts.len()).map(|part| {
            let key = ask.key(part);
            let (known, attempt) = actor.memory.of(&key);
            let wanted = Wanted {
                key,
                record: Arc::new(ask.record(part, actor.node)),
                candidates: ask.parts[part].1.clone(),
                address: None,
                deadline: DEADLINE,
            };
            let claim = (ask.binding == Binding::Stateful).then(|| pod_name(&ask.pod));
            PartWanted { wanted: Arc::new(wanted), scope: scope(), claim, known, attempt }
        });
        let add = Add::new(parts.collect(), self.setting(), 1);
        let runner = Runner::new(add, self.bits).starting(ask.start);
        Some(Current::Add(Box::new(runner), ask.clone()))
    }
}

/// The family of everything that is edited here.
pub(super) const EDITED: Family = Family::V4;
