//! From what is wanted and what is there to the next steps.

use serde_json::{Value, json};
use spiderpool_core::{
    api::{ObjectMeta, OwnerReference, Resource},
    env::Env,
    select::controller_of,
};

use super::{
    controller::{Rollout, Style, Workload},
    names::{generated, template_hash},
};

/// A pod that exists.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PodState {
    /// Its object.
    pub(crate) object: Resource,
    /// Whether it has its addresses.
    pub(crate) ready: bool,
}

/// What there is besides the workload itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cluster<'a> {
    /// The node.
    pub(crate) node: &'a str,
    /// ReplicaSets that were made for Deployments.
    pub(crate) replica_sets: &'a [Resource],
    /// All pods.
    pub(crate) pods: &'a [PodState],
}

/// One thing to do next.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Step {
    /// Write this ReplicaSet.
    Declare(Resource),
    /// Write and start this pod.
    Start(Resource),
    /// End and delete the pod of this namespace and name.
    End(String),
}

/// `namespace/name` of a pod.
pub(crate) fn pod_name(pod: &Resource) -> String {
    format!("{}/{}", namespace(pod), pod.metadata.name)
}

fn namespace(object: &Resource) -> &str {
    object.metadata.namespace.as_deref().unwrap_or("default")
}

/// The next steps towards what `workload` wants; none when it is so. Pods that are started count as there from then
/// on, whether they got an address or not.
pub(crate) fn plan(workload: &Workload, cluster: &Cluster<'_>, env: &Env) -> Vec<Step> {
    match workload.style {
        Style::Deployment(rollout) => deployment(workload, rollout, cluster, env),
        Style::Ordinals { start } => ordinals(workload, start, cluster, env),
        Style::PerNode => random(workload, &workload.object, 1, cluster, env),
        Style::Random => random(workload, &workload.object, workload.replicas, cluster, env),
    }
}

fn of<'a>(cluster: &Cluster<'a>, owner: &Resource) -> Vec<&'a PodState> {
    cluster.pods.iter().filter(|pod| is_controlled_by(&pod.object, owner)).collect()
}

fn is_controlled_by(object: &Resource, owner: &Resource) -> bool {
    let controller = controller_of(object);
    namespace(object) == namespace(owner)
        && controller.is_some_and(|controller| {
            controller.kind == owner.kind
                && controller.name == owner.metadata.name
                && Some(&controller.uid) == owner.metadata.uid.as_ref()
        })
}

fn ordinals(workload: &Workload, start: u64, cluster: &Cluster<'_>, env: &Env) -> Vec<Step> {
    let pods = of(cluster, &workload.object);
    let wanted: Vec<String> = (start..start.saturating_add(workload.replicas))
        .map(|ordinal| format!("{}-{ordinal}", workload.object.metadata.name))
        .collect();
    let surplus = pods.iter().filter(|pod| !wanted.contains(&pod.object.metadata.name));
    let mut steps: Vec<Step> = surplus.map(|pod| Step::End(pod_name(&pod.object))).collect();
    for name in wanted {
        if pods.iter().any(|pod| pod.object.metadata.name == name) {
            continue;
        }
        let mut pod = pod(workload, &workload.object, name.clone(), cluster.node, env);
        pod.metadata.labels.insert("statefulset.kubernetes.io/pod-name".into(), name);
        steps.push(Step::Start(pod));
    }
    steps
}

fn random(
    workload: &Workload,
    owner: &Resource,
    replicas: u64,
    cluster: &Cluster<'_>,
    env: &Env,
) -> Vec<Step> {
    let pods = of(cluster, owner);
    let replicas = usize::try_from(replicas).unwrap_or(usize::MAX);
    let mut steps = Vec::new();
    for pod in pods.iter().skip(replicas) {
        steps.push(Step::End(pod_name(&pod.object)));
    }
    start(workload, owner, replicas.saturating_sub(pods.len()), cluster, env, &mut steps);
    steps
}

/// Starts `count` pods of `owner` under names that nobody has.
fn start(
    workload: &Workload,
    owner: &Resource,
    count: usize,
    cluster: &Cluster<'_>,
    env: &Env,
    steps: &mut Vec<Step>,
) {
    let mut taken: Vec<String> = cluster.pods.iter().map(|pod| pod.object.metadata.name.clone()).collect();
    for _ in 0..count {
        let name = loop {
            let name = generated(&owner.metadata.name, env);
            if !taken.contains(&name) {
                break name;
            }
        };
        taken.push(name.clone());
        let mut pod = pod(workload, owner, name, cluster.node, env);
        pod.metadata.generate_name = Some(format!("{}-", owner.metadata.name));
        if workload.object.kind == "Job" {
            let name = workload.object.metadata.name.clone();
            pod.metadata.labels.insert("batch.kubernetes.io/job-name".into(), name);
        }
        if let Some(hash) = owner.metadata.labels.get(HASH_LABEL) {
            pod.metadata.labels.insert(HASH_LABEL.into(), hash.clone());
        }
        steps.push(Step::Start(pod));
    }
}

const HASH_LABEL: &str = "pod-template-hash";

fn deployment(workload: &Workload, rollout: Rollout, cluster: &Cluster<'_>, env: &Env) -> Vec<Step> {
    let own = cluster.replica_sets.iter().filter(|set| is_controlled_by(set, &workload.object));
    let hash = template_hash(&workload.template());
    let (current, old): (Vec<_>, Vec<_>) =
        own.partition(|set| set.metadata.labels.get(HASH_LABEL) == Some(&hash));
    let Some(current) = current.first() else {
        return vec![Step::Declare(replica_set(workload, &hash, env))];
    };
    let new = of(cluster, current);
    let old: Vec<_> = old.iter().flat_map(|set| of(cluster, set)).collect();
    let replicas = usize::try_from(workload.replicas).unwrap_or(usize::MAX);
    let mut steps = Vec::new();
    for pod in new.iter().skip(replicas) {
        steps.push(Step::End(pod_name(&pod.object)));
    }
    match rollout {
        Rollout::Recreate if !old.is_empty() => {
            steps.extend(old.iter().map(|pod| Step::End(pod_name(&pod.object))));
        }
        Rollout::Recreate => {
            start(workload, current, replicas.saturating_sub(new.len()), cluster, env, &mut steps);
        }
        Rollout::OneByOne => {
            let surge = usize::from(!old.is_empty());
            let room = (replicas + surge).saturating_sub(new.len() + old.len());
            start(workload, current, room.min(replicas.saturating_sub(new.len())), cluster, env, &mut steps);
            // Those that serve nobody go first and at once.
            let (serving, idle): (Vec<_>, Vec<_>) = old.into_iter().partition(|pod| pod.ready);
            steps.extend(idle.iter().map(|pod| Step::End(pod_name(&pod.object))));
            let ready = new.iter().filter(|pod| pod.ready).count() + serving.len();
            let spare = ready.saturating_sub(replicas);
            steps.extend(serving.iter().take(spare).map(|pod| Step::End(pod_name(&pod.object))));
        }
    }
    steps
}

fn replica_set(workload: &Workload, hash: &str, env: &Env) -> Resource {
    let owner = &workload.object;
    let mut labels = workload.labels.clone();
    labels.insert(HASH_LABEL.into(), hash.to_owned());
    let mut rest = serde_json::Map::new();
    rest.insert("spec".into(), json!({"replicas": workload.replicas}));
    Resource {
        api_version: "apps/v1".into(),
        kind: "ReplicaSet".into(),
        metadata: ObjectMeta {
            name: format!("{}-{hash}", owner.metadata.name),
            namespace: Some(namespace(owner).to_owned()),
            uid: Some(env.random_id()),
            labels,
            owner_references: vec![reference(owner)],
            ..ObjectMeta::default()
        },
        rest,
    }
}

fn reference(owner: &Resource) -> OwnerReference {
    OwnerReference {
        api_version: owner.api_version.clone(),
        kind: owner.kind.clone(),
        name: owner.metadata.name.clone(),
        uid: owner.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn pod(workload: &Workload, owner: &Resource, name: String, node: &str, env: &Env) -> Resource {
    let mut spec = workload.pod_spec.clone();
    spec.insert("nodeName".into(), node.into());
    let mut rest = serde_json::Map::new();
    rest.insert("spec".into(), Value::Object(spec));
    rest.insert("status".into(), json!({"phase": "Pending"}));
    Resource {
        api_version: "v1".into(),
        kind: "Pod".into(),
        metadata: ObjectMeta {
            name,
            namespace: Some(namespace(owner).to_owned()),
            uid: Some(env.random_id()),
            creation_timestamp: Some(env.clock.now().to_string()),
            labels: workload.labels.clone(),
            annotations: workload.annotations.clone(),
            owner_references: vec![reference(owner)],
            ..ObjectMeta::default()
        },
        rest,
    }
}
