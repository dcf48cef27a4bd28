//! Networks of main plugins that the tests' nodes cannot run, as their users write them and as runtimes and Multus complete them.

/// A main plugin's configuration, and what it is known to do with it.
#[derive(Clone, Copy)]
pub(crate) struct Network {
    /// Standard input, but for `cniVersion`, `name` and the plugin's own socket and log file.
    pub(crate) config: &'static str,
    /// The versions that are in use.
    pub(crate) versions: &'static [&'static str],
    /// `CNI_IFNAME`.
    pub(crate) interface: &'static str,
    /// Pairs of `CNI_ARGS` beside the pod's.
    pub(crate) args: &'static str,
    /// Interfaces that its result lists before the pod's, which are the host's.
    pub(crate) of_host: &'static [&'static str],
    /// Whether its CHECK asks the IPAM plugin.
    pub(crate) checks: bool,
}

const NETWORK: Network = Network {
    config: "{}",
    versions: &["0.3.1", "0.4.0", "1.0.0"],
    interface: "net1",
    args: "",
    of_host: &[],
    checks: true,
};

pub(crate) const IPVLAN: Network = Network {
    config: r#"{"type": "ipvlan", "master": "bond0", "mode": "l2", "mtu": 1500, "linkInContainer": false,
        "ipam": {"type": "spiderpool"}}"#,
    interface: "eth0",
    versions: &["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    ..NETWORK
};

/// Over the interface of the plugin before it in the list, whose result is in the configuration.
pub(crate) const IPVLAN_IN_A_LIST: Network = Network {
    config: r#"{"type": "ipvlan", "mode": "l3", "ipam": {"type": "spiderpool"}, "prevResult": {
        "interfaces": [{"name": "vlan5", "mac": "02:42:ac:11:00:02"}], "ips": [], "dns": {}}}"#,
    ..NETWORK
};

pub(crate) const VLAN: Network = Network {
    config: r#"{"type": "vlan", "master": "eth1", "vlanId": 5, "mtu": 1450, "linkInContainer": false,
        "ipam": {"type": "spiderpool", "default_ipv4_ippool": ["four"], "default_ipv6_ippool": ["six"]},
        "dns": {"nameservers": ["10.1.1.1", "8.8.8.8"]}}"#,
    ..NETWORK
};

/// With what Multus adds of the device plugin's choice and of the pod's wishes.
pub(crate) const SRIOV: Network = Network {
    config: r#"{"type": "sriov", "vlan": 100, "vlanQoS": 2, "vlanProto": "802.1ad", "spoofchk": "off", "trust": "on",
        "link_state": "enable", "min_tx_rate": 0, "max_tx_rate": 1000, "logLevel": "debug",
        "capabilities": {"mac": true, "ips": true}, "deviceID": "0000:3b:02.1", "pciBusID": "0000:3b:02.1",
        "runtimeConfig": {"mac": "c2:11:22:33:44:66",
            "CNIDeviceInfoFile": "/var/run/k8s.cni.cncf.io/devinfo/cni/default-sriov-net1.json"},
        "ipam": {"type": "spiderpool"}}"#,
    ..NETWORK
};

pub(crate) const INFINIBAND: Network = Network {
    config: r#"{"type": "ib-sriov", "pkey": "0x7fff", "link_state": "enable", "rdmaIsolation": true,
        "ibKubernetesEnabled": true, "capabilities": {"infinibandGUID": true},
        "args": {"cni": {"guid": "02:00:00:00:02:00:00:00", "mellanox.infiniband.app": "configured"}},
        "runtimeConfig": {"infinibandGUID": "02:00:00:00:02:00:00:00", "deviceID": "0000:af:00.2"},
        "ipam": {"type": "spiderpool"}}"#,
    ..NETWORK
};

pub(crate) const OVS: Network = Network {
    config: r#"{"type": "ovs", "bridge": "br1", "vlan": 100, "mtu": 9000,
        "trunk": [{"id": 42}, {"minID": 1000, "maxID": 1010}], "socket_file": "unix:/var/run/openvswitch/db.sock",
        "configuration_path": "/etc/cni/net.d/ovs.d/ovs.conf", "link_state_check_retries": 5,
        "args": {"cni": {"mac": "02:00:00:00:00:01"}}, "ipam": {"type": "spiderpool", "clean_gateway": true}}"#,
    args: ";MAC=02:00:00:00:00:01;OVN_PORT=default.web-0",
    of_host: &["br1", "vethb4f3c9d2"],
    ..NETWORK
};

/// As it is installed, `calico-ipam` exchanged and its keys left. Its own CHECK does nothing.
pub(crate) const CALICO: Network = Network {
    config: r#"{"type": "calico", "log_level": "info", "log_file_path": "/var/log/calico/cni/cni.log",
        "datastore_type": "kubernetes", "nodename": "node1", "nodename_file_optional": false, "mtu": 0,
        "ipam": {"type": "spiderpool", "assign_ipv4": "true", "assign_ipv6": "true", "ipv4_pools": ["10.6.0.0/16"]},
        "container_settings": {"allow_ip_forwarding": false}, "policy": {"type": "k8s"},
        "kubernetes": {"k8s_api_root": "https://10.96.0.1:443", "kubeconfig": "/etc/cni/net.d/calico-kubeconfig"},
        "feature_control": {"ip_addrs_no_ipam": true}}"#,
    interface: "eth0",
    checks: false,
    ..NETWORK
};
