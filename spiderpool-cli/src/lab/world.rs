//! The lab while it is up: its directory, its network, its agent and its cluster.

use spiderpool_core::{
    admin::Mode,
    api::{
        SpiderIPPool,
        manifest::{Manifest, Object},
    },
    env::Env,
    inspect::{Inspect, RecordFilter},
    name::Namespace,
    time::Timestamp,
};

use super::{
    agent::{Agent, AgentSettings},
    audit::{Claimed, audit},
    cluster::Cluster,
    cni::{Chain, IpamSettings, Plugins},
    kubelet::{Kubelet, Site},
    network::{Fabric, GatewayAddress, Namespaces},
    networks::Networks,
    operator::Operator,
    place::Place,
    process::Runner,
    programs::Programs,
    show,
    stop::Stop,
};
use crate::{
    args::LabArgs,
    command::apply_all,
    failure::Failure,
    output::count,
    session::{Opening, Session, store_failure},
};

/// The name of the lab's node, unless a manifest names another.
const NODE: &str = "lab-node";

/// The lab while it is up.
#[derive(Debug)]
pub(crate) struct World {
    /// The agent.
    pub(crate) agent: Agent,
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The network; none: the lab runs without.
    pub(crate) fabric: Option<Fabric>,
    /// How programs are run.
    pub(crate) runner: Runner,
    /// How to start the agent again.
    pub(crate) agent_settings: AgentSettings,
    session: Session,
    /// What keeps the pools of applications, once it was begun.
    operator: Option<Operator>,
}

/// Whether the lab has a network, and if not, why.
#[derive(Clone, Debug)]
pub(crate) enum Ground {
    /// It has.
    Network(Fabric),
    /// It has not, for this reason.
    None(String),
}

impl Ground {
    /// The network.
    pub(crate) fn fabric(&self) -> Option<Fabric> {
        match self {
            Self::Network(fabric) => Some(fabric.clone()),
            Self::None(_) => None,
        }
    }

    /// `macvlan`, `bridge` or `none`, for programs.
    pub(crate) fn mode(&self, args: &LabArgs) -> &'static str {
        match self {
            Self::Network(_) => args.plugin_type.name(),
            Self::None(_) => "none",
        }
    }

    /// The same for people.
    pub(crate) fn words(&self, args: &LabArgs) -> String {
        match self {
            Self::Network(fabric) => format!(
                "pods in network namespaces {}*, attached by the CNI plugin {}",
                fabric.node.name().trim_end_matches("node"),
                args.plugin_type.name()
            ),
            Self::None(why) => {
                format!("WITHOUT network interfaces ({why}); the IPAM plugin is called directly")
            }
        }
    }
}

/// Makes the lab's network, or says why there is none.
pub(crate) async fn make_ground(
    args: &LabArgs,
    place: &Place,
    programs: &Programs,
    runner: &Runner,
) -> Result<Ground, Failure> {
    if args.no_network {
        return Ok(Ground::None("--no-network".into()));
    }
    if !nix::unistd::geteuid().is_root() {
        return Ok(Ground::None("network namespaces need root".into()));
    }
    let plugins = Plugins { path: programs.cni_path.clone(), node: None };
    if let Err(missing) = plugins.find(args.plugin_type.name()) {
        return Ok(Ground::None(format!("{missing} (Debian package containernetworking-plugins)")));
    }
    let namespaces = Namespaces::new(&place.state().prefix);
    match Fabric::make(runner, &namespaces).await {
        Ok(fabric) => {
            if args.plugin_type == super::cni::PluginType::Bridge {
                let made = fabric.add_bridge(runner).await;
                made.map_err(|error| Failure::refused("the bridge cannot be made").because(error))?;
            }
            Ok(Ground::Network(fabric))
        }
        Err(super::process::RunError::Interrupted) => Err(super::interrupted()),
        Err(error) => Ok(Ground::None(error.to_string())),
    }
}

impl World {
    /// Starts the agent and opens its store.
    pub(crate) async fn start(
        args: &LabArgs,
        place: &mut Place,
        programs: &Programs,
        fabric: Option<Fabric>,
        stop: &Stop,
        node: Option<String>,
    ) -> Result<Self, Failure> {
        let env = Env::system();
        let node = node.unwrap_or_else(|| NODE.into());
        let agent_settings =
            AgentSettings { program: programs.agent.clone(), node: node.clone(), families: args.families };
        let mut agent = Agent::start(&agent_settings, place, stop).await?;
        let built = Self::build(args, place, programs, fabric.clone(), stop, node, env).await;
        let (session, cluster) = match built {
            Ok(built) => built,
            Err(failure) => {
                agent.end().await?;
                return Err(failure);
            }
        };
        Ok(Self {
            agent,
            cluster,
            fabric,
            runner: Runner::new(stop.clone()),
            agent_settings,
            session,
            operator: None,
        })
    }

    async fn build(
        args: &LabArgs,
        place: &Place,
        programs: &Programs,
        fabric: Option<Fabric>,
        stop: &Stop,
        node: String,
        env: Env,
    ) -> Result<(Session, Cluster), Failure> {
        let session = Session::open(&crate::args::Target::Agent(place.socket()), Opening::Existing).await?;
        let allocator = session.allocator().await?;
        let runner = Runner::new(stop.clone());
        let plugins = Plugins {
            path: programs.cni_path.clone(),
            node: fabric.as_ref().map(|fabric| fabric.node.path().to_owned()),
        };
        let ipam = IpamSettings { socket: place.socket(), log: place.plugin_log() };
        let site = match fabric {
            Some(_) => Site::Network(Namespaces::new(&place.state().prefix)),
            None => Site::Files(place.sandboxes()),
        };
        let kubelet = Kubelet {
            site,
            chain: Chain::new(runner.clone(), plugins),
            networks: Networks::new(args.plugin_type, ipam),
            runner,
            env,
        };
        Ok((session, Cluster::new(kubelet, allocator, node)))
    }

    /// Begins to keep the pools of applications, as the controller does in a cluster.
    pub(crate) fn keep_pools(&mut self) {
        let allocator = self.cluster.allocator();
        self.operator.get_or_insert_with(|| Operator::start(allocator));
    }

    /// What the controller wanted people to know since this was asked last.
    pub(crate) fn events(&self) -> Vec<String> {
        self.operator.as_ref().map(Operator::events).unwrap_or_default()
    }

    /// The views.
    pub(crate) async fn inspect(&self) -> Result<Inspect, Failure> {
        self.session.inspect().await
    }

    /// The session.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Applies manifests as `spiderpoolctl apply` does, tells the cluster of them, and the switch of new gateways.
    /// Pods are not started yet: that is [`Cluster::settle`].
    pub(crate) async fn apply(&mut self, manifests: Vec<Manifest>) -> Result<Vec<String>, Failure> {
        let namespace = Namespace::new("default").map_err(|error| Failure::usage(error.to_string()))?;
        let mut keys = Vec::new();
        for manifest in &manifests {
            let mut object = manifest.object.clone();
            object.place_in(&namespace);
            keys.push(object.key().map_err(|error| Failure::usage(error.to_string()))?);
        }
        let mut done = apply_all(&self.session, manifests, &namespace, Mode::Real).await?;
        if let Some((object, failure)) = done.take_failure() {
            return Err(Failure::refused(format!("{object} cannot be applied")).because(failure));
        }
        for key in keys {
            let found = self.session.store().get(&key).await.map_err(store_failure)?;
            match found.as_ref().and_then(|found| Object::of_document(&found.document)) {
                Some(Object::Resource(resource)) => self.cluster.take_in(&resource)?,
                Some(Object::Pool(pool)) => self.add_gateway(&pool).await?,
                _ => {}
            }
        }
        Ok(done.warnings().collect())
    }

    /// Gives the switch the pool's gateway.
    async fn add_gateway(&self, pool: &SpiderIPPool) -> Result<(), Failure> {
        let (Some(fabric), Some(gateway)) = (&self.fabric, &pool.spec.gateway) else { return Ok(()) };
        let Some((_, prefix)) = pool.spec.subnet.split_once('/') else { return Ok(()) };
        let address = GatewayAddress(format!("{gateway}/{prefix}"));
        fabric
            .add_gateways(&self.runner, &[address])
            .await
            .map_err(|error| Failure::refused(format!("gateway {gateway} cannot be set up")).because(error))
    }

    /// Nothing lost, nothing twice: the pods' addresses against the store's records.
    pub(crate) async fn audit(&self) -> Result<Result<String, String>, Failure> {
        let mut pods = Vec::new();
        for (name, pod) in self.cluster.pods() {
            if let Some(sandbox) = &pod.sandbox {
                pods.push(Claimed {
                    pod: name.clone(),
                    uid: pod.object.metadata.uid.clone().unwrap_or_default(),
                    container: sandbox.container.clone(),
                    addresses: sandbox.addresses().into_iter().map(|own| own.address).collect(),
                });
            }
        }
        let records = self.inspect().await?.records(&RecordFilter::default()).await.map_err(store_failure)?;
        let problems = audit(&pods, records.iter().map(|(address, record)| (*address, record.as_ref())));
        let addresses: usize = pods.iter().map(|pod| pod.addresses.len()).sum();
        Ok(match problems.is_empty() {
            true => Ok(format!("{}, {}", count(pods.len(), "pod"), count(addresses, "address"))),
            false => Err(problems.join("; ")),
        })
    }

    /// The pool `name` with its counts.
    pub(crate) async fn pool(&self, name: &str) -> Result<SpiderIPPool, Failure> {
        show::pool(&self.inspect().await?, name).await
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.session.env().clock.now()
    }
}
