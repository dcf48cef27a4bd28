//! Whose addresses outlive their pods.

use crate::{
    api::Resource,
    model::{Binding, Controller},
    name::ObjectName,
};

/// The ordinals that a stateful controller runs: `start` to `start + replicas − 1`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ordinals {
    /// The first.
    pub start: u64,
    /// How many.
    pub replicas: u64,
}

impl Ordinals {
    /// The ordinals of a controller object: `spec.ordinals.start` (default 0) and `spec.replicas` (default 1).
    #[must_use]
    pub fn of(controller: &Resource) -> Self {
        let spec = controller.rest.get("spec");
        let number = |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_u64);
        Self {
            start: number(spec.and_then(|spec| spec.get("ordinals")?.get("start"))).unwrap_or(0),
            replicas: number(spec.and_then(|spec| spec.get("replicas"))).unwrap_or(1),
        }
    }

    /// Whether `ordinal` is one of them.
    #[must_use]
    pub fn contains(self, ordinal: u64) -> bool {
        ordinal.checked_sub(self.start).is_some_and(|offset| offset < self.replicas)
    }
}

/// The kinds whose pods keep their addresses, each as API group and kind: the same in every version of the group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatefulKinds(Vec<(String, String)>);

impl Default for StatefulKinds {
    /// `StatefulSet` of `apps`.
    fn default() -> Self {
        Self(vec![("apps".into(), "StatefulSet".into())])
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
    pub fn and(mut self, group: impl Into<String>, kind: impl Into<String>) -> Self {
        self.0.push((group.into(), kind.into()));
        self
    }

    /// Whether `controller` is of one of these kinds.
    #[must_use]
    pub fn contains(&self, controller: &Controller) -> bool {
        let group = controller.api_version.split_once('/').map_or("", |(group, _)| group);
        self.0.iter().any(|(of, kind)| of == group && *kind == controller.kind)
    }
}

/// The ordinal in the name of a pod of `controller`: 3 for `web-3` of `web`. Leading zeros make another name.
#[must_use]
pub fn ordinal(controller: &ObjectName, pod: &ObjectName) -> Option<u64> {
    let digits = pod.as_str().strip_prefix(controller.as_str())?.strip_prefix('-')?;
    let ordinal: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    (ordinal.to_string() == digits).then_some(ordinal)
}

/// Whether the addresses of `pod` outlive it: its controller is of a stateful kind, and its ordinal is one that the
/// controller runs. Where the controller object is not at hand (`ordinals` is none) the name alone decides: a claim
/// too many is taken back by the sweep, one too few loses the address.
#[must_use]
pub fn binding(
    controller: Option<&Controller>,
    pod: &ObjectName,
    ordinals: Option<Ordinals>,
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
    use serde_json::json;

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
        let ordinals = Some(Ordinals { start, replicas });
        let expected = if stateful { Binding::Stateful } else { Binding::Stateless };
        assert_eq!(binding(Some(&owner), &pod, ordinals, &StatefulKinds::default()), expected);
    }

    #[test]
    fn only_declared_kinds_are_stateful() {
        let pod = ObjectName::new("web-0").unwrap();
        let kinds = StatefulKinds::default().and("apps.kruise.io", "StatefulSet");
        let of = |owner: Option<&Controller>, kinds: &StatefulKinds| binding(owner, &pod, None, kinds);
        assert_eq!(of(Some(&controller("apps.kruise.io/v1beta1", "StatefulSet")), &kinds), Binding::Stateful);
        assert_eq!(of(Some(&controller("apps.kruise.io/v1beta1", "CloneSet")), &kinds), Binding::Stateless);
        assert_eq!(
            of(Some(&controller("apps/v1", "StatefulSet")), &StatefulKinds::none()),
            Binding::Stateless
        );
        assert_eq!(of(None, &kinds), Binding::Stateless);
    }

    #[test]
    fn ordinals_are_read_from_the_controller() {
        let read = |object| Ordinals::of(&serde_json::from_value::<Resource>(object).unwrap());
        let full = json!({"spec": {"replicas": 3, "ordinals": {"start": 5}}});
        assert_eq!(read(full), Ordinals { start: 5, replicas: 3 });
        assert_eq!(read(json!({"spec": {}})), Ordinals { start: 0, replicas: 1 });
        assert!(!Ordinals { start: 0, replicas: 0 }.contains(0));
        assert!(Ordinals { start: u64::MAX, replicas: 5 }.contains(u64::MAX));
    }
}
