//! Manifests: from JSON (or YAML read as JSON) to typed objects and back.
//!
//! Unknown fields of Spiderpool's own kinds are reported, with their path; they would otherwise be lost in silence. A
//! kind that is not ours becomes a [`Resource`], with everything it has.

mod object;
mod read;
mod version;

use std::fmt;

use serde_json::Value;

pub use object::Object;
use read::{read, typed_list};
use version::Upgraded;

use super::{Resource, Warning};

/// A manifest that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// What it describes.
    pub object: Object,
    /// What was odd about it: unknown fields, an older version.
    pub warnings: Vec<Warning>,
}

/// Why a value is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct ManifestError {
    /// Kind and name, as far as they are known.
    pub object: String,
    /// Where in it, as `spec.ips[2]`; empty for the whole.
    pub path: String,
    /// What is wrong there and what to do.
    pub message: String,
}

impl fmt::Display for ManifestError {
    /// `SpiderIPPool "blue": spec.ips[2]: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.object, &self.path] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.message)
    }
}

/// Reads one manifest.
///
/// # Errors
/// It is not an object, lacks `apiVersion`, `kind` or `metadata.name`, is of a version that does not exist, or has a
/// value of a wrong type; the path is named. A `List` is an error here, see [`parse_all`].
pub fn parse(value: Value) -> Result<Manifest, ManifestError> {
    let Value::Object(mut fields) = value else {
        return Err(whole("a manifest is an object with apiVersion, kind and metadata"));
    };
    let api_version = take_text(&mut fields, "apiVersion", "")?;
    let kind = take_text(&mut fields, "kind", &api_version)?;
    let object = fields.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    let object = object.map_or_else(|| kind.clone(), |name| format!("{kind} \"{name}\""));
    if fields.get("items").is_some_and(Value::is_array) && kind.ends_with("List") {
        return Err(ManifestError {
            object: kind,
            path: String::new(),
            message: "a list is not wanted here".into(),
        });
    }
    let mut warnings = Vec::new();
    let error = |path: String, message: String| ManifestError { object: object.clone(), path, message };
    let upgraded = version::upgrade(&api_version, &kind, &mut fields, &mut warnings);
    let upgraded = upgraded.map_err(|message| error("apiVersion".into(), message))?;
    let body = Value::Object(fields);
    let object = match upgraded {
        Upgraded::Pool => read(body, &mut warnings).map(Box::new).map(Object::Pool),
        Upgraded::Subnet => read(body, &mut warnings).map(Box::new).map(Object::Subnet),
        Upgraded::Reservation => read(body, &mut warnings).map(Box::new).map(Object::Reservation),
        Upgraded::Endpoint => read(body, &mut warnings).map(Box::new).map(Object::Endpoint),
        Upgraded::Other => {
            read_resource(api_version, kind, body, &mut warnings).map(Box::new).map(Object::Resource)
        }
    };
    let object = object.map_err(|(path, message)| error(path, message))?;
    match object.metadata() {
        metadata if !metadata.name.is_empty() => Ok(Manifest { object, warnings }),
        metadata if metadata.generate_name.is_some() => Err(error(
            "metadata.generateName".into(),
            "names are not generated here: write metadata.name".into(),
        )),
        _ => Err(error("metadata.name".into(), "the name is missing".into())),
    }
}

/// Reads one manifest, or each item of a `List` (`PodList`, …). Lists inside lists are not read.
///
/// # Errors
/// As [`parse`], for the first item that is wrong, whose place stands in front of the path.
pub fn parse_all(value: Value) -> Result<Vec<Manifest>, ManifestError> {
    let items = match typed_list(value) {
        Ok(items) => items,
        Err(single) => return parse(single).map(|manifest| vec![manifest]),
    };
    let parsed = items.into_iter().enumerate().map(|(i, item)| {
        parse(item).map_err(|mut error| {
            let dot = if error.path.is_empty() { "" } else { "." };
            error.path = format!("items[{i}]{dot}{}", error.path);
            error
        })
    });
    parsed.collect()
}

/// Only the metadata of other kinds is looked into; everything else is kept as it is.
fn read_resource(
    api_version: String,
    kind: String,
    body: Value,
    warnings: &mut Vec<Warning>,
) -> Result<Resource, (String, String)> {
    let Value::Object(mut rest) = body else { return Ok(Resource::default()) };
    let mut lost = Vec::new();
    let metadata = match rest.remove("metadata") {
        Some(metadata) => {
            read(metadata, &mut lost).map_err(|(path, message)| (below_metadata(&path), message))?
        }
        None => Default::default(),
    };
    warnings
        .extend(lost.into_iter().map(|warning| Warning { field: below_metadata(&warning.field), ..warning }));
    Ok(Resource { api_version, kind, metadata, rest })
}

fn below_metadata(path: &str) -> String {
    if path.is_empty() { "metadata".into() } else { format!("metadata.{path}") }
}

fn take_text(
    fields: &mut serde_json::Map<String, Value>,
    key: &str,
    object: &str,
) -> Result<String, ManifestError> {
    let message = match fields.remove(key) {
        Some(Value::String(text)) if !text.is_empty() => return Ok(text),
        None | Some(Value::Null) => {
            "this is missing: write it, as `apiVersion: spiderpool.spidernet.io/v2beta1` \
                                     and `kind: SpiderIPPool`"
        }
        Some(_) => "a text is wanted here",
    };
    Err(ManifestError { object: object.to_owned(), path: key.to_owned(), message: message.into() })
}

fn whole(message: &str) -> ManifestError {
    ManifestError { object: String::new(), path: String::new(), message: message.into() }
}

#[cfg(test)]
mod tests;
