//! Whose addresses outlive their pods.

use std::str::FromStr;

use super::{Ordinals, ordinal};
use crate::{
    model::{Binding, Controller},
    name::ObjectName,
};

/// A kind in every version of its API group, written as `apps.kruise.io/StatefulSet`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GroupKind {
    /// The API group.
    pub group: String,
    /// The kind.
    pub kind: String,
}

/// A text that names no kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not GROUP/KIND, such as apps.kruise.io/StatefulSet")]
pub struct NotAKind(String);

impl GroupKind {
    /// Reads the entries of a setting; blank ones are passed over.
    ///
    /// # Errors
    /// The first that names no kind.
    pub fn read_all(texts: &[String]) -> Result<Vec<Self>, NotAKind> {
        texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).map(str::parse).collect()
    }
}

impl FromStr for GroupKind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<Self, NotAKind> {
        let parts = text.split_once('/').filter(|(group, kind)| !group.is_empty() && !kind.is_empty());
        let (group, kind) = parts.ok_or_else(|| NotAKind(text.into()))?;
        Ok(Self { group: group.into(), kind: kind.into() })
    }
}

/// The kinds whose pods keep their addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatefulKinds(Vec<GroupKind>);

impl Default for StatefulKinds {
    /// `StatefulSet` of `apps`.
    fn default() -> Self {
        Self(vec![GroupKind { group: "apps".into(), kind: "StatefulSet".into() }])
    }
}

impl StatefulKinds {
    /// No kind: every address goes with its pod.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// These kinds and one more, whose pods are named `name-ordinal` too.
    #[must_use]
    pub fn and(mut self, kind: GroupKind) -> Self {
        self.0.push(kind);
        self
    }

    /// Whether `controller` is of one of these kinds.
    #[must_use]
    pub fn contains(&self, controller: &Controller) -> bool {
        let group = controller.api_version.split_once('/').map_or("", |(group, _)| group);
        self.0.iter().any(|stateful| stateful.group == group && stateful.kind == controller.kind)
    }
}

/// Whether the addresses of `pod` outlive it: its controller is of a stateful kind, and its ordinal is one that the
/// controller runs. Where the controller object is not at hand (`ordinals` is none) the name alone decides: a claim
/// too many is taken back by the sweep, one too few loses the address.
#[must_use]
pub fn binding(
    controller: Option<&Controller>,
    pod: &ObjectName,
    ordinals: Option<&Ordinals>,
    kinds: &StatefulKinds,
) -> Binding {
    let stateful = controller.filter(|controller| kinds.contains(controller)).is_some_and(|controller| {
        ordinal(&controller.name, pod).is_some_and(|n| ordinals.is_none_or(|ordinals| ordinals.contains(n)))
    });
    if stateful { Binding::Stateful } else { Binding::Stateless }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::name::Uid;

    fn controller(api_version: &str, kind: &str) -> Controller {
        let (name, uid) = (ObjectName::new("web").unwrap(), Uid::new("u").unwrap());
        Controller { api_version: api_version.into(), kind: kind.into(), name, uid }
    }

    #[rstest]
    #[case::first("web-0", 0, 2, true)]
    #[case::last("web-1", 0, 2, true)]
    #[case::scaled_down("web-2", 0, 2, false)]
    #[case::start("web-5", 5, 1, true)]
    #[case::below_start("web-4", 5, 1, false)]
    #[case::leading_zero("web-01", 0, 9, false)]
    #[case::no_ordinal("web-", 0, 9, false)]
    #[case::sign("web-+1", 0, 9, false)]
    #[case::other_name("webs-1", 0, 9, false)]
    #[case::longer_name("web-x-1", 0, 9, false)]
    #[case::huge("web-99999999999999999999", 0, 9, false)]
    fn a_stateful_pod_has_an_ordinal_in_range(
        #[case] pod: &str,
        #[case] start: u64,
        #[case] replicas: u64,
        #[case] stateful: bool,
    ) {
        let (owner, pod) = (controller("apps/v1", "StatefulSet"), ObjectName::new(pod).unwrap());
        let ordinals = Ordinals::new(start, replicas);
        let expected = if stateful { Binding::Stateful } else { Binding::Stateless };
        assert_eq!(binding(Some(&owner), &pod, Some(&ordinals), &StatefulKinds::default()), expected);
    }

    #[test]
    fn only_declared_kinds_are_stateful() {
        let pod = ObjectName::new("web-0").unwrap();
        let kinds = StatefulKinds::default().and("apps.kruise.io/StatefulSet".parse().unwrap());
        let of = |owner: Option<&Controller>, kinds: &StatefulKinds| binding(owner, &pod, None, kinds);
        assert_eq!(of(Some(&controller("apps.kruise.io/v1beta1", "StatefulSet")), &kinds), Binding::Stateful);
        assert_eq!(of(Some(&controller("apps.kruise.io/v1beta1", "CloneSet")), &kinds), Binding::Stateless);
        assert_eq!(
            of(Some(&controller("apps/v1", "StatefulSet")), &StatefulKinds::none()),
            Binding::Stateless
        );
        assert_eq!(of(None, &kinds), Binding::Stateless);
    }
}
