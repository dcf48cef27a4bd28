//! `spiderpool-controller init`: the default Subnets and pools, as upstream's `spiderpool-init` makes them.

use std::time::Duration;

use clap::Args;
use spiderpool_core::{
    addr::Family,
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool, SpiderSubnet, SubnetSpec},
    env::Env,
    name::{NameError, ObjectName},
    store::{Document, Key, Store, StoreError},
};
use spiderpool_store_kube::{ConnectError, KubeConfig, KubeStore};

/// The pause before the API server, or the webhook behind it, is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// What the webhook says of a family that is switched off.
const FAMILY_IS_OFF: &str = "is disabled: enable it, or use ";

/// What is to be created. A family without a pool's name gets none.
#[derive(Clone, Debug, Default, Args)]
pub struct InitSettings {
    /// Name of the default IPv4 pool.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_NAME", value_name = "NAME")]
    pub ipv4_pool: Option<String>,
    /// Its network: 172.20.0.0/16.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_SUBNET", value_name = "CIDR")]
    pub ipv4_network: Option<String>,
    /// Its addresses: 172.20.0.10-172.20.0.200,172.20.1.7.
    #[arg(
        long,
        env = "SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_IPRANGES",
        value_name = "RANGES",
        value_delimiter = ','
    )]
    pub ipv4_ranges: Vec<String>,
    /// Its gateway.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_GATEWAY", value_name = "ADDRESS")]
    pub ipv4_gateway: Option<String>,
    /// Name of the Subnet that it is in, which gets the same addresses.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV4_SUBNET_NAME", value_name = "NAME")]
    pub ipv4_subnet: Option<String>,
    /// Name of the default IPv6 pool.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_NAME", value_name = "NAME")]
    pub ipv6_pool: Option<String>,
    /// Its network: fd00::/112.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_SUBNET", value_name = "CIDR")]
    pub ipv6_network: Option<String>,
    /// Its addresses: fd00::10-fd00::200.
    #[arg(
        long,
        env = "SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_IPRANGES",
        value_name = "RANGES",
        value_delimiter = ','
    )]
    pub ipv6_ranges: Vec<String>,
    /// Its gateway.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_GATEWAY", value_name = "ADDRESS")]
    pub ipv6_gateway: Option<String>,
    /// Name of the Subnet that it is in, which gets the same addresses.
    #[arg(long, env = "SPIDERPOOL_INIT_DEFAULT_IPV6_SUBNET_NAME", value_name = "NAME")]
    pub ipv6_subnet: Option<String>,
    /// How many seconds it waits for the controller's webhook to answer.
    #[arg(long, env = "SPIDERPOOL_INIT_PATIENCE", value_name = "SECONDS", default_value_t = 300)]
    pub patience: u64,
}

/// Why a default pool is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// There is no way to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A name is none.
    #[error("the {family} {what}'s name: {source}")]
    Name {
        /// Of which family.
        family: Family,
        /// Pool or Subnet.
        what: &'static str,
        /// Why it is none.
        #[source]
        source: NameError,
    },
    /// A pool without a network.
    #[error("the default {family} pool has no network: set SPIDERPOOL_INIT_DEFAULT_{}_IPPOOL_SUBNET", .family.to_string().to_uppercase())]
    NoNetwork {
        /// Of which family.
        family: Family,
    },
    /// The API server refused it, or did not answer in time.
    #[error("{object} cannot be created: {source}")]
    Store {
        /// What.
        object: Box<Key>,
        /// Why not.
        #[source]
        source: StoreError,
    },
}

/// One family of the settings.
struct Wanted<'a> {
    family: Family,
    pool: &'a Option<String>,
    network: &'a Option<String>,
    ranges: &'a [String],
    gateway: &'a Option<String>,
    subnet: &'a Option<String>,
}

impl InitSettings {
    fn families(&self) -> [Wanted<'_>; 2] {
        [
            Wanted {
                family: Family::V4,
                pool: &self.ipv4_pool,
                network: &self.ipv4_network,
                ranges: &self.ipv4_ranges,
                gateway: &self.ipv4_gateway,
                subnet: &self.ipv4_subnet,
            },
            Wanted {
                family: Family::V6,
                pool: &self.ipv6_pool,
                network: &self.ipv6_network,
                ranges: &self.ipv6_ranges,
                gateway: &self.ipv6_gateway,
                subnet: &self.ipv6_subnet,
            },
        ]
    }

    /// The objects, each after what it rests on.
    fn objects(&self) -> Result<Vec<(Key, Document)>, InitError> {
        let mut objects = Vec::new();
        for wanted in self.families() {
            let Some(pool) = set(wanted.pool) else { continue };
            let family = wanted.family;
            let network = set(wanted.network).ok_or(InitError::NoNetwork { family })?;
            let ranges: Vec<_> = wanted
                .ranges
                .iter()
                .map(|range| range.trim().to_owned())
                .filter(|range| !range.is_empty())
                .collect();
            let spec = SubnetSpec {
                subnet: network.to_owned(),
                ips: ranges,
                gateway: set(wanted.gateway).map(str::to_owned),
                ..SubnetSpec::default()
            };
            let name = |what, name: &str| {
                ObjectName::new(name).map_err(|source| InitError::Name { family, what, source })
            };
            let metadata = |name: &ObjectName| ObjectMeta { name: name.to_string(), ..ObjectMeta::default() };
            let pool = name("pool", pool)?;
            let object = SpiderIPPool {
                metadata: metadata(&pool),
                spec: IPPoolSpec {
                    subnet: spec.subnet.clone(),
                    ips: spec.ips.clone(),
                    gateway: spec.gateway.clone(),
                    default: Some(true),
                    ..IPPoolSpec::default()
                },
                ..SpiderIPPool::default()
            };
            if let Some(subnet) = set(wanted.subnet) {
                let subnet = name("Subnet", subnet)?;
                let object = SpiderSubnet { metadata: metadata(&subnet), spec, ..SpiderSubnet::default() };
                objects.push((Key::Subnet(subnet), object.into()));
            }
            objects.push((Key::Pool(pool), object.into()));
        }
        Ok(objects)
    }
}

fn set(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|value| !value.is_empty())
}

/// Whether the same may be taken soon. An upgrade that enables a family asks for its pool at once, and a kubelet shows the controller its new
/// configuration only within a minute or two.
fn may_pass(error: &StoreError) -> bool {
    let waits = |message: &str| message.contains(FAMILY_IS_OFF);
    error.may_pass() || matches!(error, StoreError::Refused { message, .. } if waits(message))
}

/// Creates what is not there, and waits for a webhook that does not answer yet, or does not know yet that the family is enabled.
///
/// # Errors
/// The first object that cannot be created, and why.
pub async fn init(settings: &InitSettings) -> Result<(), InitError> {
    let objects = settings.objects()?;
    if objects.is_empty() {
        tracing::info!("no default pool is asked for");
        return Ok(());
    }
    let store = KubeStore::connect(&KubeConfig::infer().await?)?;
    let env = Env::system();
    let deadline = env.clock.monotonic().after(Duration::from_secs(settings.patience));
    for (key, document) in objects {
        loop {
            match store.create(&key, document.clone()).await {
                Ok(_) => {
                    tracing::info!(object = %key, "created");
                    break;
                }
                Err(StoreError::AlreadyExists { .. }) => {
                    tracing::info!(object = %key, "is there already, and stays as it is");
                    break;
                }
                Err(error) if may_pass(&error) && env.clock.monotonic() < deadline => {
                    tracing::info!(object = %key, %error, "cannot be created yet");
                    env.timer.sleep(PAUSE).await;
                }
                Err(source) => return Err(InitError::Store { object: Box::new(key), source }),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use spiderpool_core::{
        model::Families,
        validate::{self, Context},
    };

    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn a_subnet_comes_before_its_pool_and_a_family_without_a_name_not_at_all() {
        let settings = InitSettings {
            ipv4_pool: some("default-v4-ippool"),
            ipv4_network: some("172.20.0.0/16"),
            ipv4_ranges: vec!["172.20.0.10-172.20.0.200".into(), String::new()],
            ipv4_gateway: some("172.20.0.1"),
            ipv4_subnet: some("default-v4-subnet"),
            ipv6_pool: some(""),
            ..InitSettings::default()
        };
        let objects = settings.objects().unwrap();
        let keys: Vec<_> = objects.iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(keys, ["subnet default-v4-subnet", "pool default-v4-ippool"]);
        let pool = objects[1].1.as_pool().unwrap();
        assert_eq!(pool.spec.default, Some(true));
        assert_eq!(pool.spec.ips, ["172.20.0.10-172.20.0.200"]);
    }

    #[test]
    fn a_family_that_is_not_enabled_yet_is_waited_for_and_nothing_else() {
        let refused = |spec: IPPoolSpec| {
            let pool = SpiderIPPool { spec, ..SpiderIPPool::default() };
            let context = Context { families: Families::V6, ..Context::default() };
            let message = validate::pool::create(&pool, &context).to_string();
            let key = Box::new(Key::Pool(ObjectName::new("four").unwrap()));
            StoreError::Refused { key, message }
        };
        let network = |subnet: &str| IPPoolSpec { subnet: subnet.into(), ..IPPoolSpec::default() };
        assert!(may_pass(&refused(network("172.20.0.0/16"))), "{}", refused(network("172.20.0.0/16")));
        assert!(!may_pass(&refused(network("fd00::/33"))), "{}", refused(network("fd00::/33")));
        assert!(may_pass(&StoreError::unknown("no answer")));
    }

    #[test]
    fn a_pool_needs_a_network_and_a_name_that_is_one() {
        let error = |settings: InitSettings| settings.objects().unwrap_err().to_string();
        let pool = |name: &str| InitSettings { ipv6_pool: some(name), ..InitSettings::default() };
        assert!(
            error(pool("six")).contains("SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_SUBNET"),
            "{}",
            error(pool("six"))
        );
        let wrong = InitSettings { ipv6_network: some("fd00::/112"), ..pool("a/b") };
        assert!(error(wrong).contains("name"));
    }
}
