//! Objects that exist, and what is judged against them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::*;
use crate::{
    api::{SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    model::Families,
};

#[derive(Default)]
pub(super) struct World {
    pub(super) families: Families,
    pub(super) feature: Subnets,
    pub(super) pools: Vec<Arc<SpiderIPPool>>,
    pub(super) subnets: Vec<Arc<SpiderSubnet>>,
}

impl World {
    pub(super) fn pool(mut self, name: &str, spec: Value) -> Self {
        self.pools.push(Arc::new(pool(name, spec)));
        self
    }

    pub(super) fn subnet(mut self, name: &str, spec: Value) -> Self {
        self.subnets.push(Arc::new(subnet(name, spec)));
        self
    }

    pub(super) fn context(&self) -> Context<'_> {
        let Self { families, feature, pools, subnets } = self;
        Context { families: *families, feature: *feature, editor: Default::default(), pools, subnets }
    }
}

/// Keys that do not belong to a spec go where they do.
fn object(name: &str, fields: Value) -> Value {
    let mut object = json!({"metadata": {"name": name}, "spec": {}, "status": {}});
    for (key, value) in fields.as_object().unwrap() {
        let place = match key.as_str() {
            "labels" | "annotations" | "deletionTimestamp" | "finalizers" => "metadata",
            "controlledIPPools" => "status",
            _ => "spec",
        };
        object[place][key] = value.clone();
    }
    object
}

pub(super) fn pool(name: &str, fields: Value) -> SpiderIPPool {
    serde_json::from_value(object(name, fields)).unwrap()
}

pub(super) fn subnet(name: &str, fields: Value) -> SpiderSubnet {
    serde_json::from_value(object(name, fields)).unwrap()
}

pub(super) fn reservation(name: &str, fields: Value) -> SpiderReservedIP {
    serde_json::from_value(object(name, fields)).unwrap()
}

/// As `spec.ips[0] Invalid`.
pub(super) fn kinds(found: &Violations) -> Vec<String> {
    found.iter().map(|violation| format!("{} {:?}", violation.field, violation.kind)).collect()
}

/// `base` with the fields of `more`.
pub(super) fn with(base: &Value, more: Value) -> Value {
    let mut fields = base.clone();
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}
