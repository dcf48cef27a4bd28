//! The kinds that users write, in upstream Spiderpool's v2beta1 form, and the other objects that are read.

mod condition;
mod endpoint;
pub mod keys;
pub mod manifest;
mod meta;
mod pool;
mod resource;
mod violation;
mod warning;

pub use condition::{Condition, ConditionStatus};
pub use endpoint::{Claim, ClaimState, Current, EndpointIP, EndpointStatus, SpiderEndpoint};
pub use meta::{API_VERSION, GROUP, LabelRequirement, LabelSelector, ObjectMeta, OwnerReference};
pub use pool::{
    IPPoolSpec, IPPoolStatus, ReservedIPSpec, ReservedIPStatus, Route, SpiderIPPool, SpiderReservedIP,
    SpiderSubnet, SubnetSpec, SubnetStatus,
};
pub use resource::Resource;
pub use violation::{Violation, ViolationKind, Violations};
pub use warning::Warning;
