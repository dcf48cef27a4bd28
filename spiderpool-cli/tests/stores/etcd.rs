//! The commands on etcd, beside an allocator that is on the same cluster: the same words as on any store.

use std::sync::Arc;

use spiderpool_core::{
    alloc::{AddRequest, Allocator, AllocatorConfig},
    env::Env,
    name::{ContainerId, InterfaceName, NodeName},
};
use spiderpool_store_etcd::{EtcdConfig, EtcdStore};
use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};

use crate::ctl::Ctl;

const POOL: &str = "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: shared}
spec: {subnet: 10.6.0.0/16, ips: [10.6.1.1-10.6.1.4]}
";

#[tokio::test]
async fn the_commands_see_what_agents_do() {
    let Some(etcd) = or_skip("spiderpoolctl on etcd", Etcd::start(&EtcdOptions::members(1))) else { return };
    let on = |prefix: &str| Ctl { store: format!("{}/{prefix}", etcd.url()), kubeconfig: None };
    let (on, elsewhere) = (on("lab"), on("elsewhere"));
    on.says(&["apply", "-f", "-"], POOL);
    let store = EtcdStore::connect(&EtcdConfig::at(on.store.parse().unwrap()), &Env::system()).await.unwrap();
    let config = AllocatorConfig::new(NodeName::new("node-1").unwrap());
    let allocator = Allocator::open(Arc::new(store), Env::system(), config).await.unwrap();
    let pool = allocator.pool(&"shared".parse().unwrap()).await.unwrap();
    let (container, eth0) = (ContainerId::new("c1").unwrap(), InterfaceName::new("eth0").unwrap());
    let granted = allocator.add(&AddRequest::of_container(&container, &eth0, &pool)).await.unwrap();
    let address = granted[0].address.to_string();

    let pools = on.says(&["get", "pools"], "");
    let row: Vec<_> = pools.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(&row[..5], ["shared", "4", "10.6.0.0/16", "1", "4"], "{pools}");
    let shown = on.says(&["ip", "show", &address], "");
    assert!(shown.contains("c1") && shown.contains("node-1"), "{shown}");
    assert!(on.run(&["fsck"], "").status.success());

    // All of it on another prefix, which is another store.
    let exported = on.says(&["export"], "");
    elsewhere.says(&["import", "-f", "-"], &exported);
    assert_eq!(elsewhere.says(&["ip", "show", &address], ""), shown);

    drop(etcd);
    let lost = on.run(&["get", "pools"], "");
    let message = String::from_utf8(lost.stderr).unwrap();
    assert!(!lost.status.success() && message.contains("127."), "{message}");
}
