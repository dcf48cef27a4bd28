//! Spiderpool's core: IP address allocation over any store with compare-and-swap.
//!
//! An allocator on a store, one pool, and a container that gets an address, asks again and gives it back:
//!
//! ```
//! use std::sync::Arc;
//!
//! use spiderpool_core::{
//!     admin::Mode,
//!     alloc::{AddRequest, Allocator, AllocatorConfig, DelRequest},
//!     api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
//!     env::Env,
//!     name::{ContainerId, InterfaceName, NodeName},
//!     store::MemoryStore,
//! };
//!
//! # pollster::block_on(async {
//! let config = AllocatorConfig::new(NodeName::new("node-1")?);
//! let allocator = Allocator::open(Arc::new(MemoryStore::new()), Env::system(), config).await?;
//! let lan = SpiderIPPool {
//!     metadata: ObjectMeta { name: "lan".into(), ..ObjectMeta::default() },
//!     spec: IPPoolSpec {
//!         subnet: "10.0.0.0/24".into(),
//!         ips: vec!["10.0.0.10".into()],
//!         ..IPPoolSpec::default()
//!     },
//!     ..SpiderIPPool::default()
//! };
//! allocator.apply_pool(&lan, Mode::Real).await?;
//! let lan = allocator.pool(&"lan".parse()?).await?;
//!
//! let (container, eth0) = (ContainerId::new("8d2c1f")?, InterfaceName::new("eth0")?);
//! let ask = AddRequest::of_container(&container, &eth0, &lan);
//! let granted = allocator.add(&ask).await?;
//! assert_eq!(granted[0].address.to_string(), "10.0.0.10");
//! // Idempotent: the same container has the same address.
//! assert_eq!(allocator.add(&ask).await?[0].address, granted[0].address);
//! // The pool is empty, and the refusal says so.
//! let other = AddRequest::of_container(&ContainerId::new("77aa00")?, &eth0, &lan);
//! println!("{}", allocator.add(&other).await.unwrap_err());
//!
//! let freed = allocator.del(&DelRequest::of_container(&container)).await?;
//! assert_eq!(freed.released, [granted[0].address]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Start reading at [`alloc`] (requests), [`admin`] (pools, subnets, reservations), [`inspect`] (who holds what) and
//! [`store`] (what an engine has to offer). The clock, timers and random numbers come in through [`mod@env`]; the feature
//! `system` brings the operating system's.

pub mod addr;
pub mod admin;
pub mod alloc;
pub mod api;
pub mod autopool;
pub mod endpoint;
pub mod env;
mod hash;
mod hex;
#[cfg(feature = "history")]
pub mod history;
pub mod inspect;
pub mod lease;
pub mod migrate;
pub mod model;
pub mod mutation;
pub mod name;
pub mod protocol;
pub mod repair;
pub mod select;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod store;
pub mod sweep;
pub mod time;
pub mod transfer;
pub mod validate;
