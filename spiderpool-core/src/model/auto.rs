//! What makes a pool an auto pool: the application it was made for.

use std::fmt;

use super::{Affinity, Controller, affinity::Labels};
use crate::{
    api::{LabelSelector, SpiderIPPool, ViolationKind, Violations, keys},
    name::{InterfaceName, Namespace, ObjectName, Uid},
};

/// The top controller that an auto pool belongs to, by name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Application {
    /// Group and version, `apps/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: Namespace,
    /// Name.
    pub name: ObjectName,
}

impl Application {
    /// The application of a pod in `namespace` with this top controller.
    #[must_use]
    pub fn of(controller: &Controller, namespace: &Namespace) -> Self {
        Self {
            api_version: controller.api_version.clone(),
            kind: controller.kind.clone(),
            namespace: namespace.clone(),
            name: controller.name.clone(),
        }
    }

    /// Whether this is the application of a pod in `namespace` with this top controller.
    #[must_use]
    pub fn is(&self, controller: &Controller, namespace: &Namespace) -> bool {
        self.api_version == controller.api_version
            && self.kind == controller.kind
            && self.name == controller.name
            && self.namespace == *namespace
    }

    /// The `podAffinity` of its auto pools.
    #[must_use]
    pub fn selector(&self) -> LabelSelector {
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", &self.api_version));
        let values = [group, version, &self.kind, self.namespace.as_str(), self.name.as_str()];
        let labels = keys::APP_KEYS.iter().zip(values).map(|(key, value)| ((*key).into(), value.into()));
        LabelSelector { match_labels: labels.collect(), match_expressions: Vec::new() }
    }
}

impl fmt::Display for Application {
    /// `Deployment default/web (apps/v1)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{} ({})", self.kind, self.namespace, self.name, self.api_version)
    }
}

/// Whether an auto pool goes with its application.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Reclaim {
    /// It goes once its addresses are free.
    #[default]
    WithApplication,
    /// It stays, for another application of the same name.
    Keep,
}

/// The auto-pool side of a pool.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AutoPool {
    /// Whose pods it serves.
    pub application: Application,
    /// Uid of the application it was made for; a kept pool's may be that of an earlier one.
    pub uid: Option<Uid>,
    /// The interface it is for; none: any.
    pub interface: Option<InterfaceName>,
    /// The Subnet its addresses are from.
    pub subnet: Option<ObjectName>,
    /// Whether it goes with its application.
    pub reclaim: Reclaim,
}

/// Whether these are the labels of an auto pool.
pub(crate) fn is_auto(labels: &Labels) -> bool {
    labels.contains_key(keys::LABEL_OWNER_NAME)
}

impl AutoPool {
    /// The auto-pool side of `pool`, if its labels say that it has one.
    pub(crate) fn read(pool: &SpiderIPPool, violations: &mut Violations) -> Option<Self> {
        let labels = &pool.metadata.labels;
        if !is_auto(labels) {
            return None;
        }
        let empty = LabelSelector::default();
        let selector = pool.spec.pod_affinity.as_ref().unwrap_or(&empty);
        check_selector(selector, violations);
        let application = read_application(selector, violations);
        let optional = |key: &str| labels.get(key).filter(|value| !value.is_empty());
        let mut named =
            |key: &str, message: String| violations.invalid(format!("metadata.labels[{key}]"), message);
        let interface = optional(keys::LABEL_INTERFACE).and_then(|text| {
            InterfaceName::new(text).map_err(|error| named(keys::LABEL_INTERFACE, error.to_string())).ok()
        });
        let uid = optional(keys::LABEL_OWNER_UID).and_then(|text| {
            Uid::new(text).map_err(|error| named(keys::LABEL_OWNER_UID, error.to_string())).ok()
        });
        let subnet = optional(keys::LABEL_OWNER_SUBNET).and_then(|text| {
            ObjectName::new(text).map_err(|error| named(keys::LABEL_OWNER_SUBNET, error.to_string())).ok()
        });
        let reclaim = match labels.get(keys::RECLAIM).map(String::as_str) {
            Some("false") => Reclaim::Keep,
            _ => Reclaim::WithApplication,
        };
        Some(Self { application: application?, uid, interface, subnet, reclaim })
    }
}

/// An auto pool's affinity names its application, and nothing else.
fn check_selector(selector: &LabelSelector, violations: &mut Violations) {
    for key in selector.match_labels.keys().filter(|key| !keys::APP_KEYS.contains(&key.as_str())) {
        let message = "an auto pool's podAffinity may hold only the five keys that name its application";
        violations.invalid(format!("spec.podAffinity.matchLabels[{key}]"), message);
    }
    if !selector.match_expressions.is_empty() {
        let message = "an auto pool's podAffinity names its application and may hold no expressions";
        violations.invalid("spec.podAffinity.matchExpressions", message);
    }
}

fn read_application(selector: &LabelSelector, violations: &mut Violations) -> Option<Application> {
    let mut get = |key: &str| {
        let value = selector.match_labels.get(key).map(String::as_str);
        if value.is_none() {
            let message = "an auto pool's podAffinity must name its application with this key";
            violations.add(ViolationKind::Required, format!("spec.podAffinity.matchLabels[{key}]"), message);
        }
        value
    };
    let values = keys::APP_KEYS.map(&mut get);
    let [Some(group), Some(version), Some(kind), Some(namespace), Some(name)] = values else { return None };
    let mut name_of = |key: &str, error: crate::name::NameError| {
        violations.invalid(format!("spec.podAffinity.matchLabels[{key}]"), error);
    };
    let namespace = Namespace::new(namespace).map_err(|error| name_of(keys::APP_NAMESPACE, error)).ok();
    let name = ObjectName::new(name).map_err(|error| name_of(keys::APP_NAME, error)).ok();
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(Application { api_version, kind: kind.to_owned(), namespace: namespace?, name: name? })
}

/// The selector of a normal pool.
pub(crate) fn read_pod_affinity(pool: &SpiderIPPool, violations: &mut Violations) -> Option<Affinity> {
    let selector = pool.spec.pod_affinity.as_ref()?;
    (!is_auto(&pool.metadata.labels)).then(|| Affinity::read(selector, "spec.podAffinity", violations))
}
