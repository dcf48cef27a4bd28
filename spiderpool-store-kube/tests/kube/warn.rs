//! Events.

use spiderpool_core::time::Timestamp;
use spiderpool_store_kube::{Regarding, Warning};

use crate::cluster::{get, shared};

#[test]
fn the_same_warning_again_is_counted() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (store, client) = (cluster.store().await, cluster.client().await);
        let first = Warning {
            regarding: Regarding {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: Some("team-b".into()),
                name: "warned".into(),
                uid: "u-1".into(),
            },
            component: "spiderpool-agent",
            host: "n1".into(),
            reason: "IPAllocationExhausted".into(),
            message: "pool blue is full".into(),
            at: Timestamp::from_millis(1_000),
        };
        store.warn(&first).await.unwrap();
        let again = Warning {
            message: "pools blue and green are full".into(),
            at: Timestamp::from_millis(61_000),
            ..first.clone()
        };
        store.warn(&again).await.unwrap();
        store.warn(&Warning { reason: "IPAllocationNoPool".into(), ..first }).await.unwrap();
        let events = get(&client, "/api/v1/namespaces/team-b/events").await.unwrap();
        let seen: Vec<_> = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| {
                let text = |path: &str| event.pointer(path).unwrap().as_str().unwrap_or_default().to_owned();
                assert_eq!(text("/involvedObject/uid"), "u-1");
                assert_eq!(text("/firstTimestamp"), "1970-01-01T00:00:01Z");
                (text("/reason"), text("/message"), event["count"].as_u64().unwrap(), text("/lastTimestamp"))
            })
            .collect();
        let of = |reason: &str| seen.iter().find(|event| event.0 == reason).unwrap().clone();
        assert_eq!(seen.len(), 2);
        assert_eq!(of("IPAllocationExhausted").1, "pools blue and green are full");
        assert_eq!((of("IPAllocationExhausted").2, of("IPAllocationNoPool").2), (2, 1));
        assert_eq!(of("IPAllocationExhausted").3, "1970-01-01T00:01:01Z");
    });
}
