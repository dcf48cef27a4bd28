//! Label selectors, parsed.

use std::collections::{BTreeMap, BTreeSet};

use super::label::{check_key, check_value};
use crate::api::{LabelRequirement, LabelSelector, ViolationKind, Violations};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A parsed label selector: all of its requirements must hold, so one without any matches everything.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Affinity {
    equal: Labels,
    requirements: Vec<Requirement>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Requirement {
    In(String, BTreeSet<String>),
    NotIn(String, BTreeSet<String>),
    Exists(String),
    DoesNotExist(String),
}

impl Affinity {
    /// Whether an object with these labels is selected. Allocates nothing.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.equal.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.requirements.iter().all(|requirement| requirement.holds(labels))
    }

    /// Whether it requires nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.equal.is_empty() && self.requirements.is_empty()
    }

    /// Parses `selector`, found at `field`. What is wrong with it is added to `violations` and left out.
    pub(crate) fn read(selector: &LabelSelector, field: &str, violations: &mut Violations) -> Self {
        for (key, value) in &selector.match_labels {
            let at = format!("{field}.matchLabels[{key}]");
            check_key(key).unwrap_or_else(|message| violations.invalid(&at, message));
            check_value(value).unwrap_or_else(|message| violations.invalid(&at, message));
        }
        let requirements = selector.match_expressions.iter().enumerate().filter_map(|(i, requirement)| {
            Requirement::read(requirement, &format!("{field}.matchExpressions[{i}]"), violations)
        });
        Self { requirements: requirements.collect(), equal: selector.match_labels.clone() }
    }
}

impl TryFrom<&LabelSelector> for Affinity {
    type Error = Violations;

    fn try_from(selector: &LabelSelector) -> Result<Self, Violations> {
        let mut violations = Violations::none();
        let affinity = Self::read(selector, "selector", &mut violations);
        violations.into_result(affinity)
    }
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
        }
    }

    fn read(written: &LabelRequirement, field: &str, violations: &mut Violations) -> Option<Self> {
        let LabelRequirement { key, operator, values } = written;
        if let Err(message) = check_key(key) {
            violations.invalid(format!("{field}.key"), message);
        }
        for (i, value) in values.iter().enumerate() {
            check_value(value)
                .unwrap_or_else(|message| violations.invalid(format!("{field}.values[{i}]"), message));
        }
        let (key, set) = (key.clone(), values.iter().cloned().collect::<BTreeSet<_>>());
        match (operator.as_str(), set.is_empty()) {
            ("In", false) => Some(Self::In(key, set)),
            ("NotIn", false) => Some(Self::NotIn(key, set)),
            ("Exists", true) => Some(Self::Exists(key)),
            ("DoesNotExist", true) => Some(Self::DoesNotExist(key)),
            ("In" | "NotIn", true) => {
                let message = format!("{operator} needs at least one value");
                violations.add(ViolationKind::Required, format!("{field}.values"), message);
                None
            }
            ("Exists" | "DoesNotExist", false) => {
                violations.forbidden(format!("{field}.values"), format!("{operator} takes no values"));
                None
            }
            _ => {
                let message = format!("`{operator}` is not In, NotIn, Exists or DoesNotExist");
                violations.add(ViolationKind::NotSupported, format!("{field}.operator"), message);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn affinity(selector: Value) -> Result<Affinity, Violations> {
        let selector: LabelSelector = serde_json::from_value(selector).unwrap();
        Affinity::try_from(&selector)
    }

    fn expression(operator: &str, values: &[&str]) -> Value {
        json!({"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]})
    }

    #[rstest]
    #[case::nothing_matches_all(json!({}), &[], true)]
    #[case::label_equal(json!({"matchLabels": {"tier": "web"}}), &[("tier", "web"), ("x", "y")], true)]
    #[case::label_other(json!({"matchLabels": {"tier": "web"}}), &[("tier", "db")], false)]
    #[case::label_absent(json!({"matchLabels": {"tier": "web"}}), &[], false)]
    #[case::label_empty_is_not_absent(json!({"matchLabels": {"tier": ""}}), &[], false)]
    #[case::all_labels(json!({"matchLabels": {"tier": "web", "zone": "a"}}), &[("tier", "web")], false)]
    #[case::in_one_of(expression("In", &["web", "db"]), &[("tier", "db")], true)]
    #[case::in_none_of(expression("In", &["web", "db"]), &[("tier", "mq")], false)]
    #[case::in_absent(expression("In", &["web"]), &[], false)]
    #[case::not_in(expression("NotIn", &["web"]), &[("tier", "db")], true)]
    #[case::not_in_absent(expression("NotIn", &["web"]), &[], true)]
    #[case::not_in_present(expression("NotIn", &["web"]), &[("tier", "web")], false)]
    #[case::exists(expression("Exists", &[]), &[("tier", "")], true)]
    #[case::exists_absent(expression("Exists", &[]), &[("zone", "a")], false)]
    #[case::does_not_exist(expression("DoesNotExist", &[]), &[("zone", "a")], true)]
    #[case::does_not_exist_present(expression("DoesNotExist", &[]), &[("tier", "web")], false)]
    fn matches_as_kubernetes_does(
        #[case] selector: Value,
        #[case] labels: &[(&str, &str)],
        #[case] expected: bool,
    ) {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(affinity(selector).unwrap().matches(&labels), expected);
    }

    #[test]
    fn both_parts_must_hold() {
        let mut selector = expression("Exists", &[]);
        selector["matchLabels"] = json!({"zone": "a"});
        let affinity = affinity(selector).unwrap();
        let labels = |pairs: &[&str]| pairs.iter().map(|key| ((*key).to_owned(), "a".to_owned())).collect();
        assert!(affinity.matches(&labels(&["zone", "tier"])));
        assert!(!affinity.matches(&labels(&["zone"])));
        assert!(!affinity.matches(&labels(&["tier"])));
    }

    #[test]
    fn every_mistake_is_named() {
        let selector = json!({
            "matchLabels": {"-bad": "ok", "ok": "not ok"},
            "matchExpressions": [
                {"key": "a", "operator": "in", "values": ["x"]},
                {"key": "a", "operator": "In"},
                {"key": "a", "operator": "Exists", "values": ["x"]},
                {"key": "", "operator": "NotIn", "values": ["ok", "_"]},
            ],
        });
        insta::assert_snapshot!(affinity(selector).unwrap_err());
    }
}
