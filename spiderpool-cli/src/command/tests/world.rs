//! A small world to ask about: pools, a subnet, a reservation, pods with and without addresses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Parser as _;
use pollster::block_on;
use spiderpool_core::{
    addr::Family,
    alloc::{AddPart, AddRequest, Allocator, AllocatorConfig, DelRequest},
    api::{Current, EndpointIP, EndpointStatus, ObjectMeta, SpiderEndpoint},
    env::{Clock, Entropy, Env},
    model::{Binding, Controller, Owner, Pool, Slot},
    name::{ContainerId, InterfaceName, Namespace, NamespacedName, NodeName, ObjectName, OwnerUid, Uid},
    protocol::{Fence, PoolRef, ReleaseMode},
    store::{Key, Kind, MemoryStore, Selector, Store, StoreExt as _},
    time::{Moment, Timestamp},
};

use crate::{
    answer::Answer,
    args::Cli,
    command::{apply_all, run},
    manifest,
    session::Session,
};

/// A clock that stands still, at 2026-01-02T03:04:05Z.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_323_045_000)
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(0)
    }
}

#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

const MANIFESTS: &str = r#"
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {zone: a}}
---
apiVersion: v1
kind: Namespace
metadata: {name: default}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: land}
spec: {subnet: 10.1.0.0/16, ips: [10.1.0.1-10.1.0.100]}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderReservedIP
metadata: {name: printers}
spec: {ips: [10.0.0.12, 10.0.0.200-10.0.0.203]}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: blue, annotations: {ipam.spidernet.io/release-cooldown: 5m}}
spec:
  subnet: 10.0.0.0/24
  ips: [10.0.0.10-10.0.0.19]
  excludeIPs: [10.0.0.19]
  gateway: 10.0.0.1
  routes: [{dst: 10.9.0.0/16, gw: 10.0.0.2}]
  default: true
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: full}
spec: {subnet: 10.2.0.0/24, ips: [10.2.0.1]}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: spare}
spec: {subnet: "fd00::/64", ips: ["fd00::1-fd00::ffff"], disable: true, nodeName: [node-2], multusName: [kube-system/net]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 2}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, uid: uid-web-1, labels: {app: web}, creationTimestamp: "2026-01-02T03:00:00Z"}
spec: {nodeName: node-1}
status: {phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, uid: uid-db-0}
---
apiVersion: v1
kind: Pod
metadata: {name: lonely, annotations: {ipam.spidernet.io/ippool: '{"ipv4": ["full"]}'}}
spec: {nodeName: node-1}
status: {phase: Pending, message: no address}
---
apiVersion: v1
kind: Pod
metadata: {name: picky, annotations: {ipam.spidernet.io/ippool: '{"ipv6": ["spare", "missing"]}'}}
---
apiVersion: v1
kind: Pod
metadata: {name: away, namespace: shop}
"#;

pub(super) struct World {
    session: Session,
}

/// As upstream left it: two pods that its notes agree on, a leak, two pods with one address, and its agents still there.
const UPSTREAM: &str = r#"
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: spiderpool-agent, namespace: kube-system}
status: {numberReady: 3}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default, uid: set-1}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: default, uid: u0}
spec: {nodeName: n1}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: default, uid: u1}
spec: {nodeName: n2}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: blue, uid: uid-blue}
spec: {ipVersion: 4, subnet: 10.6.0.0/16, ips: [10.6.0.10-10.6.0.19]}
status:
  allocatedIPs: '{"10.6.0.10":{"pod":"default/web-0","podUid":"u0"},"10.6.0.11":{"pod":"default/db-0","podUid":"u1"},"10.6.0.12":{"pod":"default/gone","podUid":"u2"}}'
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderEndpoint
metadata: {name: web-0, namespace: default}
status:
  current: {uid: u0, node: n1, ips: [{interface: eth0, ipv4: 10.6.0.10/16, ipv4Pool: blue}]}
  ownerControllerType: Deployment
  ownerControllerName: web
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderEndpoint
metadata: {name: twin, namespace: default}
status:
  current: {uid: u3, node: n1, ips: [{interface: eth0, ipv4: 10.6.0.10/16, ipv4Pool: blue}]}
  ownerControllerType: Pod
  ownerControllerName: twin
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderEndpoint
metadata: {name: db-0, namespace: default}
status:
  current: {uid: u1, node: n2, ips: [{interface: eth0, ipv4: 10.6.0.11/16, ipv4Pool: blue}]}
  ownerControllerType: StatefulSet
  ownerControllerName: db
"#;

impl World {
    /// A store with nothing in it.
    pub(super) fn empty() -> Self {
        let env = Env { clock: Arc::new(Still), entropy: Arc::new(Counter::default()), ..Env::system() };
        Self { session: Session::on(Arc::new(MemoryStore::new()), env) }
    }

    pub(super) fn new() -> Self {
        let env = Env { clock: Arc::new(Still), entropy: Arc::new(Counter::default()), ..Env::system() };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let session = Session::on(store.clone(), env.clone());
        block_on(async {
            let namespace = Namespace::new("default").unwrap();
            let manifests = manifest::read_text("world", MANIFESTS).unwrap();
            let mut done = apply_all(&session, manifests, &namespace, Default::default()).await.unwrap();
            assert!(done.take_failure().is_none());
            let config = AllocatorConfig::new(NodeName::new("node-1").unwrap());
            let allocator = Allocator::open(store.clone(), env, config).await.unwrap();
            for (pod, pool) in [("web-1", "blue"), ("gone", "blue"), ("other", "full"), ("db-0", "blue")] {
                add(&allocator, pod, pool).await;
            }
            let owner = OwnerUid::new("uid-gone").unwrap();
            let (mode, timeout) = (ReleaseMode::Del, Duration::from_secs(1));
            let fence = Fence::Container(ContainerId::new("c-gone").unwrap());
            allocator.del(&DelRequest { owner, fence, interface: None, mode, timeout }).await.unwrap();
            store.create(&Key::Endpoint(pod_name("web-1")), endpoint().into()).await.unwrap();
        });
        Self { session }
    }

    /// Puts what upstream left, past all checks.
    pub(super) fn put_upstream(&self) {
        block_on(async {
            for manifest in manifest::read_text("upstream", UPSTREAM).unwrap() {
                let key = manifest.object.key().unwrap();
                self.session.store().create(&key, manifest.object.into_document()).await.unwrap();
            }
        });
    }

    /// Deletes a pool past all checks.
    pub(super) fn lose_pool(&self, name: &str) {
        block_on(async {
            let name = ObjectName::new(name).unwrap();
            let (_, token) = self.session.store().pool(&name).await.unwrap().unwrap();
            self.session.store().delete(&Key::Pool(name), &token).await.unwrap();
        });
    }

    /// Deletes all plans past all checks.
    pub(super) fn lose_plans(&self) {
        block_on(async {
            let store = self.session.store();
            for item in store.list(&Selector::Kind(Kind::Plan)).await.unwrap().items {
                store.delete(&item.key, &item.token).await.unwrap();
            }
        });
    }

    /// Runs a command line and writes down all that came of it.
    pub(super) fn tell(&self, line: &str) -> String {
        let mut text = format!("$ spiderpoolctl {line}\n");
        let args = ["spiderpoolctl"].into_iter().chain(line.split_whitespace());
        let cli = match Cli::try_parse_from(args) {
            Ok(cli) => cli,
            Err(error) => return format!("{text}{error}"),
        };
        let answer = match block_on(run(&self.session, &cli.command, cli.output)) {
            Ok(answer) => answer,
            Err(failure) => Answer {
                notes: vec![format!("error: {failure}")],
                exit: Some(failure.exit()),
                ..Answer::default()
            },
        };
        if !answer.text.is_empty() {
            text += answer.text.trim_end_matches('\n');
            text.push('\n');
        }
        for note in &answer.notes {
            text += &format!("{note}\n");
        }
        if let Some(exit) = answer.exit {
            text += &format!("[exit code {}]\n", exit as u8);
        }
        text
    }
}

fn pod_name(name: &str) -> NamespacedName {
    NamespacedName { namespace: Namespace::new("default").unwrap(), name: ObjectName::new(name).unwrap() }
}

async fn add(allocator: &Allocator, pod: &str, pool: &str) {
    let (object, _) = allocator.store().pool(&ObjectName::new(pool).unwrap()).await.unwrap().unwrap();
    let parsed = Pool::try_from(object.as_ref()).unwrap();
    let interface = InterfaceName::new("eth0").unwrap();
    let part = AddPart {
        slot: Slot::Named(interface.clone()),
        interface: Some(interface),
        family: Family::V4,
        candidates: vec![Arc::new(PoolRef::new(&parsed, allocator.scope().clone()))],
        address: None,
    };
    let stateful = pod == "db-0";
    let request = AddRequest {
        owner: Owner { uid: OwnerUid::new(format!("uid-{pod}")).unwrap(), pod: Some(pod_name(pod)) },
        container: ContainerId::new(format!("c-{pod}")).unwrap(),
        network: None,
        controller: stateful.then(|| {
            Arc::new(Controller {
                api_version: "apps/v1".into(),
                kind: "StatefulSet".into(),
                name: ObjectName::new("db").unwrap(),
                uid: Uid::new("uid-db").unwrap(),
            })
        }),
        binding: if stateful { Binding::Stateful } else { Binding::Stateless },
        parts: vec![part],
        timeout: Duration::from_secs(1),
    };
    allocator.add(&request).await.unwrap();
}

fn endpoint() -> SpiderEndpoint {
    let ip = EndpointIP {
        interface: "eth0".into(),
        ipv4: Some("10.0.0.10/24".into()),
        ipv4_pool: Some("blue".into()),
        ipv4_gateway: Some("10.0.0.1".into()),
        ..EndpointIP::default()
    };
    SpiderEndpoint {
        metadata: ObjectMeta {
            name: "web-1".into(),
            namespace: Some("default".into()),
            ..ObjectMeta::default()
        },
        status: EndpointStatus {
            current: Current { uid: "uid-web-1".into(), node: "node-1".into(), ips: vec![ip] },
            owner_controller_type: "Deployment".into(),
            owner_controller_name: "web".into(),
            claims: Vec::new(),
        },
    }
}
