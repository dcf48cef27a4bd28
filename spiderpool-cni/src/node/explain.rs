//! Why these pools: the same choice as an ADD, without granting.

use super::ask::pod_name;
use super::world::Wanted;
use super::{Node, Sight, failure};
use crate::api::{
    Candidate, ErrorBody, ExplainRequest, Explanation, FamilyExplanation, InterfaceExplanation, IpFamily,
    Verdict,
};
use spiderpool_core::addr::Family;
use spiderpool_core::model::{Pool, Slot};
use spiderpool_core::name::InterfaceName;
use spiderpool_core::select::{Refused, SelectError, select};
use spiderpool_core::store::{Document, Room, Selector, StoreError};

/// One part that was chosen for: interface, family, pools, refusals.
struct Part<'a> {
    slot: &'a Slot,
    family: Family,
    pools: Vec<&'a Pool>,
    refused: &'a [Refused],
}

fn family(family: Family) -> IpFamily {
    match family {
        Family::V4 => IpFamily::V4,
        Family::V6 => IpFamily::V6,
    }
}

impl Node {
    pub(super) async fn explanation(&self, request: ExplainRequest) -> Result<Explanation, ErrorBody> {
        let name = pod_name(&request.pod_namespace, &request.pod_name)?;
        let interface = request.if_name.as_ref().map_or("eth0", |name| name.as_str());
        let interface = InterfaceName::new(interface).map_err(failure::bad_name)?;
        let wanted = Wanted::read(&request.ipv4_pools, &request.ipv6_pools, &request.requested_ips)?;
        let world = self.world(Some(name.clone()), None, Sight::Fresh).await?;
        let mut explanation = Explanation::default();
        if world.pod.is_none() {
            explanation
                .warnings
                .push(format!("pod {name} is not declared: it has no labels and no annotations here"));
        }
        let chosen = select(&world.facts(&self.config, &interface, &wanted));
        match &chosen {
            Ok(selection) => {
                explanation.warnings.extend(selection.warnings.iter().map(ToString::to_string));
                for part in &selection.parts {
                    let pools = part.candidates.iter().map(|candidate| candidate.pool.as_ref()).collect();
                    let part = Part { slot: &part.slot, family: part.family, pools, refused: &part.refused };
                    self.add_part(&mut explanation, &selection.source.to_string(), part).await?;
                }
            }
            Err(SelectError::NothingLeft { chosen_by, parts, .. }) => {
                for part in parts {
                    let part = Part {
                        slot: &part.slot,
                        family: part.family,
                        pools: Vec::new(),
                        refused: &part.refused,
                    };
                    self.add_part(&mut explanation, &chosen_by.to_string(), part).await?;
                }
            }
            Err(error) => {
                return Err(failure::select(&format_args!("pod {name}, interface {interface}"), error));
            }
        }
        Ok(explanation)
    }

    async fn add_part(&self, to: &mut Explanation, source: &str, part: Part<'_>) -> Result<(), ErrorBody> {
        let mut candidates = Vec::new();
        for pool in part.pools {
            let free =
                self.free(pool).await.map_err(|error| failure::store("the blocks cannot be read", &error))?;
            let (verdict, reason) = match free {
                0 => (Verdict::Full, "it has no free address".to_owned()),
                1 => (Verdict::Usable, "1 address is free".to_owned()),
                free => (Verdict::Usable, format!("{free} addresses are free")),
            };
            candidates.push(Candidate { pool: pool.name.to_string(), verdict, reason });
        }
        candidates.extend(part.refused.iter().map(|refused| Candidate {
            pool: refused.name().to_owned(),
            verdict: Verdict::Refused,
            reason: refused.to_string(),
        }));
        let interface = match part.slot {
            Slot::Named(name) => name.to_string(),
            slot @ Slot::Indexed(_) => slot.to_string(),
        };
        let place =
            to.interfaces.iter().position(|other| other.interface == interface).unwrap_or_else(|| {
                to.interfaces.push(InterfaceExplanation { interface, families: Vec::new() });
                to.interfaces.len() - 1
            });
        let version = family(part.family);
        to.interfaces[place].families.push(FamilyExplanation {
            version,
            source: source.to_owned(),
            candidates,
        });
        Ok(())
    }

    /// How many addresses of `pool` nobody holds. Reservations and cool-downs are not looked at.
    async fn free(&self, pool: &Pool) -> Result<u128, StoreError> {
        let usable = pool.usable();
        let bits = self.allocator.block_bits().get();
        let (Some(first), Some(last)) = (usable.first(), usable.last()) else { return Ok(0) };
        let blocks = Selector::Blocks {
            scope: self.allocator.scope().clone(),
            family: pool.family,
            first: first.value() >> bits,
            last: last.value() >> bits,
            room: Room::Any,
        };
        let mut held = 0_u128;
        for item in self.allocator.store().list(&blocks).await?.items {
            if let Document::Block(block) = &item.document {
                held += u128::from((block.held() & usable.window_mask(block.first(), bits)).count_ones());
            }
        }
        Ok(usable.len_saturating().saturating_sub(held))
    }
}
