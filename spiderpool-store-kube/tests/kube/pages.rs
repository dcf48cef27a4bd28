//! Large lists, page by page.

use std::num::NonZeroU32;

use spiderpool_core::{
    api::{ObjectMeta, SpiderEndpoint},
    name::{Namespace, NamespacedName, ObjectName},
    store::{Key, Kind, Selector, Store},
};
use spiderpool_store_kube::{KubeConfig, KubeStore};

use crate::{
    cluster::{Cluster, shared},
    proxy::{Faults, Proxy},
};

const ENDPOINTS: usize = 20;
const VERSION: &str = "version";

fn key(namespace: &Namespace, number: usize) -> Key {
    let name = ObjectName::new(format!("pod-{number:02}")).unwrap();
    Key::Endpoint(NamespacedName { namespace: namespace.clone(), name })
}

fn endpoint(number: usize, version: usize) -> SpiderEndpoint {
    let annotations = [(VERSION.to_owned(), version.to_string())].into();
    let metadata = ObjectMeta { name: format!("pod-{number:02}"), annotations, ..ObjectMeta::default() };
    SpiderEndpoint { metadata, ..SpiderEndpoint::default() }
}

/// The versions of the endpoints, in the order of their names.
async fn versions(store: &KubeStore, namespace: &Namespace) -> Vec<usize> {
    let listing = store.list(&Selector::Kind(Kind::Endpoint)).await.unwrap();
    let own = listing
        .items
        .iter()
        .filter(|item| matches!(&item.key, Key::Endpoint(name) if name.namespace == *namespace));
    let version = |endpoint: &SpiderEndpoint| endpoint.metadata.annotations[VERSION].parse().unwrap();
    own.map(|item| version(item.document.as_endpoint().unwrap())).collect()
}

fn small_pages(mut config: KubeConfig) -> KubeStore {
    config.page = NonZeroU32::new(3).unwrap();
    KubeStore::connect(&config).unwrap()
}

async fn make(cluster: &Cluster, namespace: &str) -> (KubeStore, Namespace) {
    cluster.plane.ask(&["create", "namespace", namespace], "").unwrap();
    let (whole, namespace) =
        (KubeStore::connect(&cluster.config().await).unwrap(), Namespace::new(namespace).unwrap());
    for number in 0..ENDPOINTS {
        whole.create(&key(&namespace, number), endpoint(number, 0).into()).await.unwrap();
    }
    (whole, namespace)
}

/// Somebody writes the endpoints one after the other: whoever sees a newer one before an older one did not see one instant.
#[test]
fn pages_are_of_one_instant() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (whole, namespace) = make(&cluster, "pages-one-instant").await;
        let paged = small_pages(cluster.config().await);
        let (writer, home) = (whole.clone(), namespace.clone());
        let writing = tokio::spawn(async move {
            for version in 1..=10 {
                for number in (0..ENDPOINTS).rev() {
                    let found = writer.get(&key(&home, number)).await.unwrap().unwrap();
                    writer.update(&found.key, &found.token, endpoint(number, version).into()).await.unwrap();
                }
            }
        });
        let mut middles = 0;
        while !writing.is_finished() {
            let seen = versions(&paged, &namespace).await;
            assert_eq!(seen.len(), ENDPOINTS);
            assert!(seen.is_sorted() && seen[ENDPOINTS - 1] - seen[0] <= 1, "{seen:?}");
            middles += usize::from(seen[0] != seen[ENDPOINTS - 1]);
        }
        writing.await.unwrap();
        assert!(middles > 0, "nothing was listed in the middle of writing");
        assert_eq!(versions(&paged, &namespace).await, [10; ENDPOINTS]);
        let selector = Selector::Kind(Kind::Endpoint);
        assert_eq!(paged.tokens(&selector).await.unwrap(), whole.tokens(&selector).await.unwrap());
    });
}

/// The API server does not know the instant of the first page any more: the list is begun anew, in one piece.
#[test]
fn a_list_whose_pages_expire_is_whole() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let (_, namespace) = make(&cluster, "pages-expire").await;
        let (proxy, config) = Proxy::start(&cluster, Faults::Pages).await;
        let paged = small_pages(config);
        for asked in 1..=3 {
            assert_eq!(versions(&paged, &namespace).await, [0; ENDPOINTS]);
            assert_eq!(proxy.injected(), [asked, 0]);
        }
    });
}
