//! A pool on this machine's disk, and an address for a container.
#![expect(clippy::print_stdout, reason = "an example for people")]
use std::error::Error;

use spiderpool_core::{
    admin::Mode,
    alloc::{AddRequest, Allocator, AllocatorConfig, DelRequest},
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
    env::Env,
    name::{ContainerId, InterfaceName, NodeName},
};
use spiderpool_store_sled::{SledConfig, SledStore};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    pollster::block_on(async {
        let env = Env::system();
        let store = SledStore::open(&SledConfig::at(directory.path().join("db")), &env)?;
        let config = AllocatorConfig::new(NodeName::new("node-1")?);
        let allocator = Allocator::open(std::sync::Arc::new(store), env, config).await?;

        let range = vec!["192.168.7.10-192.168.7.99".into()];
        let spec = IPPoolSpec { subnet: "192.168.7.0/24".into(), ips: range, ..Default::default() };
        let metadata = ObjectMeta { name: "lan".into(), ..Default::default() };
        let pool = SpiderIPPool { metadata, spec, ..Default::default() };
        allocator.apply_pool(&pool, Mode::Real).await?;

        let (container, eth0) = (ContainerId::new("8d2c1f")?, InterfaceName::new("eth0")?);
        let lan = allocator.pool(&"lan".parse()?).await?;
        let granted = allocator.add(&AddRequest::of_container(&container, &eth0, &lan)).await?;
        println!("granted {}, durably", granted[0].address);
        let freed = allocator.del(&DelRequest::of_container(&container)).await?;
        println!("released {}", freed.released[0]);
        assert_eq!(freed.released, [granted[0].address]);
        Ok(())
    })
}
