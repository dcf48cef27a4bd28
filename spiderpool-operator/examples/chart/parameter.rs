//! The parameters, as values.yaml describes them.

use std::{collections::BTreeSet, error::Error};

use serde_json::Value;

/// What a parameter may be.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Kind {
    /// As its default is.
    AsDefault,
    /// One of these words.
    OneOf(Vec<String>),
    /// Anything with keys.
    Object,
    /// A list.
    Array,
    /// An amount of a resource.
    Quantity,
    /// A port.
    Port,
    /// A number or a percentage.
    IntegerOrString,
}

/// One parameter.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) what: String,
    pub(crate) default: Value,
}

impl Parameter {
    /// The keys that lead to it.
    pub(crate) fn path(&self) -> impl Iterator<Item = &str> {
        self.name.split('.')
    }
}

/// A later name of a parameter.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    pub(crate) name: String,
    pub(crate) of: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) sections: Vec<(String, Vec<Parameter>)>,
    pub(crate) later: Vec<Later>,
}

impl Parameters {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Parameter> {
        self.sections.iter().flat_map(|(_, parameters)| parameters)
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Parameter> {
        self.all().find(|parameter| parameter.name == name)
    }
}

/// Reads the text of values.yaml. A value without a description, or a description without a value, is an error.
pub(crate) fn parameters(text: &str) -> Result<Parameters, Box<dyn Error>> {
    let values: Value = serde_saphyr::from_str(text)?;
    let mut read = Parameters::default();
    for line in text.lines() {
        let Some(line) = line.trim().strip_prefix("## @") else { continue };
        let (tag, rest) = line.split_once(' ').ok_or(line)?;
        match tag {
            "section" => read.sections.push((rest.to_owned(), Vec::new())),
            "param" => {
                let (name, rest) = rest.split_once(' ').ok_or(line)?;
                let (kind, what) = kind_of(rest)?;
                let default =
                    at(&values, name).ok_or_else(|| format!("{name} is described and not there"))?;
                let parameter =
                    Parameter { name: name.into(), kind, what: what.into(), default: default.clone() };
                read.sections.last_mut().ok_or("a parameter before any section")?.1.push(parameter);
            }
            "later" => {
                let (name, of) = rest.split_once(' ').ok_or(line)?;
                read.later.push(Later { name: name.into(), of: of.into() });
            }
            _ => return Err(format!("nobody knows @{tag}").into()),
        }
    }
    let described: BTreeSet<&str> = read.all().map(|parameter| parameter.name.as_str()).collect();
    let mut there = Vec::new();
    leaves(&values, "", &described, &mut there);
    match there.iter().find(|name| !described.contains(name.as_str())) {
        Some(name) => Err(format!("{name} is not described").into()),
        None => Ok(read),
    }
}

fn kind_of(rest: &str) -> Result<(Kind, &str), Box<dyn Error>> {
    let Some((written, what)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) else {
        return Ok((Kind::AsDefault, rest));
    };
    let kind = match written {
        "object" => Kind::Object,
        "array" => Kind::Array,
        "quantity" => Kind::Quantity,
        "port" => Kind::Port,
        "integer or string" => Kind::IntegerOrString,
        other => {
            let words = other.strip_prefix("enum: ").ok_or_else(|| format!("nobody knows [{other}]"))?;
            Kind::OneOf(words.split(", ").map(str::to_owned).collect())
        }
    };
    Ok((kind, what))
}

fn at<'a>(values: &'a Value, name: &str) -> Option<&'a Value> {
    name.split('.').try_fold(values, |value, key| value.get(key))
}

fn leaves(value: &Value, name: &str, described: &BTreeSet<&str>, found: &mut Vec<String>) {
    match value.as_object().filter(|keys| !keys.is_empty() && !described.contains(name)) {
        Some(keys) => {
            for (key, value) in keys {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                leaves(value, &name, described, found);
            }
        }
        None => found.push(name.to_owned()),
    }
}
