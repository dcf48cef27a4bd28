//! What can be said about one address.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{addr::Address, model::Record, name::ObjectName, time::Timestamp};

/// Who holds an address; else why it is free, or why it is not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Holding {
    /// Somebody holds it.
    Held {
        /// The address.
        address: Address,
        /// The pool it was granted from, by its present name; none if that pool is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<ObjectName>,
        /// Who, since when, in which container.
        record: Arc<Record>,
        /// Reservations that cover it by now: it will not be granted again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reserved_by: Vec<ObjectName>,
    },
    /// The next request may get it.
    Free {
        /// The address.
        address: Address,
        /// The pools that offer it.
        pools: Vec<ObjectName>,
        /// When it was last released, if it was ever held.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        released: Option<Timestamp>,
    },
    /// It would be free, but rests after its release.
    Cooling {
        /// The address.
        address: Address,
        /// When it was released.
        released: Timestamp,
        /// From when on which pool may grant it again, the first one first.
        pools: Vec<PoolTime>,
    },
    /// Nobody holds it, and no pool may grant it.
    Reserved {
        /// The address.
        address: Address,
        /// The reservations that cover it.
        by: Vec<ObjectName>,
        /// The pools that would offer it otherwise.
        pools: Vec<ObjectName>,
    },
    /// Pools have it, but none offers it.
    Withheld {
        /// The address.
        address: Address,
        /// Which pool, and why not.
        pools: Vec<Withheld>,
    },
    /// It is in no pool.
    NoPool {
        /// The address.
        address: Address,
        /// The pools into whose network it would fit.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        networks: Vec<ObjectName>,
        /// The reservations that cover it all the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reserved_by: Vec<ObjectName>,
    },
}

/// A pool and a time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct PoolTime {
    /// From when on.
    pub until: Timestamp,
    /// The pool.
    pub pool: ObjectName,
}

/// A pool that has an address and does not offer it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withheld {
    /// The pool.
    pub pool: ObjectName,
    /// Why not.
    pub because: WithheldBy,
}

/// Why a pool does not offer an address that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WithheldBy {
    /// `excludeIPs`.
    Excluded,
    /// It is the gateway.
    Gateway,
    /// `disable: true`.
    Disabled,
    /// The pool is being deleted.
    Terminating,
}

impl fmt::Display for WithheldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Excluded => "it is excluded (excludeIPs)",
            Self::Gateway => "it is the gateway",
            Self::Disabled => "the pool is disabled",
            Self::Terminating => "the pool is being deleted",
        })
    }
}

fn names(kind: &str, names: &[ObjectName]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let list: Vec<&str> = names.iter().map(ObjectName::as_str).collect();
    format!("{kind}{plural} {}", list.join(", "))
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { address, pool, record, reserved_by } => {
                write!(f, "{address} is held by {} since {}", record.owner, record.since)?;
                let interface =
                    record.interface.as_ref().map_or_else(|| record.slot.to_string(), |n| n.to_string());
                write!(f, ": interface {interface}, {}, node {}", record.attachment, record.node)?;
                match pool {
                    Some(pool) => write!(f, ", pool {pool}")?,
                    None => write!(f, ", from a pool that is gone (uid {})", record.pool)?,
                }
                if !reserved_by.is_empty() {
                    write!(f, "; {} covers it by now", names("reservation", reserved_by))?;
                }
                Ok(())
            }
            Self::Free { address, pools, released } => {
                write!(f, "{address} is free in {}", names("pool", pools))?;
                match released {
                    Some(at) => write!(f, "; released at {at}"),
                    None => Ok(()),
                }
            }
            Self::Cooling { address, released, pools } => {
                write!(f, "{address} was released at {released} and is cooling")?;
                for (i, PoolTime { until, pool }) in pools.iter().enumerate() {
                    let join = if i == 0 { ":" } else { "," };
                    write!(f, "{join} until {until} in pool {pool}")?;
                }
                Ok(())
            }
            Self::Reserved { address, by, pools } => {
                write!(f, "{address} is reserved by {}", names("reservation", by))?;
                if pools.is_empty() { Ok(()) } else { write!(f, " (in {})", names("pool", pools)) }
            }
            Self::Withheld { address, pools } => {
                write!(f, "{address} is not granted")?;
                for (i, Withheld { pool, because }) in pools.iter().enumerate() {
                    let join = if i == 0 { ":" } else { ";" };
                    write!(f, "{join} pool {pool}: {because}")?;
                }
                Ok(())
            }
            Self::NoPool { address, networks, reserved_by } => {
                write!(f, "{address} is in no pool")?;
                if !networks.is_empty() {
                    write!(f, "; it would fit the network of {}", names("pool", networks))?;
                }
                if !reserved_by.is_empty() {
                    write!(f, "; {} covers it", names("reservation", reserved_by))?;
                }
                Ok(())
            }
        }
    }
}
