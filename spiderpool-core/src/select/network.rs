//! Through which network each interface of a pod is attached.

use std::cell::OnceCell;

use super::{Facts, SelectError};
use crate::{
    api::{Violations, keys},
    name::{InterfaceName, NamespacedName},
    validate::annotations::{NetworkAttachment, default_network, networks},
};

/// The attachments of the pod's interfaces: parsed on first need, so that a pod without Multus never pays for it and
/// no annotation that nobody looks at can fail a request.
pub(super) struct Attachments<'a> {
    facts: Facts<'a>,
    networks: OnceCell<Result<Vec<NetworkAttachment>, Violations>>,
    default: OnceCell<Result<Option<NamespacedName>, Violations>>,
}

impl<'a> Attachments<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        Self { facts: *facts, networks: OnceCell::new(), default: OnceCell::new() }
    }

    /// The network of the interface at `position` (none: of the one that asks); none if it is not known.
    pub(super) fn network(&self, position: Option<u8>) -> Result<Option<&NamespacedName>, SelectError> {
        let position = position.map_or_else(|| self.position(), Ok)?;
        match position.checked_sub(1) {
            None => self.first(),
            Some(i) => Ok(self.further()?.get(usize::from(i)).map(|item| &item.network)),
        }
    }

    /// The place of the asking interface.
    pub(super) fn position(&self) -> Result<u8, SelectError> {
        if let Some(position) = self.facts.position {
            return Ok(position);
        }
        let name = self.facts.interface;
        let further = self.further()?;
        let listed = further.iter().zip(1u8..).find(|(item, position)| match &item.interface {
            Some(own) => own == name,
            None => multus_position(name) == Some(*position),
        });
        Ok(listed.map(|(_, position)| position).or(multus_position(name)).unwrap_or(0))
    }

    /// How many interfaces the pod has, if its annotation says so.
    pub(super) fn count(&self) -> Result<Option<usize>, SelectError> {
        Ok(Some(self.further()?.len()).filter(|further| *further > 0).map(|further| further + 1))
    }

    fn further(&self) -> Result<&[NetworkAttachment], SelectError> {
        let parse = || match self
            .facts
            .pod
            .and_then(|pod| Some((pod, pod.annotations.get(keys::MULTUS_NETWORKS)?)))
        {
            Some((pod, text)) => networks(text, &pod.name.namespace),
            None => Ok(Vec::new()),
        };
        self.networks.get_or_init(parse).as_deref().map_err(|found| self.wrong(found))
    }

    fn first(&self) -> Result<Option<&NamespacedName>, SelectError> {
        let parse = || {
            let text = self.facts.pod.and_then(|pod| pod.annotations.get(keys::MULTUS_DEFAULT_NETWORK));
            text.map(|text| default_network(text, self.facts.home)).transpose()
        };
        let own = self.default.get_or_init(parse).as_ref().map_err(|found| self.wrong(found))?;
        Ok(own.as_ref().or(self.facts.cluster_network))
    }

    fn wrong(&self, found: &Violations) -> SelectError {
        SelectError::wrong_pod(&self.facts, found.clone())
    }
}

/// The position in a name as Multus gives them: 1 for `net1`.
fn multus_position(name: &InterfaceName) -> Option<u8> {
    name.as_str().strip_prefix("net").and_then(|digits| digits.parse().ok()).filter(|position| *position > 0)
}
