//! The kinds that users write, in upstream Spiderpool's v2beta1 form, and the other objects that are read.

mod endpoint;
mod meta;
mod pool;
mod resource;

pub use endpoint::{Claim, ClaimState, Current, EndpointIP, EndpointStatus, SpiderEndpoint};
pub use meta::{API_VERSION, GROUP, LabelRequirement, LabelSelector, ObjectMeta, OwnerReference};
pub use pool::{
    IPPoolSpec, IPPoolStatus, ReservedIPSpec, ReservedIPStatus, Route, SpiderIPPool, SpiderReservedIP,
    SpiderSubnet, SubnetSpec, SubnetStatus,
};
pub use resource::Resource;
