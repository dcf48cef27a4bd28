//! An application as its controller object describes it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    api::{Resource, keys},
    model::Application,
    name::{Namespace, ObjectName, Uid},
    select::{controller_of, is_native_top},
};

/// The kinds of Kubernetes itself that run pods: version and kind.
pub const NATIVE_KINDS: [(&str, &str); 6] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
];

/// How many pods an application runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Replicas {
    /// So many.
    Known(u64),
    /// Its kind does not say, or may not be read here; so many of its pods were seen.
    Seen(u64),
}

impl Replicas {
    /// The number.
    #[must_use]
    pub fn count(self) -> u64 {
        match self {
            Self::Known(count) | Self::Seen(count) => count,
        }
    }
}

/// Where a kind says how many pods it runs and what they look like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    replicas: Source,
    template: &'static [&'static str],
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Source {
    /// `spec.replicas`; what is absent counts as this.
    Replicas { absent: u64 },
    /// `status.desiredNumberScheduled`.
    Scheduled,
    /// `completions`, else `parallelism`, of the object under these fields; never less than 1.
    Runs(&'static [&'static str]),
    /// The field that a `scale` subresource reads.
    Scale(Vec<String>),
    /// Nowhere.
    Unknown,
}

const TEMPLATE: &[&str] = &["spec", "template"];

impl Shape {
    /// The shape of a kind of [`NATIVE_KINDS`].
    #[must_use]
    pub fn native(api_version: &str, kind: &str) -> Option<Self> {
        let (replicas, template) = match (api_version, kind) {
            ("apps/v1", "Deployment" | "ReplicaSet" | "StatefulSet") => {
                (Source::Replicas { absent: 0 }, TEMPLATE)
            }
            ("apps/v1", "DaemonSet") => (Source::Scheduled, TEMPLATE),
            ("batch/v1", "Job") => (Source::Runs(&["spec"]), TEMPLATE),
            ("batch/v1", "CronJob") => {
                let template: &[&str] = &["spec", "jobTemplate", "spec", "template"];
                (Source::Runs(&["spec", "jobTemplate", "spec"]), template)
            }
            _ => return None,
        };
        Some(Self { replicas, template })
    }

    /// The shape of a kind whose CRD has a `scale` subresource with this `specReplicasPath`: a path of plain fields,
    /// `.spec.replicas`, which is all that Kubernetes allows.
    #[must_use]
    pub fn scaled(spec_replicas_path: &str) -> Self {
        let fields = spec_replicas_path.split('.').filter(|field| !field.is_empty());
        Self { replicas: Source::Scale(fields.map(str::to_owned).collect()), template: TEMPLATE }
    }

    /// The shape of a kind of which nothing is known: its pods are counted.
    #[must_use]
    pub fn unknown() -> Self {
        Self { replicas: Source::Unknown, template: TEMPLATE }
    }

    /// Whether `object` holds the template of its pods. One that refers to another object says nothing about what its pods
    /// ask for.
    #[must_use]
    pub fn shows_template(&self, object: &Resource) -> bool {
        at(object, self.template).is_some_and(Value::is_object)
    }

    fn replicas(&self, object: &Resource) -> Option<u64> {
        let number = |path: &[&str]| at(object, path).and_then(Value::as_u64);
        match &self.replicas {
            Source::Replicas { absent } => Some(number(&["spec", "replicas"]).unwrap_or(*absent)),
            Source::Scheduled => Some(number(&["status", "desiredNumberScheduled"]).unwrap_or(0)),
            Source::Runs(spec) => {
                let of = |field| number(&[spec, &[field][..]].concat());
                Some(of("completions").or_else(|| of("parallelism")).unwrap_or(1).max(1))
            }
            // An API server gives a scale without the field no replicas.
            Source::Scale(path) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                Some(number(&path).unwrap_or(0))
            }
            Source::Unknown => None,
        }
    }
}

fn at<'a>(object: &'a Resource, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.rest.get(*first)?, |value, field| value.get(*field))
}

/// An application that may want pools of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// Its name, kind, version.
    pub application: Application,
    /// Which incarnation.
    pub uid: Uid,
    /// How many pods it runs.
    pub replicas: Replicas,
    /// The annotations of its pods that say something about addresses: keys of [`keys`] alone.
    pub annotations: BTreeMap<String, String>,
}

/// The annotations that make an auto pool what it is.
const ASKING: [&str; 4] = [keys::SUBNETS, keys::SUBNET, keys::IP_NUMBER, keys::RECLAIM];

/// Of the annotations of a pod those that say what auto pools it wants.
fn asking(annotations: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    annotations.into_iter().filter(|(key, _)| ASKING.contains(&key.as_str())).collect()
}

impl Workload {
    /// The application that `object`, of this version and kind, controls; none where it wants no pools: it is being
    /// deleted, its pods use the host's network, or its pods belong to the controller above it (a ReplicaSet of a
    /// Deployment, a Job of a CronJob).
    ///
    /// `seen` counts its pods, for kinds that do not say how many they run.
    #[must_use]
    pub fn read(
        (api_version, kind): (&str, &str),
        object: &Resource,
        shape: &Shape,
        seen: u64,
    ) -> Option<Self> {
        if object.metadata.deletion_timestamp.is_some()
            || controller_of(object).is_some_and(|owner| is_native_top(owner, kind))
        {
            return None;
        }
        let template = at(object, shape.template);
        let field = |path: [&str; 2]| template.and_then(|template| template.get(path[0])?.get(path[1]));
        if field(["spec", "hostNetwork"]).and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let annotations = field(["metadata", "annotations"]).and_then(Value::as_object);
        let annotations = annotations.into_iter().flatten();
        let annotations =
            annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        Some(Self {
            application: Application {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                namespace: Namespace::new(object.metadata.namespace.as_deref()?).ok()?,
                name: ObjectName::new(&object.metadata.name).ok()?,
            },
            uid: Uid::new(object.metadata.uid.as_deref()?).ok()?,
            replicas: shape.replicas(object).map_or(Replicas::Seen(seen), Replicas::Known),
            annotations: asking(annotations),
        })
    }

    /// The application of a pod, by what the pod alone says: for kinds whose object does not hold the template of its
    /// pods, or may not be read.
    #[must_use]
    pub fn of_pod(application: Application, uid: Uid, pod: &Resource, replicas: Replicas) -> Self {
        Self { application, uid, replicas, annotations: asking(pod.metadata.annotations.clone()) }
    }

    /// Whether its pods name a Subnet.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.annotations.contains_key(keys::SUBNET) || self.annotations.contains_key(keys::SUBNETS)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn object(rest: Value) -> Resource {
        let mut object = json!({"metadata": {"name": "web", "namespace": "default", "uid": "u"}});
        let fields = rest.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(object).unwrap()
    }

    #[rstest]
    #[case::deployment("apps/v1", "Deployment", json!({"spec": {"replicas": 3}}), 3)]
    #[case::deployment_without("apps/v1", "Deployment", json!({"spec": {}}), 0)]
    #[case::daemon_set("apps/v1", "DaemonSet", json!({"status": {"desiredNumberScheduled": 7}}), 7)]
    #[case::job("batch/v1", "Job", json!({"spec": {"completions": 5, "parallelism": 2}}), 5)]
    #[case::parallel_job("batch/v1", "Job", json!({"spec": {"parallelism": 2}}), 2)]
    #[case::plain_job("batch/v1", "Job", json!({"spec": {}}), 1)]
    #[case::empty_job("batch/v1", "Job", json!({"spec": {"completions": 0}}), 1)]
    #[case::cron_job("batch/v1", "CronJob", json!({"spec": {"jobTemplate": {"spec": {"parallelism": 4}}}}), 4)]
    fn replicas_stand_where_the_kind_has_them(
        #[case] version: &str,
        #[case] kind: &str,
        #[case] rest: Value,
        #[case] replicas: u64,
    ) {
        let shape = Shape::native(version, kind).unwrap();
        let read = Workload::read((version, kind), &object(rest), &shape, 99).unwrap();
        assert_eq!(read.replicas, Replicas::Known(replicas));
    }

    #[test]
    fn a_third_party_kind_says_by_its_scale_where_they_stand() {
        let shape = Shape::scaled(".spec.instances.wanted");
        let clone_set = object(json!({"spec": {"replicas": 9, "instances": {"wanted": 4}}}));
        let read = Workload::read(("x/v1", "Thing"), &clone_set, &shape, 0).unwrap();
        assert_eq!(read.replicas, Replicas::Known(4));
        let none = Workload::read(("x/v1", "Thing"), &object(json!({})), &shape, 5).unwrap();
        assert_eq!(none.replicas, Replicas::Known(0));
        let unknown = Workload::read(("x/v1", "Thing"), &clone_set, &Shape::unknown(), 5).unwrap();
        assert_eq!(unknown.replicas, Replicas::Seen(5));
    }

    #[test]
    fn only_what_says_something_about_addresses_is_kept() {
        let template =
            json!({"metadata": {"annotations": {keys::SUBNET: "{}", "other": "x", keys::IP_NUMBER: "+1"}}});
        let deployment = object(json!({"spec": {"template": template}}));
        let shape = Shape::native("apps/v1", "Deployment").unwrap();
        let read = Workload::read(("apps/v1", "Deployment"), &deployment, &shape, 0).unwrap();
        assert!(read.asks());
        assert_eq!(
            read.annotations.keys().map(String::as_str).collect::<Vec<_>>(),
            [keys::IP_NUMBER, keys::SUBNET]
        );
    }

    #[rstest]
    #[case::host_network("Deployment", json!({"spec": {"template": {"spec": {"hostNetwork": true}}}}))]
    #[case::of_a_deployment("ReplicaSet", json!({"metadata": {"name": "w", "namespace": "d", "uid": "u",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "w", "uid": "d", "controller": true}]}}))]
    #[case::ending("Deployment", json!({"metadata": {"name": "w", "namespace": "d", "uid": "u",
        "deletionTimestamp": "2026-01-01T00:00:00Z"}}))]
    fn some_want_no_pools(#[case] kind: &str, #[case] rest: Value) {
        let shape = Shape::native("apps/v1", kind).unwrap();
        assert_eq!(Workload::read(("apps/v1", kind), &object(rest), &shape, 0), None);
    }

    #[test]
    fn a_native_kind_under_a_third_party_one_is_the_top() {
        let owners = json!([{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "w", "uid": "r", "controller": true}]);
        let set = object(
            json!({"metadata": {"name": "w", "namespace": "d", "uid": "u", "ownerReferences": owners}}),
        );
        let shape = Shape::native("apps/v1", "ReplicaSet").unwrap();
        assert!(Workload::read(("apps/v1", "ReplicaSet"), &set, &shape, 0).is_some());
    }
}
