//! Whose pod it is: the chain of controllers above a pod.

use crate::{
    api::{OwnerReference, Resource},
    model::Controller,
    name::{ObjectName, Uid},
};

/// The top controller of `pod`: up from a ReplicaSet to its Deployment, from a Job to its CronJob, and no further;
/// anything else that owns the pod itself is the top. `lookup` finds an owner in the pod's namespace; one that it does
/// not find is the top. None for a pod without controller, a static pod (owned by its Node) among them.
pub fn top_controller(
    pod: &Resource,
    lookup: impl Fn(&OwnerReference, &str) -> Option<Resource>,
) -> Option<Controller> {
    let own = controller_of(pod).filter(|owner| owner.kind != "Node" || !group(owner).is_empty())?;
    let above = above(own);
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let next = above.and_then(|above| {
        // An owner of another uid is another object of the same name, and no link of this chain.
        let found = lookup(own, namespace).filter(|found| own.uid.is_empty() || same_uid(found, own))?;
        controller_of(&found).filter(|owner| (group(owner), owner.kind.as_str()) == above).cloned()
    });
    let top = next.as_ref().unwrap_or(own);
    Some(Controller {
        api_version: top.api_version.clone(),
        kind: top.kind.clone(),
        name: ObjectName::new(&top.name).ok()?,
        uid: Uid::new(&top.uid).or_else(|_| Uid::new(&top.name)).ok()?,
    })
}

/// Whether something may stand above `owner` that [`top_controller`] looks for. Else it looks nothing up.
#[must_use]
pub fn is_intermediate(owner: &OwnerReference) -> bool {
    above(owner).is_some()
}

/// Whether the pods of an object of `kind` that `owner` controls belong to that owner, as [`top_controller`] has it.
#[must_use]
pub fn is_native_top(owner: &OwnerReference, kind: &str) -> bool {
    matches!(
        (kind, group(owner), owner.kind.as_str()),
        ("ReplicaSet", "apps", "Deployment") | ("Job", "batch", "CronJob")
    )
}

/// Group and kind of what may stand above an owner.
fn above(owner: &OwnerReference) -> Option<(&'static str, &'static str)> {
    match (group(owner), owner.kind.as_str()) {
        ("apps", "ReplicaSet") => Some(("apps", "Deployment")),
        ("batch", "Job") => Some(("batch", "CronJob")),
        _ => None,
    }
}

/// The controller that `object` names: the reference, whether there is such an object or not.
pub fn controller_of(object: &Resource) -> Option<&OwnerReference> {
    object.metadata.owner_references.iter().find(|owner| owner.controller == Some(true))
}

fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

fn same_uid(object: &Resource, owner: &OwnerReference) -> bool {
    object.metadata.uid.as_deref().is_none_or(|uid| uid == owner.uid)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// Version, kind and name of an owner.
    type Owner<'a> = Option<(&'a str, &'a str, &'a str)>;

    fn object(kind: &str, name: &str, owner: Owner<'_>) -> Value {
        let owners: Vec<_> = owner
            .iter()
            .map(|(version, kind, name)| {
                json!({"apiVersion": version, "kind": kind, "name": name, "uid": format!("uid-{name}"), "controller": true})
            })
            .collect();
        let metadata = json!({"name": name, "namespace": "default", "uid": format!("uid-{name}"), "ownerReferences": owners});
        json!({"apiVersion": "v1", "kind": kind, "metadata": metadata})
    }

    #[rstest]
    #[case::bare(None, &[], None)]
    #[case::static_pod(Some(("v1", "Node", "n1")), &[], None)]
    #[case::deployment(Some(("apps/v1", "ReplicaSet", "rs")),
        &[("ReplicaSet", "rs", Some(("apps/v1", "Deployment", "web")))], Some(("Deployment", "web")))]
    #[case::bare_replica_set(Some(("apps/v1", "ReplicaSet", "rs")), &[("ReplicaSet", "rs", None)],
        Some(("ReplicaSet", "rs")))]
    #[case::replica_set_of_a_rollout(Some(("apps/v1", "ReplicaSet", "rs")),
        &[("ReplicaSet", "rs", Some(("argoproj.io/v1alpha1", "Rollout", "web")))], Some(("ReplicaSet", "rs")))]
    #[case::cron_job(Some(("batch/v1", "Job", "j")), &[("Job", "j", Some(("batch/v1", "CronJob", "nightly")))],
        Some(("CronJob", "nightly")))]
    #[case::job(Some(("batch/v1", "Job", "j")), &[("Job", "j", None)], Some(("Job", "j")))]
    #[case::daemon_set(Some(("apps/v1", "DaemonSet", "d")), &[], Some(("DaemonSet", "d")))]
    #[case::third_party(Some(("apps.kruise.io/v1alpha1", "CloneSet", "c")),
        &[("CloneSet", "c", Some(("apps/v1", "Deployment", "above")))], Some(("CloneSet", "c")))]
    #[case::not_found(Some(("apps/v1", "ReplicaSet", "rs")), &[], Some(("ReplicaSet", "rs")))]
    fn the_chain_is_climbed_as_far_as_it_is_native(
        #[case] owner: Owner<'_>,
        #[case] objects: &[(&str, &str, Owner<'_>)],
        #[case] expected: Option<(&str, &str)>,
    ) {
        let pod: Resource = serde_json::from_value(object("Pod", "web-x", owner)).unwrap();
        let top = top_controller(&pod, |owner, namespace| {
            assert_eq!(namespace, "default");
            let found = objects.iter().find(|(kind, name, _)| *kind == owner.kind && *name == owner.name);
            found.map(|(kind, name, owner)| serde_json::from_value(object(kind, name, *owner)).unwrap())
        });
        let found = top.as_ref().map(|top| (top.kind.as_str(), top.name.as_str()));
        assert_eq!(found, expected);
    }

    #[test]
    fn another_object_of_the_same_name_is_no_link() {
        let pod: Resource =
            serde_json::from_value(object("Pod", "p", Some(("apps/v1", "ReplicaSet", "rs")))).unwrap();
        let mut other: Resource =
            serde_json::from_value(object("ReplicaSet", "rs", Some(("apps/v1", "Deployment", "web"))))
                .unwrap();
        other.metadata.uid = Some("reborn".into());
        assert_eq!(top_controller(&pod, |_, _| Some(other.clone())).unwrap().kind, "ReplicaSet");
    }
}
