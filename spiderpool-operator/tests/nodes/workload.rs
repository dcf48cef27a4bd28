//! Manifests.

use super::cluster::Pod;
use std::collections::BTreeSet;

/// A workload whose pods wait. `metadata` are lines of the pod template's metadata. Its pods leave a node that is taken out of
/// service at once.
pub(crate) fn workload(kind: &str, name: &str, replicas: usize, metadata: &str) -> String {
    let service = match kind {
        "StatefulSet" => format!("\n  serviceName: {name}\n  podManagementPolicy: Parallel"),
        _ => String::new(),
    };
    format!(
        "
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  replicas: {replicas}{service}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
{metadata}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: {{matchLabels: {{app: {name}}}}}
      containers: [{CONTAINER}]
"
    )
}

pub(crate) const CONTAINER: &str = "{name: wait, image: 'localhost/pod:1', imagePullPolicy: Never}";

/// An annotation of Spiderpool, as lines of a pod template's metadata.
pub(crate) fn annotation(key: &str, value: &str) -> String {
    format!("      annotations:\n        ipam.spidernet.io/{key}: '{value}'")
}

pub(crate) fn pool(name: &str, subnet: &str, ips: &str) -> String {
    format!(
        "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {{name: {name}}}
spec: {{subnet: '{subnet}', ips: ['{ips}']}}
"
    )
}

/// A pool that is bound to somebody.
pub(crate) fn bound(name: &str, subnet: &str, ips: &str, to: &str) -> String {
    pool(name, subnet, ips).replace("]}\n", &format!("], {to}}}\n"))
}

pub(crate) fn subnet(name: &str, cidr: &str, ips: &str) -> String {
    pool(name, cidr, ips).replace("SpiderIPPool", "SpiderSubnet")
}

/// Every address of `pods`, each of which only one has.
pub(crate) fn addresses(pods: &[Pod]) -> BTreeSet<String> {
    let all: Vec<_> = pods.iter().flat_map(|pod| pod.addresses.iter().cloned()).collect();
    let set: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "{pods:?}");
    set
}
