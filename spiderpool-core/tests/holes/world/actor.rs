//! Who acts in a world: agents, editors, the controller, the kubelet; each with a list of things to do.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use spiderpool_core::{
    api::{SpiderIPPool, SpiderReservedIP},
    model::GrantKey,
    name::{ContainerId, NamespacedName, ObjectName, OwnerUid, Uid},
    protocol::{Add, Admit, BindingHolder, Del, Op, Role, Settle, Subject, Unbind},
    store::{Document, Key, Token, Versioned},
    time::Timestamp,
};

use super::{memory::Memory, runner::Runner, things::Ask};

/// What an actor is told to do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Task {
    Add(Arc<Ask>),
    Del {
        uid: String,
        container: String,
    },
    /// An administrator takes away what this owner has.
    Free(Ask),
    /// Replaces a pool by another version of itself: judged, then persisted or not, then settled.
    Edit(Box<SpiderIPPool>),
    /// Creates or replaces a reservation.
    Reserve(Box<SpiderReservedIP>),
    /// Deletes a pool that nobody holds an address of.
    Delete(ObjectName),
    /// Creates a pool, without any admission.
    Create(Box<SpiderIPPool>),
    /// Settles, an hour after everything else.
    Settle(Subject, Role),
    /// Deletes a block without records.
    DropEmptyBlock(u8),
    /// Judges the binding of eth0 and this family.
    Unbind(NamespacedName, spiderpool_core::addr::Family, Option<BindingHolder>),
    /// The pod of this name is gone, or is this one by now. Its containers run on.
    SetPod(NamespacedName, Option<OwnerUid>),
    /// A StatefulSet of this name wants so many.
    Scale(ObjectName, u32),
    /// The sandbox of a container goes; its DEL may still come.
    EndSandbox(ContainerId),
    /// The clock moves on.
    Pass(Duration),
}

/// What it is at.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Current {
    Add(Box<Runner<Add>>, Arc<Ask>),
    Del(Box<Runner<Del>>, Vec<GrantKey>, String),
    Free(Box<Runner<Del>>),
    ReadingObject(Key, Document),
    Admit(Box<Runner<Admit>>, Key, Option<Token>, Option<Document>, Subject),
    Persist(Key, Option<Token>, Option<Document>, Subject),
    Settle(Box<Runner<Settle>>, Timestamp),
    Unbind(Box<Runner<Unbind>>),
}

impl Current {
    /// The operation that comes next.
    pub(super) fn next(&self) -> Option<Op> {
        match self {
            Self::Add(runner, _) => runner.next().cloned(),
            Self::Del(runner, ..) | Self::Free(runner) => runner.next().cloned(),
            Self::Admit(runner, ..) => runner.next().cloned(),
            Self::Settle(runner, _) => runner.next().cloned(),
            Self::Unbind(runner) => runner.next().cloned(),
            Self::ReadingObject(key, _) => Some(Op::Get(key.clone())),
            Self::Persist(key, token, document, _) => Some(match (token, document) {
                (None, Some(document)) => Op::Create(key.clone(), document.clone()),
                (Some(token), Some(document)) => Op::Update(key.clone(), token.clone(), document.clone()),
                (Some(token), None) => Op::Delete(key.clone(), token.clone()),
                (None, None) => Op::Get(key.clone()),
            }),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Actor {
    pub(super) node: &'static str,
    /// The next one stands last.
    pub(super) tasks: Vec<Arc<Task>>,
    /// The one begun last.
    pub(super) last: Option<Arc<Task>>,
    pub(super) current: Option<Current>,
    pub(super) memory: Memory,
    /// What a listing under way has seen so far.
    pub(super) listed: Vec<Versioned>,
    /// The keys of the ADD under way of which something was known before.
    pub(super) known: Vec<GrantKey>,
    /// The pools of the ADD under way that had nothing free at some instant of it.
    pub(super) full: BTreeSet<Uid>,
    pub(crate) answers: Vec<String>,
}

impl From<Ask> for Task {
    fn from(ask: Ask) -> Self {
        Self::Add(Arc::new(ask))
    }
}

impl Actor {
    pub(super) fn new(node: &'static str, tasks: Vec<Task>) -> Self {
        let tasks = tasks.into_iter().rev().map(Arc::new).collect();
        Self {
            node,
            tasks,
            last: None,
            current: None,
            memory: Memory::default(),
            listed: Vec::new(),
            known: Vec::new(),
            full: BTreeSet::new(),
            answers: Vec::new(),
        }
    }

    pub(super) fn idle(&self) -> bool {
        self.current.is_none() && self.tasks.is_empty()
    }

    /// Whether it is giving addresses back.
    pub(super) fn releases(&self) -> bool {
        matches!(self.current, Some(Current::Del(..) | Current::Free(_) | Current::Unbind(_)))
    }

    /// What this actor last answered for `container`.
    pub(crate) fn answer(&self, container: &str) -> Option<&str> {
        let prefix = format!("{container}: ");
        self.answers.iter().rev().find_map(|answer| answer.strip_prefix(&prefix))
    }
}

impl Task {
    /// In a word, for a trace.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Add(ask) => format!("ADD {}", ask.container),
            Self::Del { container, .. } => format!("DEL {container}"),
            Self::Edit(pool) => format!("edit {} {:?}", pool.metadata.name, pool.spec.ips),
            Self::Reserve(reservation) => format!("reserve {:?}", reservation.spec.ips),
            other => format!("{other:?}"),
        }
    }
}
