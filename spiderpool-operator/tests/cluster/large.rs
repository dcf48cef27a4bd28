//! Many addresses in many pools, with all endpoints that show them: what the controller costs.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    addr::Family,
    alloc::{AddPart, AddRequest, Allocator, AllocatorConfig},
    api::SpiderIPPool,
    endpoint::{ShownAddress, ShownInterface, View},
    env::Env,
    model::{Binding, Owner, Pool, Slot},
    name::{ContainerId, InterfaceName, NodeName, ObjectName, OwnerUid},
    store::{Key, Store, StoreExt},
};
use spiderpool_store_kube::{KubeConfig, KubeStore};
use tokio::task::JoinSet;

use crate::support::Cluster;

const POOLS: usize = 2_000;
/// So many addresses a pod holds.
const EACH: usize = 5;
const AT_ONCE: usize = 16;

/// How many pods: ten thousand addresses, unless asked otherwise.
fn pods() -> usize {
    std::env::var("SPIDERPOOL_PODS").map_or(2_000, |asked| asked.parse().unwrap())
}

fn make_pods(cluster: &Cluster, count: usize) {
    let one = |n| {
        format!(
            "
apiVersion: v1
kind: Pod
metadata: {{name: pod-{n}, namespace: default}}
spec: {{nodeName: n1, containers: [{{name: c, image: none.invalid/c}}]}}
"
        )
    };
    cluster.plane.create_all(&(0..count).map(one).collect::<Vec<_>>()).unwrap();
}

/// Works on `0..count`, so many at once.
async fn each<F: Future<Output = ()> + Send + 'static>(count: usize, mut work: impl FnMut(usize) -> F) {
    let mut running = JoinSet::new();
    for n in 0..count {
        if running.len() >= AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(work(n));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

fn name(n: usize) -> ObjectName {
    format!("pool-{n}").parse().unwrap()
}

/// A pool of exactly the addresses that its pods hold, without a Subnet.
fn pool(n: usize) -> SpiderIPPool {
    let (network, size) = (format!("10.{}.{}", 100 + n / 256, n % 256), EACH * pods().div_ceil(POOLS));
    serde_json::from_value(serde_json::json!({
        "metadata": {"name": name(n).as_str()},
        "spec": {"ipVersion": 4, "subnet": "10.0.0.0/8", "ips": [format!("{network}.1-{network}.{size}")]},
    }))
    .unwrap()
}

async fn grant(agent: Allocator, n: usize, uid: String) {
    let pool = agent.pool(&name(n % POOLS)).await.unwrap();
    let (container, eth0) = (ContainerId::new(format!("c{n}")).unwrap(), InterfaceName::new("eth0").unwrap());
    let mut request = AddRequest::of_container(&container, &eth0, &pool);
    let pod = format!("default/pod-{n}").parse().unwrap();
    request.owner = Owner { uid: OwnerUid::new(&uid).unwrap(), pod: Some(pod) };
    request.binding = Binding::Stateless;
    let part = request.parts.remove(0);
    request.parts = (0..EACH)
        .map(|i| AddPart {
            slot: Slot::Named(format!("eth{i}").parse().unwrap()),
            family: Family::V4,
            ..part.clone()
        })
        .collect();
    request.timeout = Duration::from_secs(60);
    let granted = agent.add(&request).await.unwrap();
    let (object, _) = agent.store().pool(&name(n % POOLS)).await.unwrap().unwrap();
    let pool = Pool::try_from(object.as_ref()).unwrap();
    let interfaces = granted.iter().zip(&request.parts).map(|(granted, part)| ShownInterface {
        slot: part.slot.clone(),
        interface: part.interface.clone(),
        addresses: vec![ShownAddress::of(granted.address, &pool)],
        routes: Vec::new(),
        clean_gateway: false,
        mac: None,
    });
    let view = View {
        owner: request.owner.clone(),
        node: NodeName::new("n1").unwrap(),
        controller: None,
        binding: request.binding,
        interfaces: interfaces.collect(),
    };
    agent.record_view(&view).await.unwrap();
}

/// Seconds of processor time that a process took.
fn processor_time(pid: u64) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // In ticks of a hundredth of a second (proc(5): utime and stime).
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

#[test]
fn ten_thousand_addresses_in_two_thousand_pools() {
    let Some(cluster) = Cluster::start("operator: many pools") else { return };
    let count = pods();
    cluster.apply("{apiVersion: v1, kind: Node, metadata: {name: n1}}");
    make_pods(&cluster, count);
    let uids = cluster.says(&[
        "get",
        "pods",
        "-o",
        "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{\"\\n\"}{end}",
    ]);
    let mut by_pod = vec![String::new(); count];
    for (pod, uid) in uids.lines().filter_map(|line| line.split_once(' ')) {
        by_pod[pod.strip_prefix("pod-").unwrap().parse::<usize>().unwrap()] = uid.to_owned();
    }
    let clock = Env::system().clock;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = KubeConfig::from_file(cluster.plane.kubeconfig(), None).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(KubeStore::connect(&config).unwrap());
        each(POOLS, |n| {
            let store = Arc::clone(&store);
            async move {
                store.create(&Key::Pool(name(n)), pool(n).into()).await.unwrap();
            }
        })
        .await;
        let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
        let agent = Allocator::open(store, Env::system(), config).await.unwrap();
        each(count, |n| grant(agent.clone(), n, std::mem::take(&mut by_pod[n]))).await;
    });

    let begun = clock.monotonic();
    let controller = cluster.controller("one", &[]);
    let swept = controller.until("the sweep has passed over everything");
    let ready = clock.monotonic().left(begun);
    assert_eq!((&swept["judged"], &swept["freed"]), (&(count * EACH).into(), &0.into()));
    let shown = controller.diagnostics();
    let (pid, memory) =
        (shown["pid"].as_u64().unwrap(), |what: &str| shown["memory"][what].as_u64().unwrap() >> 20);
    println!(
        "{POOLS} pools, {} addresses held: the first sweep is done {:.1} s after the start (5 s of them waiting), the pass took {} ms; \
         {:.2} s of processor time in all; {} MiB resident, {} at most",
        count * EACH,
        ready.as_secs_f64(),
        swept["took_ms"],
        processor_time(pid),
        memory("residentBytes"),
        memory("peakResidentBytes"),
    );
    // Its pools' status is written meanwhile.
    let written = || {
        let figures = controller.metrics();
        let told = figures.lines().find_map(|line| line.strip_prefix("spiderpool_status_writes_total "));
        told.unwrap().parse::<u64>().unwrap()
    };
    cluster.until("sp/pool-0", ".status.allocatedIPCount", &(EACH * count.div_ceil(POOLS)).to_string());
    let (writes, since) = (written(), clock.monotonic().left(begun).as_secs_f64());
    println!(
        "status: {writes} writes in {since:.1} s; {:.2} s of processor time in all",
        processor_time(pid)
    );
    assert!(memory("peakResidentBytes") < 200, "{shown}");
    controller.stopped();
}
