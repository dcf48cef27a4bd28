//! The keys of labels and annotations, as upstream spells them.

/// Label: the pool's CIDR, with `.`, `:` and `/` written as `-`.
pub const LABEL_POOL_CIDR: &str = "ipam.spidernet.io/ippool-cidr";
/// Label: the subnet's CIDR, written as in [`LABEL_POOL_CIDR`].
pub const LABEL_SUBNET_CIDR: &str = "ipam.spidernet.io/subnet-cidr";
/// Label: the name of the Subnet that a pool belongs to.
pub const LABEL_OWNER_SUBNET: &str = "ipam.spidernet.io/owner-spider-subnet";
/// Label of an auto pool: group and version of its application, `apps_v1`.
pub const LABEL_OWNER_GROUP_VERSION: &str = "ipam.spidernet.io/owner-application-gv";
/// Label of an auto pool: kind of its application.
pub const LABEL_OWNER_KIND: &str = "ipam.spidernet.io/owner-application-kind";
/// Label of an auto pool: namespace of its application.
pub const LABEL_OWNER_NAMESPACE: &str = "ipam.spidernet.io/owner-application-namespace";
/// Label of an auto pool: name of its application. Its presence makes a pool an auto pool.
pub const LABEL_OWNER_NAME: &str = "ipam.spidernet.io/owner-application-name";
/// Label of an auto pool: uid of its application.
pub const LABEL_OWNER_UID: &str = "ipam.spidernet.io/owner-application-uid";
/// Label of an auto pool: the interface it is for.
pub const LABEL_INTERFACE: &str = "ipam.spidernet.io/interface";
/// Label of an auto pool: `IPv4` or `IPv6`.
pub const LABEL_IP_VERSION: &str = "ipam.spidernet.io/ip-version";

/// Key inside an auto pool's `podAffinity`: API group of its application.
pub const APP_GROUP: &str = "ipam.spidernet.io/app-api-group";
/// Key inside an auto pool's `podAffinity`: API version of its application.
pub const APP_VERSION: &str = "ipam.spidernet.io/app-api-version";
/// Key inside an auto pool's `podAffinity`: kind of its application.
pub const APP_KIND: &str = "ipam.spidernet.io/app-kind";
/// Key inside an auto pool's `podAffinity`: namespace of its application.
pub const APP_NAMESPACE: &str = "ipam.spidernet.io/app-namespace";
/// Key inside an auto pool's `podAffinity`: name of its application.
pub const APP_NAME: &str = "ipam.spidernet.io/app-name";
/// The five keys of an auto pool's `podAffinity`.
pub const APP_KEYS: [&str; 5] = [APP_GROUP, APP_VERSION, APP_KIND, APP_NAMESPACE, APP_NAME];

/// Annotation of a pod: pools for one interface.
pub const POOL: &str = "ipam.spidernet.io/ippool";
/// Annotation of a pod: pools for each of its interfaces.
pub const POOLS: &str = "ipam.spidernet.io/ippools";
/// Annotation of a pod: a Subnet for one interface.
pub const SUBNET: &str = "ipam.spidernet.io/subnet";
/// Annotation of a pod: a Subnet for each of its interfaces.
pub const SUBNETS: &str = "ipam.spidernet.io/subnets";
/// Annotation of a pod and of its auto pool: how many addresses the pool has.
pub const IP_NUMBER: &str = "ipam.spidernet.io/ippool-ip-number";
/// Annotation of a pod and label of its auto pool: whether the pool goes with its application.
pub const RECLAIM: &str = "ipam.spidernet.io/ippool-reclaim";
/// Annotation of a pod: more routes.
pub const ROUTES: &str = "ipam.spidernet.io/routes";
/// Annotation of a namespace: the IPv4 pools of pods that name none.
pub const DEFAULT_IPV4_POOL: &str = "ipam.spidernet.io/default-ipv4-ippool";
/// Annotation of a namespace: the IPv6 pools of pods that name none.
pub const DEFAULT_IPV6_POOL: &str = "ipam.spidernet.io/default-ipv6-ippool";
/// Annotation of a pool: how long a released address rests, as `30s`, `5m`, `1h30m`. Our own; upstream has none.
pub const COOLDOWN: &str = "ipam.spidernet.io/release-cooldown";
/// Annotation of a stateful application: how long it keeps the addresses of pods that it does not want any more, as `24h`. Our own.
pub const KEEP: &str = "ipam.spidernet.io/keep-after-scale-down";
/// Annotation of an endpoint: since when its application has not wanted the pod, RFC 3339. Written by the sweep.
pub const UNWANTED_SINCE: &str = "ipam.spidernet.io/unwanted-since";

/// Multus' annotation of a pod: the network of its first interface.
pub const MULTUS_DEFAULT_NETWORK: &str = "v1.multus-cni.io/default-network";
/// Multus' annotation of a pod: the networks of its further interfaces.
pub const MULTUS_NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
