//! One pass over a store: the blocks first, then the sources, then the fenced machines.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;

use super::{
    Case, ClaimSeen, ControllerSeen, How, JudgedLiveness, KeepWhy, NodeSeen, PodSeen, SandboxSeen, Source,
    Sources, Subject, SweepPolicy, Switch, Twin, Verdict, WaitWhy,
    blocks::readable,
    endpoints::{EndpointSeen, listed},
    judge, judge_twins,
};
use crate::{
    addr::{Address, Family},
    admin::{Mode, holder},
    alloc::Allocator,
    api::{Claim, SpiderEndpoint, keys},
    endpoint::shown_addresses,
    model::{Attachment, Binding, Block, Record, Slot},
    name::{ContainerId, NamespacedName, NodeName, ObjectName, OwnerUid, Uid},
    protocol::{
        BindingHolder, Del, Deleted, Fence, Kept, ReleaseMode, Releasing, Setting, Snapshots, UNBIND_BUDGET,
        Unbound,
    },
    store::{Key, ResourceName, StoreError, StoreExt},
    time::Timestamp,
};

/// What was done about a verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "done", content = "because", rename_all = "camelCase")]
pub enum Done {
    /// Nothing: the address stays.
    Nothing,
    /// A dry run: it would be freed.
    WouldFree,
    /// It is free.
    Freed,
    /// Somebody changed it since it was judged: nothing was done, the next pass judges anew.
    Changed,
    /// The machine that frees it found a reason to keep it.
    Kept(String),
    /// The store failed; the next pass goes on.
    Later(String),
}

/// One verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The address.
    pub address: Address,
    /// The owner's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<NamespacedName>,
    /// The incarnation that holds it; none for a claim without a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerUid>,
    /// For which interface.
    pub interface: Slot,
    /// On which node; none for a claim without a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was done about it.
    #[serde(flatten)]
    pub done: Done,
    /// The record as it was judged; none for a claim without a record.
    #[serde(skip)]
    pub record: Option<Arc<Record>>,
}

impl Judged {
    /// Why, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        self.verdict.reason()
    }
}

/// What a pass came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// A verdict for each held address and each claim without a record, ascending by address.
    pub judged: Vec<Judged>,
    /// Views that showed what nobody holds and are gone; only where the policy says so.
    pub cleared: Vec<NamespacedName>,
    /// Whether every block could be read.
    pub complete: bool,
}

impl Swept {
    /// What was freed, or would be.
    pub fn freed(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| matches!(judged.done, Done::Freed | Done::WouldFree))
    }
}

impl Allocator {
    /// Judges every held address and every stateful claim of the scope, and frees what both sources say nobody uses
    /// (rules 9d and 15); of several addresses of one owner for one interface, those it does not use (rule 7). A dry run
    /// writes nothing and gives the same verdicts.
    ///
    /// Any number of passes may run at once, anywhere: each release names the record as it was judged. Cost: a listing of
    /// endpoints and of blocks; each pod, controller, node and suspicious container is asked about once; a write per
    /// address that is freed, and its endpoint's. Cancellation: what was freed stays free.
    ///
    /// # Errors
    /// The listings failed. What fails for one address is told with that address, and the others go on.
    pub async fn sweep(
        &self,
        sources: &Arc<dyn Sources>,
        policy: &SweepPolicy,
        mode: Mode,
    ) -> Result<Swept, StoreError> {
        let endpoints = match sources.endpoints().await {
            Some(found) => found,
            None => listed(self).await,
        };
        let endpoints = match endpoints {
            // Claims without records wait; a record's claim is read on its own.
            Err(StoreError::Damaged { .. }) => Vec::new(),
            endpoints => endpoints?,
        };
        let (blocks, complete) = readable(self, sources.blocks_at_hand()).await?;
        let records = records_of(&blocks);
        let mut pass = Pass::new(self, sources, policy, mode, complete);
        pass.records(&records).await;
        pass.twins(&records).await;
        if complete {
            pass.claims(&endpoints, &records).await;
            pass.views(&endpoints, &records).await;
        }
        Ok(pass.end())
    }

    /// The same for what owners of this process' node hold, as far as it knows, and for nothing else: no other node's
    /// addresses, no claims without records, no views. What a node does about its own while another process sweeps
    /// everything: nobody else knows its sandboxes.
    ///
    /// Cost: no listing; a read per block in which the node holds something, else as [`Allocator::sweep`]. Cancellation
    /// likewise.
    ///
    /// # Errors
    /// A block cannot be read now.
    pub async fn sweep_own(
        &self,
        sources: &Arc<dyn Sources>,
        policy: &SweepPolicy,
        mode: Mode,
    ) -> Result<Swept, StoreError> {
        let (blocks, complete) = self.own_blocks().await?;
        let mut records = records_of(&blocks);
        records.retain(|(_, record)| self.is_local(&record.node));
        let mut pass = Pass::new(self, sources, policy, mode, complete);
        pass.records(&records).await;
        pass.twins(&records).await;
        Ok(pass.end())
    }
}

impl Allocator {
    /// The same for these addresses and for nothing else: what concerns a pod or a node of which there is news.
    ///
    /// Cost: no listing; a read for each block that has some of them, else as [`Allocator::sweep`]. Cancellation likewise.
    ///
    /// # Errors
    /// A block cannot be read now.
    pub async fn sweep_these(
        &self,
        sources: &Arc<dyn Sources>,
        policy: &SweepPolicy,
        mode: Mode,
        addresses: &BTreeSet<Address>,
    ) -> Result<Swept, StoreError> {
        let (blocks, complete) = self.blocks_of(addresses).await?;
        let mut records = records_of(&blocks);
        records.retain(|(address, _)| addresses.contains(address));
        let mut pass = Pass::new(self, sources, policy, mode, complete);
        pass.records(&records).await;
        Ok(pass.end())
    }
}

/// What `blocks` hold, ascending by address.
fn records_of(blocks: &[Arc<Block>]) -> Vec<(Address, Arc<Record>)> {
    let mut records = Vec::new();
    for block in blocks {
        records.extend(block.records().map(|(offset, record)| (block.address(offset), record.clone())));
    }
    records.sort_by_key(|(address, _)| *address);
    records
}

/// What a record answers for, in the order of [`GrantKey`](crate::model::GrantKey).
fn key((address, record): &(Address, Arc<Record>)) -> (&OwnerUid, &Slot, Family) {
    (&record.owner.uid, &record.slot, address.family())
}

/// What the sources said in this pass, all of it after the blocks were read.
#[derive(Debug, Default)]
struct Asked {
    endpoints: BTreeMap<NamespacedName, Result<Option<Arc<SpiderEndpoint>>, ()>>,
    pods: BTreeMap<NamespacedName, PodSeen>,
    controllers: BTreeMap<ResourceName, ControllerSeen>,
    sandboxes: BTreeMap<(NodeName, ContainerId), SandboxSeen>,
    nodes: BTreeMap<NodeName, NodeSeen>,
}

struct Pass<'a> {
    allocator: &'a Allocator,
    /// The allocator that frees bindings and duplicates: it asks the sweep's sources.
    judge: Allocator,
    sources: &'a Arc<dyn Sources>,
    policy: &'a SweepPolicy,
    mode: Mode,
    asked: Asked,
    swept: Swept,
}

/// Stops a case that goes round in circles: no source is asked for twice.
const MOST_QUESTIONS: usize = 6;

impl<'a> Pass<'a> {
    fn new(
        allocator: &'a Allocator,
        sources: &'a Arc<dyn Sources>,
        policy: &'a SweepPolicy,
        mode: Mode,
        complete: bool,
    ) -> Self {
        let liveness = JudgedLiveness::new(sources.clone(), policy.clone());
        let judge = allocator.with_liveness(Arc::new(liveness));
        let swept = Swept { complete, ..Swept::default() };
        Self { allocator, judge, sources, policy, mode, asked: Asked::default(), swept }
    }

    fn end(mut self) -> Swept {
        self.swept.judged.sort_by_key(|judged| judged.address);
        self.swept
    }

    async fn records(&mut self, records: &[(Address, Arc<Record>)]) {
        for (address, record) in records {
            let pod = record.owner.pod.as_ref();
            let resource = match (pod, &record.controller) {
                (Some(pod), Some(controller)) => holder(controller, pod),
                _ => None,
            };
            let mut case = Case::new(Subject::Record(record));
            let verdict =
                self.decide(&mut case, *address, resource.as_ref().map(|holder| &holder.controller)).await;
            if let (Mode::Real, Binding::Stateful, Some(pod)) = (self.mode, record.binding, pod) {
                self.note_wants(pod, &verdict, case.unwanted_since).await;
            }
            let done = match (&verdict, self.mode) {
                (Verdict::Free { .. }, Mode::DryRun) => Done::WouldFree,
                (Verdict::Free { how: How::Release, .. }, Mode::Real) => {
                    // What this process knows of a stateful key is the address that its claim names, not this one.
                    let stateless = record.binding == Binding::Stateless;
                    let by = if stateless { self.allocator } else { &self.judge };
                    release(by, *address, record).await
                }
                (Verdict::Free { how: How::Unbind, .. }, Mode::Real) => match pod {
                    Some(pod) => self.unbind(pod, &record.slot, *address, resource).await,
                    None => Done::Nothing,
                },
                _ => Done::Nothing,
            };
            self.note(*address, Some(record), pod, &record.slot, verdict, done).await;
        }
    }

    /// Writes down at the owner's endpoint since when its application does not want it, or that it does again. Derived, and
    /// counted from the first pass that saw it: what fails here, the next pass does.
    async fn note_wants(&self, pod: &NamespacedName, verdict: &Verdict, since: Option<Timestamp>) {
        let wanted = matches!(verdict, Verdict::Keep { why: KeepWhy::Wanted | KeepWhy::NameInUse });
        let kept = matches!(verdict, Verdict::Wait { why: WaitWhy::Kept, .. });
        let text = match since {
            None if kept => Some(self.allocator.env().clock.now().to_string()),
            Some(_) if wanted => None,
            _ => return,
        };
        let Ok(Some((endpoint, token))) = self.allocator.store().endpoint(pod).await else { return };
        if unwanted_since(&endpoint) != since {
            return;
        }
        let mut next = endpoint.as_ref().clone();
        match text {
            Some(text) => next.metadata.annotations.insert(keys::UNWANTED_SINCE.into(), text),
            None => next.metadata.annotations.remove(keys::UNWANTED_SINCE),
        };
        let _ = self.allocator.store().update(&Key::Endpoint(pod.clone()), &token, next.into()).await;
    }

    /// Asks until there is a verdict.
    async fn decide(
        &mut self,
        case: &mut Case<'_>,
        address: Address,
        controller: Option<&ResourceName>,
    ) -> Verdict {
        let now = self.allocator.env().clock.now();
        let mut verdict = judge(case, now, self.policy);
        for _ in 0..MOST_QUESTIONS {
            let Verdict::Ask { next } = verdict else { break };
            let (record, pod) = match case.subject {
                Subject::Record(record) => (Some(record), record.owner.pod.as_ref()),
                Subject::Claim { pod, .. } => (None, Some(pod)),
            };
            match (next, pod, record) {
                (Source::Claim, Some(pod), Some(record)) => {
                    let endpoint = self.endpoint(pod).await;
                    case.claim = claim_seen(endpoint.as_ref().map(Option::as_deref), &record.slot, address);
                    case.unwanted_since =
                        endpoint.ok().flatten().and_then(|endpoint| unwanted_since(&endpoint));
                }
                (Source::Pod, Some(pod), _) => {
                    if let Some(kept) = self.kept_at_hand(case, pod, now) {
                        return kept;
                    }
                    case.pod = self.pod(pod).await;
                }
                (Source::Controller, ..) => {
                    case.controller = match controller {
                        Some(name) => self.controller(name).await,
                        None => ControllerSeen::Unknown,
                    };
                }
                (Source::Sandbox, _, Some(record)) => case.sandbox = self.sandbox(record).await,
                (Source::Node, _, Some(record)) => case.node = self.node(&record.node).await,
                _ => break,
            }
            verdict = judge(case, now, self.policy);
        }
        verdict
    }

    /// The verdict by what is at hand of the pod, if by that the address stays: most do, and nobody need be asked.
    fn kept_at_hand(&self, case: &Case<'_>, pod: &NamespacedName, now: Timestamp) -> Option<Verdict> {
        let facts = self.sources.pod_at_hand(pod)?;
        let verdict = judge(&Case { pod: PodSeen::Present(facts), ..case.clone() }, now, self.policy);
        matches!(verdict, Verdict::Keep { .. }).then_some(verdict)
    }

    async fn endpoint(&mut self, name: &NamespacedName) -> Result<Option<Arc<SpiderEndpoint>>, ()> {
        if let Some(known) = self.asked.endpoints.get(name) {
            return known.clone();
        }
        let found = self.allocator.store().endpoint(name).await;
        let found = found.map(|found| found.map(|(endpoint, _)| endpoint)).map_err(drop);
        self.asked.endpoints.insert(name.clone(), found.clone());
        found
    }

    async fn pod(&mut self, name: &NamespacedName) -> PodSeen {
        if let Some(known) = self.asked.pods.get(name) {
            return known.clone();
        }
        let seen = self.sources.pod(name).await;
        self.asked.pods.insert(name.clone(), seen.clone());
        seen
    }

    async fn controller(&mut self, name: &ResourceName) -> ControllerSeen {
        if let Some(known) = self.asked.controllers.get(name) {
            return known.clone();
        }
        let seen = self.sources.controller(name).await;
        self.asked.controllers.insert(name.clone(), seen.clone());
        seen
    }

    /// Of the record's container; without one nobody can be asked.
    async fn sandbox(&mut self, record: &Record) -> SandboxSeen {
        let Attachment::Container(container) = &record.attachment else { return SandboxSeen::NodeSilent };
        let place = (record.node.clone(), container.clone());
        if let Some(known) = self.asked.sandboxes.get(&place) {
            return *known;
        }
        let seen = self.sources.sandbox(&place.0, &place.1).await;
        self.asked.sandboxes.insert(place, seen);
        seen
    }

    async fn node(&mut self, name: &NodeName) -> NodeSeen {
        if let Some(known) = self.asked.nodes.get(name) {
            return *known;
        }
        let seen = self.sources.node(name).await;
        self.asked.nodes.insert(name.clone(), seen);
        seen
    }

    async fn unbind(
        &self,
        pod: &NamespacedName,
        slot: &Slot,
        address: Address,
        holder: Option<BindingHolder>,
    ) -> Done {
        // Without a controller only the pod would count; the verdict has none for that.
        let Some(holder) = holder else { return Done::Nothing };
        match self.judge.unbind(pod, slot, address.family(), Some(holder)).await {
            Unbound::Released => Done::Freed,
            Unbound::Nothing => Done::Changed,
            Unbound::Kept(why) => Done::Kept(match why {
                Kept::PodExists => "a pod of that name exists by now".into(),
                Kept::Wanted => "its controller wants it by now".into(),
                Kept::Attached(node) => format!("a container is attached, on node {node}"),
            }),
            Unbound::Later(why) => Done::Later(why.to_string()),
        }
    }

    async fn note(
        &mut self,
        address: Address,
        record: Option<&Arc<Record>>,
        pod: Option<&NamespacedName>,
        interface: &Slot,
        verdict: Verdict,
        done: Done,
    ) {
        if let (Done::Freed, Some(pod), Some(record)) = (&done, pod, record) {
            // Derived: what fails here the next view, or a repair, puts right.
            let _ = self.allocator.clear_view(pod, &record.owner.uid).await;
        }
        self.swept.judged.push(Judged {
            address,
            pod: pod.cloned(),
            owner: record.map(|record| record.owner.uid.clone()),
            interface: interface.clone(),
            node: record.map(|record| record.node.clone()),
            verdict,
            done,
            record: record.cloned(),
        });
    }

    /// Owners that are alive and hold several addresses for one interface and family.
    async fn twins(&mut self, records: &[(Address, Arc<Record>)]) {
        if self.policy.enabled == Switch::Off {
            return;
        }
        let stays = |judged: &Judged| !judged.verdict.frees();
        // Judged one by one, in this order.
        let left = records.iter().zip(&self.swept.judged).filter(|(_, judged)| stays(judged));
        let mut left: Vec<&(Address, Arc<Record>)> =
            left.map(|(entry, _)| entry).filter(|(_, record)| record.binding == Binding::Stateless).collect();
        left.sort_by(|a, b| key(a).cmp(&key(b)));
        for group in left.chunk_by(|a, b| key(a) == key(b)).filter(|group| group.len() > 1) {
            let owner = &group[0].1.owner;
            let mut twins = Vec::new();
            for (address, record) in group {
                twins.push(Twin { address: *address, record, sandbox: self.sandbox(record).await });
            }
            let (mut shown, mut reported) = (BTreeSet::new(), BTreeSet::new());
            if let Some(pod) = &owner.pod {
                if let Ok(Some(endpoint)) = self.endpoint(pod).await
                    && endpoint.status.current.uid == owner.uid.as_str()
                {
                    shown = shown_addresses(&endpoint).collect();
                }
                if let PodSeen::Present(facts) = self.pod(pod).await
                    && facts.is_incarnation(&owner.uid)
                {
                    reported = facts.addresses.into_iter().collect();
                }
            }
            let verdicts = judge_twins(&twins, &shown, &reported);
            let mut kept = None;
            for ((address, record), verdict) in group.iter().zip(verdicts) {
                let done = match (verdict.frees(), self.mode) {
                    (true, Mode::DryRun) => Done::WouldFree,
                    // Not through this process's own index: the key still holds the other address.
                    (true, Mode::Real) => release(&self.judge, *address, record).await,
                    (false, _) => {
                        kept = Some((*address, record));
                        Done::Nothing
                    }
                };
                if self.mode == Mode::Real
                    && done == Done::Freed
                    && let Some(pod) = &record.owner.pod
                {
                    let _ = self.allocator.clear_view(pod, &record.owner.uid).await;
                }
                if let Some(judged) = self.swept.judged.iter_mut().find(|judged| judged.address == *address) {
                    (judged.verdict, judged.done) = (verdict, done);
                }
            }
            if let (Mode::Real, Some((address, record))) = (self.mode, kept)
                && self.allocator.is_local(&record.node)
            {
                self.allocator.is_held(address, record);
            }
        }
    }

    /// Claims that no record answers for (H21).
    async fn claims(&mut self, endpoints: &[EndpointSeen], records: &[(Address, Arc<Record>)]) {
        for endpoint in endpoints {
            let name = &endpoint.name;
            for claim in &endpoint.claims {
                let Claim { interface, address, .. } = claim;
                let at = records.binary_search_by_key(address, |(address, _)| *address);
                let own = at.is_ok_and(|at| {
                    let record = &records[at].1;
                    record.owner.pod.as_ref() == Some(name) && record.slot == *interface
                });
                if own {
                    continue;
                }
                let controller = self.controller_of(endpoint, records).await;
                let subject = Subject::Claim {
                    pod: name,
                    controller: controller.as_ref().map(|controller| &controller.controller.name),
                };
                let mut case = Case::new(subject);
                let resource = controller.as_ref().map(|holder| &holder.controller);
                let verdict = self.decide(&mut case, *address, resource).await;
                let done = match (verdict.frees(), self.mode) {
                    (true, Mode::DryRun) => Done::WouldFree,
                    (true, Mode::Real) => self.unbind(name, interface, *address, controller).await,
                    (false, _) => Done::Nothing,
                };
                self.note(*address, None, Some(name), interface, verdict, done).await;
            }
        }
    }

    /// The controller of a claim: as another record of the same name says, else as the endpoint does. The endpoint names
    /// no uid, so whichever object has the name now counts.
    async fn controller_of(
        &mut self,
        endpoint: &EndpointSeen,
        records: &[(Address, Arc<Record>)],
    ) -> Option<BindingHolder> {
        let pod = &endpoint.name;
        let of_pod = records.iter().filter(|(_, record)| record.owner.pod.as_ref() == Some(pod));
        let known = of_pod.filter_map(|(_, record)| holder(record.controller.as_ref()?, pod)).next();
        if known.is_some() {
            return known;
        }
        let controller = ResourceName {
            kind: ObjectName::new("StatefulSet").ok()?,
            group: ObjectName::new("apps").ok(),
            namespace: Some(pod.namespace.clone()),
            name: endpoint.set.clone()?,
        };
        let uid = match self.controller(&controller).await {
            ControllerSeen::Present { uid: Some(uid), .. } => uid,
            _ => Uid::new(controller.name.as_str()).ok()?,
        };
        Some(BindingHolder { controller, uid })
    }

    /// Views that show only what nobody of their incarnation holds.
    async fn views(&mut self, endpoints: &[EndpointSeen], records: &[(Address, Arc<Record>)]) {
        if self.policy.outdated_endpoints == Switch::Off || self.mode == Mode::DryRun {
            return;
        }
        let holds = |address: Address, uid: &str| {
            let at = records.binary_search_by_key(&address, |(address, _)| *address);
            at.is_ok_and(|at| records[at].1.owner.uid.as_str() == uid)
        };
        for EndpointSeen { name, uid, shown, .. } in endpoints {
            if shown.is_empty() || shown.iter().any(|address| holds(*address, uid)) {
                continue;
            }
            if let Ok(owner) = OwnerUid::new(uid)
                && self.allocator.clear_view(name, &owner).await.is_ok()
            {
                self.swept.cleared.push(name.clone());
            }
        }
    }
}

/// What the endpoint claims for `slot` and the family of `address`.
fn unwanted_since(endpoint: &SpiderEndpoint) -> Option<Timestamp> {
    let since: jiff::Timestamp = endpoint.metadata.annotations.get(keys::UNWANTED_SINCE)?.parse().ok()?;
    Some(Timestamp::from_millis(since.as_millisecond()))
}

fn claim_seen(endpoint: Result<Option<&SpiderEndpoint>, &()>, slot: &Slot, address: Address) -> ClaimSeen {
    let Ok(endpoint) = endpoint else { return ClaimSeen::Unknown };
    let claims = endpoint.map(|endpoint| endpoint.status.claims.as_slice()).unwrap_or_default();
    match claims.iter().find(|claim| claim.interface == *slot && claim.ip_version == address.family()) {
        None => ClaimSeen::None,
        Some(claim) if claim.address == address => ClaimSeen::This,
        Some(claim) => ClaimSeen::Other(claim.address),
    }
}

/// Frees `address` if its record is still the one that was judged.
async fn release(allocator: &Allocator, address: Address, record: &Arc<Record>) -> Done {
    let releasing = Releasing { key: record.key(address.family()), known: Some(address), attempt: None };
    let machine = Del::new(
        vec![releasing],
        None,
        Fence::Seen(address, record.clone()),
        ReleaseMode::Free,
        allocator.scope().clone(),
        Setting { bits: allocator.block_bits(), snapshots: Snapshots::No },
        allocator.env().clock.monotonic().after(UNBIND_BUDGET),
    );
    match allocator.run(machine).await.pop() {
        Some(Deleted::Released(_)) => Done::Freed,
        Some(Deleted::Nothing | Deleted::Detached(_)) | None => Done::Changed,
        Some(Deleted::Open(_) | Deleted::Failed) => {
            Done::Later("the store did not say whether it was freed".into())
        }
    }
}
