//! Applications that scale at random while controllers are killed, the API server dies, and agents allocate.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use spiderpool_core::{
    alloc::{AddRequest, Allocator, AllocatorConfig, DelRequest, OpenError},
    env::Env,
    inspect::Severity,
    model::{Pool, Subnet},
    name::{ContainerId, InterfaceName, NodeName, ObjectName},
    store::{Kind, Selector, Store, StoreExt},
};
use spiderpool_store_kube::{KubeConfig, KubeStore};

use crate::support::{Cluster, deployment};

const APPLICATIONS: usize = 50;
const AGENTS: usize = 2;
/// How long pools may take to be right after the last blow.
const CALM: Duration = Duration::from_secs(240);

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// How long a controller lives.
const LIFE: Duration = Duration::from_secs(5);
/// How many of its connections to the API server are cut meanwhile.
const CUTS: u32 = 10;

/// How many controllers are killed: a minute's worth, unless asked otherwise.
fn deaths() -> usize {
    let asked = std::env::var("SPIDERPOOL_SOAK_CONTROLLER_DEATHS").ok();
    asked.map_or(12, |asked| asked.parse().unwrap())
}

fn deployments(replicas: &[usize]) -> String {
    let number = "ipam.spidernet.io/ippool-ip-number: '+2'";
    let one = |(n, replicas): (usize, &usize)| {
        deployment(&format!("app-{n}"), *replicas, r#"{"ipv4": ["home"]}"#, number)
    };
    replicas.iter().enumerate().map(one).collect::<Vec<_>>().join("---")
}

async fn allocator(kubeconfig: &Path, node: &str) -> Allocator {
    let config = KubeConfig::from_file(kubeconfig, None).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(KubeStore::connect(&config).unwrap());
    let config = AllocatorConfig::new(NodeName::new(node).unwrap());
    loop {
        match Allocator::open(Arc::clone(&store), Env::system(), config.clone()).await {
            Err(OpenError::Store(error)) if error.may_pass() => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            opened => return opened.unwrap(),
        }
    }
}

async fn pools(allocator: &Allocator) -> Vec<Pool> {
    let Ok(listing) = allocator.store().list(&Selector::Kind(Kind::Pool)).await else { return Vec::new() };
    let objects = listing.items.iter().filter_map(|item| item.document.as_pool());
    objects.filter_map(|object| Pool::try_from(object.as_ref()).ok()).collect()
}

/// Takes addresses of any pool and gives them back, until it is told to stop and has given back all. How many it took.
async fn agent(kubeconfig: PathBuf, n: usize, stop: Arc<AtomicBool>) -> usize {
    let allocator = allocator(&kubeconfig, &format!("n{n}")).await;
    let (mut dice, mut held, mut taken) = (Dice(n as u64 + 7), Vec::new(), 0);
    let eth0 = InterfaceName::new("eth0").unwrap();
    while !stop.load(Ordering::Relaxed) {
        let pools = pools(&allocator).await;
        if !pools.is_empty()
            && let Ok(pool) = allocator.pool(&pools[dice.below(pools.len())].name).await
        {
            let container = ContainerId::new(format!("a{n}-{taken}")).unwrap();
            taken += 1;
            // Whatever came of it: it is given back.
            let _ = allocator.add(&AddRequest::of_container(&container, &eth0, &pool)).await;
            held.push(container);
        }
        if held.len() > 20 {
            give_back(&allocator, &held.remove(dice.below(held.len()))).await;
        }
    }
    for container in &held {
        give_back(&allocator, container).await;
    }
    taken
}

async fn give_back(allocator: &Allocator, container: &ContainerId) {
    // The API server is away for a while: a runtime repeats its DEL, too.
    while allocator.del(&DelRequest::of_container(container)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn pools_come_out_right_whatever_dies() {
    let Some(mut cluster) = Cluster::start("operator: chaos") else { return };
    cluster.apply(
        "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: home}
spec: {subnet: 10.9.0.0/16, ips: [10.9.0.1-10.9.3.254]}
",
    );
    let mut dice = Dice(1);
    let mut replicas = [2usize; APPLICATIONS];
    cluster.apply(&deployments(&replicas));
    let line = cluster.through_a_line();
    let mut controller = cluster.controller("c0", &[]);
    controller.until("leading");
    let (kubeconfig, stop) = (cluster.plane.kubeconfig().to_owned(), Arc::new(AtomicBool::new(false)));
    let agents: Vec<_> = (0..AGENTS)
        .map(|n| {
            let (kubeconfig, stop) = (kubeconfig.clone(), Arc::clone(&stop));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(agent(kubeconfig, n, stop))
            })
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (deaths, mut cut) = (deaths(), 0);
    for death in 1..=deaths {
        for _ in 0..10 {
            replicas[dice.below(APPLICATIONS)] = dice.below(8);
        }
        cluster.apply(&deployments(&replicas));
        // Each dies while it works, after its connections were cut one by one: watches, and requests under way.
        for _ in 0..CUTS {
            runtime.block_on(async { tokio::time::sleep(LIFE / CUTS).await });
            cut += usize::from(line.cut(dice.below(64)));
        }
        controller.killed();
        if death % 6 == 2 {
            cluster.plane.restart_apiserver().unwrap();
        }
        controller = cluster.controller(&format!("c{death}"), &[]);
        if dice.below(2) == 0 {
            controller.until("leading");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let taken: usize = agents.into_iter().map(|agent| agent.join().unwrap()).sum();
    assert!(taken > 0);
    assert!(cut > deaths, "{cut} connections were cut");
    println!(
        "{deaths} controllers killed, {cut} of their connections cut, {taken} addresses taken and given back"
    );

    runtime.block_on(async {
        let allocator = allocator(&kubeconfig, "looker-on").await;
        let clock = Env::system().clock;
        let end = clock.monotonic().after(CALM);
        loop {
            let mut wrong = wrong(&allocator, &replicas).await;
            match allocator.inspect().fsck().await {
                Ok(found) => {
                    let bad = found.iter().filter(|finding| finding.severity != Severity::Info);
                    wrong.extend(bad.map(|finding| format!("{finding:?}")));
                }
                // The API server may still be busy with its own restart.
                Err(error) => wrong.push(error.to_string()),
            }
            if wrong.is_empty() {
                break;
            }
            assert!(clock.monotonic() < end, "still after {deaths} deaths: {wrong:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    controller.stopped();
}

/// What is not as it is to be: a pool of another size, an address in two pools or held, a record of the Subnet that differs.
async fn wrong(allocator: &Allocator, replicas: &[usize]) -> Vec<String> {
    let pools = pools(allocator).await;
    let mut wrong = Vec::new();
    for (n, replicas) in replicas.iter().enumerate() {
        let name = format!("auto4-app-{n}-eth0-");
        let own: Vec<_> = pools.iter().filter(|pool| pool.name.as_str().starts_with(&name)).collect();
        let sizes: Vec<_> = own.iter().map(|pool| pool.allocatable().len_saturating()).collect();
        if sizes != [*replicas as u128 + 2] {
            wrong.push(format!("app-{n} with {replicas} replicas: {sizes:?}"));
        }
    }
    let home = ObjectName::new("home").unwrap();
    let Ok(Some((home, _))) = allocator.store().subnet(&home).await else { return vec!["no Subnet".into()] };
    let record = Subnet::try_from(home.as_ref()).unwrap().controlled;
    for pool in &pools {
        let recorded = record.get(&pool.name).map(|own| own.ips.clone());
        if recorded.as_ref() != Some(&pool.allocatable()) {
            wrong.push(format!("the record has {recorded:?} of {}", pool.name));
        }
    }
    if record.len() != pools.len() {
        wrong.push(format!("{} pools, {} in the record", pools.len(), record.len()));
    }
    let held = allocator.inspect().records(&Default::default()).await;
    wrong.extend(held.into_iter().flatten().map(|(address, _)| format!("{address} is held")));
    wrong
}
