//! Applications of kinds that are not Kubernetes' own. A small controller of the tests' own makes their pods.

use crate::support::Cluster;

/// A kind of pods that its definition says how to scale, where `scale` is given.
pub(crate) fn definition(group: &str, kind: &str, plural: &str, scale: &str) -> String {
    format!(
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: {kind}, plural: {plural}, singular: {}}}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
      subresources: {{{scale}}}
",
        kind.to_lowercase()
    )
}

const SCALE: &str = "scale: {specReplicasPath: .spec.instances.wanted, statusReplicasPath: .status.replicas}";

const SUBNET: &str = "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: home}
spec: {subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.50]}
";

/// An object of a kind, with the template of its pods.
fn object(group: &str, kind: &str, name: &str, wanted: u32, number: &str) -> String {
    format!(
        r#"
apiVersion: {group}/v1alpha1
kind: {kind}
metadata: {{name: {name}, namespace: default}}
spec:
  instances: {{wanted: {wanted}}}
  template:
    metadata:
      annotations:
        ipam.spidernet.io/subnet: '{{"ipv4": ["home"]}}'
        ipam.spidernet.io/ippool-ip-number: '{number}'
    spec: {{containers: [{{name: c, image: none.invalid/c}}]}}
"#
    )
}

/// What its controller does: a pod named `name-n`, as the object's template has it.
fn pod(cluster: &Cluster, group: &str, kind: &str, plural: &str, name: &str, n: u32, number: &str) {
    let object = format!("{plural}.{group}/{name}");
    let uid = cluster.says(&["get", &object, "-o", "jsonpath={.metadata.uid}"]);
    cluster.apply(&owned(group, kind, name, &uid, n, number));
}

fn owned(group: &str, kind: &str, name: &str, uid: &str, n: u32, number: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata:
  name: {name}-{n}
  namespace: default
  ownerReferences: [{{apiVersion: {group}/v1alpha1, kind: {kind}, name: {name}, uid: {uid}, controller: true}}]
  annotations:
    ipam.spidernet.io/subnet: '{{"ipv4": ["home"]}}'
    ipam.spidernet.io/ippool-ip-number: '{number}'
spec: {{containers: [{{name: c, image: none.invalid/c}}]}}
"#
    )
}

#[test]
fn a_kind_with_scale_is_followed_and_one_without_holds_nobody_up() {
    let Some(cluster) = Cluster::start("operator: third-party kinds") else { return };
    let (kruise, other) = ("apps.kruise.io", "apps.example.com");
    cluster.apply(&definition(kruise, "CloneSet", "clonesets", SCALE));
    cluster.apply(&definition(kruise, "Blob", "blobs", ""));
    cluster.apply(&definition(other, "Thing", "things", SCALE));
    for crd in ["clonesets.apps.kruise.io", "blobs.apps.kruise.io", "things.apps.example.com"] {
        cluster.says(&["wait", "--for=condition=Established", &format!("crd/{crd}"), "--timeout=60s"]);
    }
    cluster.apply(SUBNET);
    let controller = cluster.controller("one", &[]);

    // Its object says how many there are to be, wherever its definition says that it does.
    cluster.apply(&object(kruise, "CloneSet", "web", 3, "+1"));
    pod(&cluster, kruise, "CloneSet", "clonesets", "web", 0, "+1");
    let web = format!("sp/{}", cluster.pool_of("web"));
    cluster.until(&web, ".spec.ips[0]", "10.9.0.1-10.9.0.4");
    cluster.apply(&object(kruise, "CloneSet", "web", 6, "+1"));
    cluster.until(&web, ".spec.ips[0]", "10.9.0.1-10.9.0.7");
    cluster.apply(&object(kruise, "CloneSet", "web", 1, "+1"));
    cluster.until(&web, ".spec.ips[0]", "10.9.0.1-10.9.0.2");

    // Without a scale, and of a group that is not followed: by the pods, and told.
    cluster.apply(&object(kruise, "Blob", "blob", 9, "+0"));
    for n in 0..2 {
        pod(&cluster, kruise, "Blob", "blobs", "blob", n, "+0");
    }
    cluster.until(&format!("sp/{}", cluster.pool_of("blob")), ".spec.ips[0]", "10.9.0.3-10.9.0.4");
    let told = cluster.event("blob", "ReplicasUnknown");
    assert!(told.contains("its definition has no scale subresource"), "{told}");
    cluster.apply(&object(other, "Thing", "thing", 9, "3"));
    pod(&cluster, other, "Thing", "things", "thing", 0, "3");
    let thing = format!("sp/{}", cluster.pool_of("thing"));
    cluster.until(&thing, ".spec.ips[0]", "10.9.0.5-10.9.0.7");
    let told = cluster.event("thing", "ReplicasUnknown");
    assert!(told.contains("API group \"apps.example.com\" is not among those"), "{told}");

    // They go with their applications, whether that was seen or not.
    cluster.says(&["delete", "clonesets.apps.kruise.io/web"]);
    cluster.gone(&web);
    controller.killed();
    cluster.says(&["delete", "blobs.apps.kruise.io/blob"]);
    cluster.says(&["delete", "pod", "--all", "--grace-period=0", "--force"]);
    let next = cluster.controller("two", &[]);
    cluster.until("ss/home", ".status.allocatedIPCount", "3");
    next.killed();
}

#[test]
fn an_object_that_does_not_show_its_pods_loses_no_pool_while_none_is_there() {
    let Some(cluster) = Cluster::start("operator: a kind without a template") else { return };
    let group = "argoproj.io";
    cluster.apply(&definition(group, "Rollout", "rollouts", SCALE));
    cluster.says(&["wait", "--for=condition=Established", "crd/rollouts.argoproj.io", "--timeout=60s"]);
    cluster.apply(SUBNET);
    let controller = cluster.controller("one", &[]);
    let rollout = |wanted: u32| {
        format!(
            "
apiVersion: {group}/v1alpha1
kind: Rollout
metadata: {{name: web, namespace: default}}
spec: {{instances: {{wanted: {wanted}}}, workloadRef: {{kind: Deployment, name: template}}}}
"
        )
    };
    cluster.apply(&rollout(2));
    pod(&cluster, group, "Rollout", "rollouts", "web", 0, "+1");
    let web = format!("sp/{}", cluster.pool_of("web"));
    cluster.until(&web, ".spec.ips[0]", "10.9.0.1-10.9.0.3");
    let uid = cluster.says(&["get", &web, "-o", "jsonpath={.metadata.uid}"]);
    controller.killed();
    cluster.says(&["delete", "pod", "--all", "--grace-period=0", "--force"]);
    cluster.apply(&rollout(4));
    let next = cluster.controller("two", &[]);
    next.until("following its objects");
    // Whatever it does about applications that it does not know, it has done when it serves another one.
    cluster.apply(&definition(group, "Other", "others", SCALE));
    cluster.says(&["wait", "--for=condition=Established", "crd/others.argoproj.io", "--timeout=60s"]);
    cluster.apply(&object(group, "Other", "other", 1, "+0"));
    pod(&cluster, group, "Other", "others", "other", 0, "+0");
    cluster.until(&format!("sp/{}", cluster.pool_of("other")), ".spec.ips[0]", "10.9.0.4");
    pod(&cluster, group, "Rollout", "rollouts", "web", 1, "+1");
    cluster.until(&web, ".status.totalIPCount", "5");
    assert_eq!(cluster.says(&["get", &web, "-o", "jsonpath={.metadata.uid}"]), uid, "it is the same pool");

    // A kind that is defined after its pods were seen.
    cluster.apply(&owned(group, "Late", "late", "0d2cb7a4-0000-4000-8000-000000000000", 0, "+0"));
    let told = cluster.event("late", "ReplicasUnknown");
    assert!(told.contains("the API server does not serve its kind"), "{told}");
    cluster.apply(&definition(group, "Late", "lates", SCALE));
    cluster.says(&["wait", "--for=condition=Established", "crd/lates.argoproj.io", "--timeout=60s"]);
    cluster.apply(&object(group, "Late", "late", 6, "+0"));
    let uid = cluster.says(&["get", "lates.argoproj.io/late", "-o", "jsonpath={.metadata.uid}"]);
    let pool = format!("sp/auto4-late-eth0-{}", &uid[uid.len() - 12..][..5]);
    cluster.until(&pool, ".status.totalIPCount", "6");
    next.stopped();
}
