//! Reading workloads: the kinds that Kubernetes brings, and any other with `spec.replicas` and `spec.template`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use spiderpool_core::api::Resource;

/// How a workload names and counts its pods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// Through ReplicaSets, replaced one by one (or all at once) when the template changes.
    Deployment(Rollout),
    /// `name-0`, `name-1`, from `start` on.
    Ordinals { start: u64 },
    /// One per node.
    PerNode,
    /// Random suffixes.
    Random,
}

/// How a Deployment replaces its pods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rollout {
    /// One more than wanted, never one less.
    OneByOne,
    /// All old ones end first.
    Recreate,
}

/// A workload.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Workload {
    pub(super) object: Resource,
    pub(super) style: Style,
    pub(super) replicas: u64,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) pod_spec: Map<String, Value>,
}

/// Why an object cannot be run as a workload.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name}: {problem}")]
pub(crate) struct WorkloadError {
    kind: String,
    name: String,
    problem: String,
}

/// The most pods that one workload may have in the lab.
const MAX_REPLICAS: u64 = 4096;

impl Workload {
    /// Reads `object`; none if it is of a kind that runs no pods.
    pub(crate) fn read(object: &Resource) -> Result<Option<Self>, WorkloadError> {
        let wrong = |problem: String| WorkloadError {
            kind: object.kind.clone(),
            name: object.metadata.name.clone(),
            problem,
        };
        let empty = Map::new();
        let spec = object.rest.get("spec").and_then(Value::as_object).unwrap_or(&empty);
        let Some(template) = spec.get("template") else { return Ok(None) };
        let number = |key: &str| match spec.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| wrong(format!("spec.{key} is {value}, not a number of pods"))),
        };
        let replicas = number("replicas")?;
        let style = match object.kind.as_str() {
            "Deployment" => {
                let kind = spec.get("strategy").and_then(|strategy| strategy.get("type"));
                let recreate = kind.and_then(Value::as_str) == Some("Recreate");
                Style::Deployment(if recreate { Rollout::Recreate } else { Rollout::OneByOne })
            }
            "StatefulSet" => {
                let start = spec.get("ordinals").and_then(|ordinals| ordinals.get("start"));
                Style::Ordinals { start: start.and_then(Value::as_u64).unwrap_or(0) }
            }
            "DaemonSet" => Style::PerNode,
            _ => Style::Random,
        };
        let replicas = match object.kind.as_str() {
            "Job" => {
                let parallelism = number("parallelism")?.unwrap_or(1);
                parallelism.min(number("completions")?.unwrap_or(parallelism))
            }
            _ => replicas.unwrap_or(1),
        };
        if replicas > MAX_REPLICAS {
            return Err(wrong(format!("{replicas} pods are more than the {MAX_REPLICAS} of this lab")));
        }
        let texts = |key: &str| -> Result<BTreeMap<String, String>, WorkloadError> {
            let value = template.get("metadata").and_then(|metadata| metadata.get(key));
            match value {
                None | Some(Value::Null) => Ok(BTreeMap::new()),
                Some(value) => serde_json::from_value(value.clone())
                    .map_err(|error| wrong(format!("spec.template.metadata.{key}: {error}"))),
            }
        };
        let pod_spec = template.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Some(Self {
            object: object.clone(),
            style,
            replicas,
            labels: texts("labels")?,
            annotations: texts("annotations")?,
            pod_spec,
        }))
    }

    /// Its object.
    pub(crate) fn object(&self) -> &Resource {
        &self.object
    }

    /// What the template says, for its hash.
    pub(super) fn template(&self) -> String {
        json!({"l": self.labels, "a": self.annotations, "s": self.pod_spec}).to_string()
    }
}

/// `workload` as `kubectl rollout restart` leaves it: with another template, so that all of its pods are replaced.
pub(crate) fn restarted(workload: &Resource, at: &str) -> Resource {
    let mut workload = workload.clone();
    let path = ["spec", "template", "metadata", "annotations"];
    let mut here = &mut workload.rest;
    for key in path {
        let next = here.entry(key).or_insert_with(|| json!({}));
        if !next.is_object() {
            *next = json!({});
        }
        match next {
            Value::Object(map) => here = map,
            _ => return workload,
        }
    }
    here.insert("kubectl.kubernetes.io/restartedAt".into(), at.into());
    workload
}
