//! The lab's cluster: its objects in the store, its pods, and the loop that brings them together.

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use spiderpool_core::{
    admin::{AdminError, Deletion, Mode},
    alloc::Allocator,
    api::{Resource, manifest::Object},
    store::{Key, StoreError},
};

use super::{
    interrupted,
    kubelet::{Kubelet, Sandbox, StartError},
    workload::{Cluster as Seen, PodState, Step, Workload, plan, pod_name},
};
use crate::{command::admin_failure, failure::Failure};

/// How many pods are started or ended at once.
const AT_ONCE: usize = 8;
/// How long a call is repeated that fails only because the agent is away.
const PATIENCE: Duration = Duration::from_secs(60);
/// The wait between two of them.
const PAUSE: Duration = Duration::from_millis(100);

/// A pod.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    /// Its object.
    pub(crate) object: Resource,
    /// Its sandbox, once it has its addresses.
    pub(crate) sandbox: Option<Sandbox>,
    /// Why it has none.
    pub(crate) refusal: Option<String>,
}

/// The lab's cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    kubelet: Kubelet,
    allocator: Allocator,
    node: String,
    workloads: Vec<Workload>,
    replica_sets: Vec<Resource>,
    pods: BTreeMap<String, Pod>,
    started: Rc<Cell<usize>>,
}

impl Cluster {
    /// A cluster of one node without pods, whose objects `allocator`'s store holds.
    pub(crate) fn new(kubelet: Kubelet, allocator: Allocator, node: String) -> Self {
        let (workloads, replica_sets) = (Vec::new(), Vec::new());
        Self {
            kubelet,
            allocator,
            node,
            workloads,
            replica_sets,
            pods: BTreeMap::new(),
            started: Rc::default(),
        }
    }

    /// The kubelet.
    pub(crate) fn kubelet(&self) -> &Kubelet {
        &self.kubelet
    }

    /// Its allocator, for views and edits.
    pub(crate) fn allocator(&self) -> &Allocator {
        &self.allocator
    }

    /// All pods by `namespace/name`.
    pub(crate) fn pods(&self) -> &BTreeMap<String, Pod> {
        &self.pods
    }

    /// How many pods got their addresses so far, readable while others start.
    pub(crate) fn started(&self) -> Rc<Cell<usize>> {
        self.started.clone()
    }

    /// All workloads, as last told.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Resource> {
        self.workloads.iter().map(Workload::object)
    }

    /// The workload `kind` `name`.
    pub(crate) fn workload(&self, kind: &str, name: &str) -> Option<&Resource> {
        self.workloads().find(|object| object.kind == kind && object.metadata.name == name)
    }

    /// Takes in an object that was applied: a workload, a pod, a network.
    pub(crate) fn take_in(&mut self, object: &Resource) -> Result<(), Failure> {
        self.kubelet.networks.define(object);
        if object.kind == "Pod" {
            let pod = Pod { object: object.clone(), sandbox: None, refusal: None };
            self.pods.entry(pod_name(object)).or_insert(pod);
            return Ok(());
        }
        let Some(workload) = Workload::read(object).map_err(|error| Failure::usage(error.to_string()))?
        else {
            return Ok(());
        };
        let same = |other: &Workload| {
            let (other, own) = (other.object(), workload.object());
            (&other.kind, &other.metadata.name, &other.metadata.namespace)
                == (&own.kind, &own.metadata.name, &own.metadata.namespace)
        };
        match self.workloads.iter_mut().find(|other| same(other)) {
            Some(other) => *other = workload,
            None => self.workloads.push(workload),
        }
        Ok(())
    }

    /// Brings pods in line with workloads, and starts declared pods that were not tried yet. Pods that are refused
    /// stay, with the reason; [`Cluster::retry`] tries them again.
    pub(crate) async fn settle(&mut self) -> Result<(), Failure> {
        loop {
            let steps = self.steps();
            let fresh: Vec<Resource> = self.untried();
            if steps.is_empty() && fresh.is_empty() {
                return Ok(());
            }
            let (mut starts, mut ends) = (fresh, Vec::new());
            for step in steps {
                match step {
                    Step::Declare(set) => {
                        self.put(&set).await?;
                        self.replica_sets.push(set);
                    }
                    Step::Start(pod) => starts.push(pod),
                    Step::End(name) => ends.push(name),
                }
            }
            self.end_all(&ends).await?;
            self.start_all(starts).await?;
        }
    }

    fn steps(&self) -> Vec<Step> {
        let pods: Vec<PodState> = self
            .pods
            .values()
            .map(|pod| PodState { object: pod.object.clone(), ready: pod.sandbox.is_some() })
            .collect();
        let seen = Seen { node: &self.node, replica_sets: &self.replica_sets, pods: &pods };
        self.workloads.iter().flat_map(|workload| plan(workload, &seen, &self.kubelet.env)).collect()
    }

    fn untried(&self) -> Vec<Resource> {
        let untried = self.pods.values().filter(|pod| pod.sandbox.is_none() && pod.refusal.is_none());
        untried.map(|pod| pod.object.clone()).collect()
    }

    /// Tries the refused pods once more.
    pub(crate) async fn retry(&mut self) -> Result<(), Failure> {
        let refused = self.pods.values().filter(|pod| pod.refusal.is_some());
        let refused = refused.map(|pod| pod.object.clone()).collect();
        self.start_all(refused).await?;
        self.settle().await
    }

    async fn start_all(&mut self, pods: Vec<Resource>) -> Result<(), Failure> {
        let this = &*self;
        let mut starting = stream::iter(pods)
            .map(|pod| async move {
                let result = this.start(&pod).await;
                (pod, result)
            })
            .buffer_unordered(AT_ONCE);
        let mut started = Vec::new();
        let mut failure = None;
        // Those that run are waited for even if one fails: no sandbox may be forgotten.
        while let Some((object, result)) = starting.next().await {
            match result {
                Ok((sandbox, refusal)) => started.push(Pod { object, sandbox, refusal }),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        drop(starting);
        self.pods.extend(started.into_iter().map(|pod| (pod_name(&pod.object), pod)));
        failure.map_or(Ok(()), Err)
    }

    /// Writes the pod, starts it, and writes what became of it.
    async fn start(&self, pod: &Resource) -> Result<(Option<Sandbox>, Option<String>), Failure> {
        let mut pod = pod.clone();
        self.put(&pod).await?;
        let deadline = self.kubelet.env.clock.monotonic().after(PATIENCE);
        let outcome = loop {
            match self.kubelet.start(&pod).await {
                Err(error) if error.is_interrupt() => return Err(interrupted()),
                Err(error) if error.is_transient() && self.kubelet.env.clock.monotonic() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => break outcome,
            }
        };
        let (status, sandbox, refusal) = match outcome {
            Ok(sandbox) => {
                self.started.set(self.started.get() + 1);
                let ips = sandbox.addresses().into_iter().map(|own| own.address);
                let ips: Vec<Value> = ips.map(|address| json!({"ip": address})).collect();
                let first = ips.first().and_then(|ip| ip.get("ip")).cloned();
                (json!({"phase": "Running", "podIP": first, "podIPs": ips}), Some(sandbox), None)
            }
            Err(error) => {
                let message = error.to_string();
                (json!({"phase": "Pending", "message": message.clone()}), None, Some(message))
            }
        };
        pod.rest.insert("status".into(), status);
        self.put(&pod).await?;
        Ok((sandbox, refusal))
    }

    /// Ends and deletes these pods.
    pub(crate) async fn end_all(&mut self, names: &[String]) -> Result<(), Failure> {
        let pods: Vec<Pod> = names.iter().filter_map(|name| self.pods.get(name)).cloned().collect();
        let this = &*self;
        let mut ending = stream::iter(pods)
            .map(|pod| async move {
                let result = this.end(&pod).await;
                (pod_name(&pod.object), result)
            })
            .buffer_unordered(AT_ONCE);
        let mut ended = Vec::new();
        let mut failure = None;
        while let Some((name, result)) = ending.next().await {
            match result {
                Ok(()) => ended.push(name),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        drop(ending);
        for name in ended {
            self.pods.remove(&name);
        }
        failure.map_or(Ok(()), Err)
    }

    async fn end(&self, pod: &Pod) -> Result<(), Failure> {
        if let Some(sandbox) = &pod.sandbox {
            self.kubelet.end(&pod.object, sandbox).await.map_err(|error| match error {
                error if error.is_interrupt() => interrupted(),
                StartError::Pod(failure) => failure,
                error => {
                    Failure::refused(format!("pod {} cannot be ended", pod_name(&pod.object))).because(error)
                }
            })?;
        }
        self.forget(&pod.object).await
    }

    /// Deletes the pod's object only.
    async fn forget(&self, pod: &Resource) -> Result<(), Failure> {
        let key = key_of(pod)?;
        self.patiently(async || match self.allocator.delete(&key, Deletion::Guarded, Mode::Real).await {
            Ok(_) | Err(AdminError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    /// Loses a pod: its sandbox and its object go without a DEL.
    pub(crate) async fn lose(&mut self, name: &str) -> Result<(), Failure> {
        let Some(pod) = self.pods.get(name) else { return Ok(()) };
        if let Some(sandbox) = &pod.sandbox {
            let lost = self.kubelet.lose(sandbox).await;
            lost.map_err(|error| Failure::refused(format!("pod {name} cannot be lost")).because(error))?;
        }
        self.forget(&pod.object).await?;
        self.pods.remove(name);
        Ok(())
    }

    /// Writes an object of the cluster.
    pub(crate) async fn put(&self, object: &Resource) -> Result<(), Failure> {
        self.patiently(async || self.allocator.apply_resource(object, Mode::Real).await.map(drop)).await
    }

    /// Repeats what fails because the agent is away.
    async fn patiently<T>(&self, call: impl AsyncFn() -> Result<T, AdminError>) -> Result<T, Failure> {
        let clock = &self.kubelet.env.clock;
        let deadline = clock.monotonic().after(PATIENCE);
        loop {
            match call().await {
                Ok(done) => return Ok(done),
                Err(AdminError::Store(
                    StoreError::Unavailable { .. } | StoreError::UnknownOutcome { .. },
                )) if clock.monotonic() < deadline => {
                    if self.kubelet.runner.stop().is_set() {
                        return Err(interrupted());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(admin_failure(error)),
            }
        }
    }
}

fn key_of(object: &Resource) -> Result<Key, Failure> {
    Object::Resource(Box::new(object.clone())).key().map_err(|error| Failure::usage(error.to_string()))
}
