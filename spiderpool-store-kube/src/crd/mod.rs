//! The definitions of the custom resources, as data: `cargo xtask crds` writes them as YAML, and installers may apply
//! them as they are.
//!
//! Every rule about a single object that the API server can check by itself stands in the schema, so that a wrong
//! manifest is refused also where no webhook runs. What needs an order of addresses or another object is checked by
//! [`spiderpool_core::validate`], which the webhook and the command line share.

mod internal;
mod rules;
mod schema;
mod user;

use serde_json::{Value, json};
use spiderpool_core::api::GROUP;

use crate::names::{CATEGORY, CustomResource, ResourceScope, StatusSubresource, VERSION};

/// A column of `kubectl get`.
struct Column {
    name: &'static str,
    path: &'static str,
    kind: ColumnKind,
    /// Shown only with `-o wide`.
    wide: bool,
}

#[derive(Clone, Copy)]
enum ColumnKind {
    Text,
    Number,
    Truth,
    Date,
}

impl Column {
    const fn new(name: &'static str, path: &'static str, kind: ColumnKind) -> Self {
        Self { name, path, kind, wide: false }
    }

    const fn text(name: &'static str, path: &'static str) -> Self {
        Self::new(name, path, ColumnKind::Text)
    }

    const fn number(name: &'static str, path: &'static str) -> Self {
        Self::new(name, path, ColumnKind::Number)
    }

    const fn truth(name: &'static str, path: &'static str) -> Self {
        Self::new(name, path, ColumnKind::Truth)
    }

    const fn age() -> Self {
        Self::new("AGE", ".metadata.creationTimestamp", ColumnKind::Date)
    }

    const fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    fn json(&self) -> Value {
        let kind = match self.kind {
            ColumnKind::Text => "string",
            ColumnKind::Number => "integer",
            ColumnKind::Truth => "boolean",
            ColumnKind::Date => "date",
        };
        let mut column = json!({ "name": self.name, "jsonPath": self.path, "type": kind });
        if self.wide {
            column["priority"] = 10.into();
        }
        column
    }
}

/// What a kind's definition says beyond its names.
struct Definition {
    schema: Value,
    columns: Vec<Column>,
    /// Fields that `--field-selector` takes besides name and namespace.
    selectable: &'static [&'static str],
}

/// The CustomResourceDefinition of `resource`, in the form that the API server takes.
#[must_use]
pub fn definition(resource: &CustomResource) -> Value {
    let Definition { schema, columns, selectable } = match resource.kind {
        "SpiderIPPool" => user::pool(),
        "SpiderSubnet" => user::subnet(),
        "SpiderReservedIP" => user::reserved_ip(),
        "SpiderEndpoint" => user::endpoint(),
        "SpiderIPScope" => internal::scope(),
        "SpiderIPPlan" => internal::plan(),
        _ => internal::block(),
    };
    let columns: Vec<Value> = columns.iter().map(Column::json).collect();
    let mut version = json!({
        "name": VERSION,
        "served": true,
        "storage": true,
        "schema": { "openAPIV3Schema": schema },
        "additionalPrinterColumns": columns,
        "subresources": {},
    });
    if resource.status == StatusSubresource::Present {
        version["subresources"]["status"] = json!({});
    }
    if !selectable.is_empty() {
        version["selectableFields"] =
            selectable.iter().map(|path| json!({ "jsonPath": path })).collect::<Vec<_>>().into();
    }
    let mut names = json!({
        "kind": resource.kind,
        "listKind": format!("{}List", resource.kind),
        "plural": resource.plural,
        "singular": resource.kind.to_lowercase(),
        "categories": [CATEGORY],
    });
    if let Some(short) = resource.short_name {
        names["shortNames"] = json!([short]);
    }
    let scope = match resource.scope {
        ResourceScope::Cluster => "Cluster",
        ResourceScope::Namespaced => "Namespaced",
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": resource.definition_name() },
        "spec": { "group": GROUP, "names": names, "scope": scope, "versions": [version] },
    })
}

/// The definitions of all kinds, in the order of [`CustomResource::ALL`].
#[must_use]
pub fn definitions() -> Vec<Value> {
    CustomResource::ALL.iter().map(definition).collect()
}

/// The name of the file that holds the definition of `resource`.
#[must_use]
pub fn file_name(resource: &CustomResource) -> String {
    format!("{GROUP}_{}.yaml", resource.plural)
}
