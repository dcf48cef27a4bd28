//! Manifests from files, directories and standard input: YAML or JSON, any number in one file, Lists.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use spiderpool_core::api::manifest::{Manifest, parse_all};

use crate::failure::Failure;

/// Reads everything that `paths` name, in their order; files of a directory by name. Files that hold nothing are
/// fine; no manifest at all is not.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Manifest>, Failure> {
    let mut manifests = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Failure::usage("standard input cannot be read").because(error))?;
            manifests.extend(read_text("standard input", &text)?);
            continue;
        }
        for file in files(path)? {
            let name = file.display().to_string();
            let text = fs::read_to_string(&file)
                .map_err(|error| Failure::usage(format!("{name} cannot be read")).because(error))?;
            manifests.extend(read_text(&name, &text)?);
        }
    }
    if manifests.is_empty() {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::usage(format!("there is no manifest in {}", names.join(", "))));
    }
    Ok(manifests)
}

/// `path` itself, or its manifests if it is a directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("{} cannot be read", path.display())).because(error);
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let known = file.extension().is_some_and(|extension| {
            ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        });
        if known && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the manifests in `text`, which came from `name`.
pub(crate) fn read_text(name: &str, text: &str) -> Result<Vec<Manifest>, Failure> {
    let yaml = || serde_saphyr::from_multiple::<Value>(text);
    let values: Vec<Value> = if text.trim_start().starts_with('{') {
        // A reader of JSON also takes several objects in a row, and says better what is wrong with one.
        let json: Result<_, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
        json.or_else(|error| yaml().map_err(|_| Failure::usage(format!("{name} is not JSON: {error}"))))?
    } else {
        yaml().map_err(|error| {
            Failure::usage(format!("{name} is not YAML: {}", error.to_string().trim_end()))
        })?
    };
    let mut manifests = Vec::new();
    for value in values.into_iter().filter(|value| !value.is_null()) {
        manifests.extend(parse_all(value).map_err(|error| Failure::usage(format!("{name}: {error}")))?);
    }
    Ok(manifests)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata: {name: a}\n\
                        spec: {subnet: 10.0.0.0/24}\n";

    fn names(text: &str) -> Vec<String> {
        let manifests = read_text("x", text).unwrap();
        manifests.iter().map(|manifest| manifest.object.metadata().name.clone()).collect()
    }

    #[test]
    fn documents_lists_and_json_are_read() {
        assert_eq!(
            names(&format!("---\n{POOL}---\n# nothing\n---\n{}", POOL.replace("name: a", "name: b"))),
            ["a", "b"]
        );
        let json = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}]}
                      {"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}}"#;
        assert_eq!(names(json), ["p", "n"]);
        assert_eq!(names("{apiVersion: v1, kind: Pod, metadata: {name: flow}}"), ["flow"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        let told = |text: &str| read_text("pools.yaml", text).unwrap_err().to_string();
        insta::assert_snapshot!(told("{\"kind\": 3"), @"pools.yaml is not JSON: EOF while parsing an object at line 1 column 10");
        insta::assert_snapshot!(told("kind: SpiderIPPool\nmetadata: {name: a}"), @"pools.yaml: apiVersion: this is missing: write it, as `apiVersion: spiderpool.spidernet.io/v2beta1` and `kind: SpiderIPPool`");
        insta::assert_snapshot!(told(&POOL.replace("10.0.0.0/24", "[1]")), @r#"pools.yaml: SpiderIPPool "a": spec.subnet: invalid type: sequence, expected a string (put it in quotes)"#);
        let yaml = told("kind: [");
        assert!(yaml.starts_with("pools.yaml is not YAML: "), "{yaml}");
    }

    #[test]
    fn a_directory_is_read_by_name_and_an_empty_one_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let empty = read(&[directory.path().to_owned()]).unwrap_err();
        assert!(empty.one_line().starts_with("there is no manifest in "), "{empty}");
        for (file, name) in [("2.yml", "b"), ("1.yaml", "a"), ("note.txt", "c")] {
            fs::write(directory.path().join(file), POOL.replace("name: a", &format!("name: {name}")))
                .unwrap();
        }
        let manifests = read(&[directory.path().to_owned()]).unwrap();
        let names: Vec<_> =
            manifests.iter().map(|manifest| manifest.object.metadata().name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
