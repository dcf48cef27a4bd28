//! Which pools an interface may draw on: a pure function from what is known to what may be tried, and why the rest
//! may not.
//!
//! Sources, in order, the first that applies wins outright: the pod's Subnet annotations, `ippools`, `ippool`, the
//! namespace's defaults, the CNI configuration, the pools marked as default. Every pool named there is tried against
//! the filters; those left are ranked by how narrowly they are targeted, and equals keep the written order.

mod binding;
mod catalog;
mod error;
mod facts;
mod filter;
mod liveness;
mod network;
mod ordinals;
mod owners;
mod refusal;
mod routes;
mod source;
mod wish;

use std::{cmp::Reverse, sync::Arc};

pub use binding::{GroupKind, NotAKind, StatefulKinds, binding};
pub use catalog::PoolCatalog;
pub use error::{AutoPoolProblem, Emptied, SelectError};
pub use facts::{AutoPools, Facts, NamespaceFacts, NetworkConfig, NodeFacts, PodFacts};
pub use liveness::{Death, death, is_alive};
pub use ordinals::{Ordinals, ordinal};
pub use owners::{controller_of, is_intermediate, is_native_top, top_controller};
pub use refusal::{Refusal, Refused};
pub use routes::{GrantedAddress, PlacedRoute, Routes, attach_routes};
pub use source::Source;

use crate::{
    addr::{Address, Family},
    api::Warning,
    model::{Pool, Slot},
    name::InterfaceName,
};
use network::Attachments;
use wish::{Named, Wish, wishes};

/// The outcome of [`select`]: what to allocate, in order, and from which pools.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// One part per interface and family: by interface, then IPv4 before IPv6. Each has at least one candidate.
    pub parts: Vec<PartChoice>,
    /// Where the pools were named.
    pub source: Source,
    /// What was odd, but did not prevent the selection.
    pub warnings: Vec<Warning>,
}

/// One address to allocate, and from which pools.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartChoice {
    /// Which interface, as grants are keyed.
    pub slot: Slot,
    /// The interface's name; absent for parts that a later ADD will name.
    pub interface: Option<InterfaceName>,
    /// Which family.
    pub family: Family,
    /// The pools to try, in order; never empty in a [`Selection`].
    pub candidates: Vec<Candidate>,
    /// The pools that may not be tried, and why.
    pub refused: Vec<Refused>,
    /// The one address that is wanted, if the request says so; every candidate has it.
    pub requested: Option<Address>,
    /// Whether the pod gets no default route through this interface.
    pub clean_gateway: bool,
}

/// A pool that may be tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The pool.
    pub pool: Arc<Pool>,
}

/// Selects the pools for an interface (or, with unnamed `ippools`, for all interfaces of the pod).
///
/// Cost: the named pools, not all pools; a pattern costs the pools that share its literal beginning.
///
/// # Errors
/// Wrong input, nothing named, or no pool left for some part; the message names every pool that was considered and
/// says why it was refused.
pub fn select(facts: &Facts<'_>) -> Result<Selection, SelectError> {
    let attachments = Attachments::of(facts);
    let mut warnings = Vec::new();
    let (source, wishes) = wishes(facts, &attachments, &mut warnings)?;
    let mut parts = Vec::with_capacity(wishes.len());
    for wish in wishes {
        parts.push(choose(facts, &attachments, wish)?);
    }
    bind_requested(facts, &source, &mut parts)?;
    let emptied: Vec<_> = parts.iter().filter(|part| part.candidates.is_empty()).map(Emptied::from).collect();
    if !emptied.is_empty() {
        return Err(SelectError::NothingLeft {
            interface: facts.interface.clone(),
            chosen_by: source,
            parts: emptied,
        });
    }
    for refused in parts.iter().flat_map(|part| &part.refused) {
        if refused.is_probably_a_mistake() {
            warnings.push(Warning::new(source.to_string(), refused.to_string()));
        }
    }
    Ok(Selection { parts, source, warnings })
}

/// Tries every pool of a wish.
fn choose(facts: &Facts<'_>, attachments: &Attachments<'_>, wish: Wish) -> Result<PartChoice, SelectError> {
    let (mut candidates, mut refused) = (Vec::with_capacity(wish.named.len()), Vec::new());
    for named in wish.named {
        let pool = match named {
            Named::Pool(pool) => pool,
            Named::Refused(reason) => {
                refused.push(reason);
                continue;
            }
        };
        match filter::refusal(&pool, facts, attachments, wish.family, wish.position)? {
            None => candidates.push(Candidate { pool }),
            Some(reason) => refused.push(Refused::of(pool, reason)),
        }
    }
    // A stable sort: among equals the written order stays.
    candidates.sort_by_key(|candidate| Reverse(filter::rank(&candidate.pool)));
    let Wish { slot, interface, family, clean_gateway, .. } = wish;
    Ok(PartChoice { slot, interface, family, candidates, refused, requested: None, clean_gateway })
}

/// Binds the parts of the asking interface to the addresses asked for.
fn bind_requested(facts: &Facts<'_>, source: &Source, parts: &mut [PartChoice]) -> Result<(), SelectError> {
    for (i, address) in facts.requested.iter().copied().enumerate() {
        let family = address.family();
        if let Some(other) = facts.requested[..i].iter().find(|other| other.family() == family) {
            return Err(SelectError::RequestedTwice { first: *other, second: address });
        }
        let part = parts
            .iter_mut()
            .find(|part| part.family == family && part.interface.as_ref() == Some(facts.interface));
        let Some(part) = part else {
            let (interface, chosen_by) = (facts.interface.clone(), source.clone());
            return Err(SelectError::RequestedFamily { address, interface, chosen_by });
        };
        part.requested = Some(address);
        let (keep, drop) =
            part.candidates.drain(..).partition(|candidate| candidate.pool.usable().contains(address));
        part.candidates = keep;
        let drop: Vec<Candidate> = drop;
        part.refused.extend(drop.into_iter().map(|c| Refused::of(c.pool, Refusal::NotInPool { address })));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
