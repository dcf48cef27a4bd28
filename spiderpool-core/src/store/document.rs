//! Documents as the store hands them out: decoded, and shared rather than copied.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::{
    api::{Resource, SpiderEndpoint, SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    model::{Block, Plan, Scope},
};

/// A document of any kind. Cloning costs one reference count.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body")]
pub enum Document {
    /// A scope.
    Scope(Arc<Scope>),
    /// A subnet.
    Subnet(Arc<SpiderSubnet>),
    /// A pool.
    Pool(Arc<SpiderIPPool>),
    /// A reservation.
    Reservation(Arc<SpiderReservedIP>),
    /// A plan.
    Plan(Arc<Plan>),
    /// A block.
    Block(Arc<Block>),
    /// An endpoint.
    Endpoint(Arc<SpiderEndpoint>),
    /// Any other object.
    Resource(Arc<Resource>),
}

impl Document {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Scope(_) => Kind::Scope,
            Self::Subnet(_) => Kind::Subnet,
            Self::Pool(_) => Kind::Pool,
            Self::Reservation(_) => Kind::Reservation,
            Self::Plan(_) => Kind::Plan,
            Self::Block(_) => Kind::Block,
            Self::Endpoint(_) => Kind::Endpoint,
            Self::Resource(_) => Kind::Resource,
        }
    }
}

macro_rules! accessors {
    ($($variant:ident, $as:ident, $type:ty;)*) => {
        $(
            impl From<$type> for Document {
                fn from(body: $type) -> Self {
                    Self::$variant(Arc::new(body))
                }
            }

            impl From<Arc<$type>> for Document {
                fn from(body: Arc<$type>) -> Self {
                    Self::$variant(body)
                }
            }
        )*

        impl Document {
            $(
                /// The body, if it is of this kind.
                #[must_use]
                pub fn $as(&self) -> Option<&Arc<$type>> {
                    match self {
                        Self::$variant(body) => Some(body),
                        _ => None,
                    }
                }
            )*
        }
    };
}

accessors! {
    Scope, as_scope, Scope;
    Subnet, as_subnet, SpiderSubnet;
    Pool, as_pool, SpiderIPPool;
    Reservation, as_reservation, SpiderReservedIP;
    Plan, as_plan, Plan;
    Block, as_block, Block;
    Endpoint, as_endpoint, SpiderEndpoint;
    Resource, as_resource, Resource;
}
