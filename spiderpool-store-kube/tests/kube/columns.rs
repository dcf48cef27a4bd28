//! What `kubectl get` and `kubectl explain` show.

use serde_json::json;

use crate::cluster::{Cluster, apply, delete, put, shared};

fn kubectl(cluster: &Cluster, args: &[&str]) -> String {
    cluster.plane.ask(args, "").unwrap()
}

/// The words of each line.
fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn people_see_the_columns_that_the_documents_show() {
    let Some(cluster) = shared() else { return };
    let root = "/apis/spiderpool.spidernet.io/v2beta1";
    let meta = |kind: &str, name: &str| json!({ "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": kind, "metadata": { "name": name } });
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        let mut pool = meta("SpiderIPPool", "auto4-web-eth0-028d6");
        let application = json!({ "matchLabels": { "ipam.spidernet.io/app-namespace": "default" } });
        pool["spec"] = json!({ "ipVersion": 4, "subnet": "172.16.0.0/16", "podAffinity": application });
        let path = format!("{root}/spiderippools/auto4-web-eth0-028d6");
        let mut pool = apply(&client, &path, &pool).await.unwrap();
        pool["status"] = json!({ "allocatedIPCount": 3, "totalIPCount": 5 });
        put(&client, &format!("{path}/status"), &pool).await.unwrap();
        let mut endpoint = meta("SpiderEndpoint", "web-1");
        let address = json!({ "interface": "eth0", "ipv4": "172.16.41.1/16", "ipv4Pool": "p4" });
        endpoint["status"] = json!({
            "current": { "uid": "u", "node": "node-1", "ips": [address] },
            "ownerControllerType": "ReplicaSet", "ownerControllerName": "web",
        });
        apply(&client, &format!("{root}/namespaces/default/spiderendpoints/web-1"), &endpoint).await.unwrap();
    });
    assert_eq!(
        table(&kubectl(&cluster, &["get", "sp", "auto4-web-eth0-028d6"])),
        [
            vec![
                "NAME",
                "VERSION",
                "SUBNET",
                "ALLOCATED-IP-COUNT",
                "TOTAL-IP-COUNT",
                "DEFAULT",
                "DISABLE",
                "APP-NAMESPACE"
            ],
            vec!["auto4-web-eth0-028d6", "4", "172.16.0.0/16", "3", "5", "false", "false", "default"],
        ]
    );
    assert_eq!(
        table(&kubectl(&cluster, &["get", "se", "web-1"])),
        [
            vec!["NAME", "INTERFACE", "IPV4POOL", "IPV4", "IPV6POOL", "IPV6", "NODE"],
            vec!["web-1", "eth0", "p4", "172.16.41.1/16", "node-1"],
        ]
    );
    // By field, which is how an agent finds the endpoints of its node.
    let here = kubectl(
        &cluster,
        &["get", "se", "-A", "--field-selector", "status.current.node=node-1", "-o", "name"],
    );
    assert_eq!(here.trim(), "spiderendpoint.spiderpool.spidernet.io/web-1");
    let explained = kubectl(&cluster, &["explain", "sp.spec.ips"]);
    assert!(explained.contains("10.6.0.10-10.6.0.20"), "{explained}");
    assert!(kubectl(&cluster, &["get", "spiderpool", "-o", "name"]).contains("auto4-web-eth0-028d6"));
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        delete(&client, &format!("{root}/spiderippools/auto4-web-eth0-028d6")).await.unwrap();
        delete(&client, &format!("{root}/namespaces/default/spiderendpoints/web-1")).await.unwrap();
    });
}
