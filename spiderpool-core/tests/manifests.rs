//! Manifests as users have them are read unchanged, and written as they were read.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use spiderpool_core::{
    api::manifest::{Object, parse, parse_all},
    model::{Pool, Reservation, Subnet},
    name::Namespace,
    validate::annotations::check_pod,
};

/// Every fixture by file name, as JSON.
#[cfg(test)]
fn fixtures() -> BTreeMap<String, Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let manifests = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let read = |path: std::path::PathBuf| {
        let value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), value)
    };
    manifests.map(read).collect()
}

#[test]
fn every_manifest_is_read_whole_and_written_as_it_was() {
    let fixtures = fixtures();
    assert_eq!(fixtures.len(), 14);
    for (file, value) in fixtures {
        let manifest = parse(value.clone()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(manifest.warnings, [], "{file}");
        assert_eq!(manifest.object.to_value().unwrap(), value, "{file}");
        let yaml = serde_saphyr::to_string(&manifest.object).unwrap();
        assert!(yaml.starts_with("apiVersion:"), "{file}: {yaml}");
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), value, "{file}: {yaml}");
    }
}

/// The manifests that the documentation begins with.
#[test]
fn examples_are_read_whole() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/basic");
    let mut count = 0;
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&path).unwrap();
        for value in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            let manifest = parse(value.clone()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(manifest.warnings, [], "{}", path.display());
            assert_eq!(manifest.object.to_value().unwrap(), value, "{}", path.display());
            count += 1;
        }
    }
    assert_eq!(count, 5);
}

#[test]
fn all_of_them_in_one_list() {
    let items: Vec<Value> = fixtures().into_values().collect();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    let objects: Vec<Value> =
        parse_all(list).unwrap().iter().map(|manifest| manifest.object.to_value().unwrap()).collect();
    assert_eq!(objects, items);
}

/// A field more in any of our objects is noticed, wherever it is.
#[test]
fn an_unknown_field_is_noticed_anywhere() {
    for (file, value) in fixtures().into_iter().filter(|(_, value)| is_ours(value)) {
        for path in objects_in(&value) {
            let mut spoilt = value.clone();
            let place = spoilt.pointer_mut(&path).unwrap().as_object_mut().unwrap();
            place.insert("unheardOf".into(), true.into());
            let warnings = parse(spoilt).unwrap().warnings;
            assert_eq!(warnings.len(), 1, "{file}: {path}");
            assert!(warnings[0].field.ends_with("unheardOf"), "{file}: {}", warnings[0]);
        }
    }
}

/// A value of another type is refused, wherever it is.
#[test]
fn a_wrong_type_is_refused_anywhere() {
    for (file, value) in fixtures().into_iter().filter(|(_, value)| is_ours(value)) {
        for path in objects_in(&value).into_iter().filter(|path| !path.is_empty()) {
            for wrong in [Value::from(7), Value::from("text"), Value::Array(Vec::new())] {
                let mut spoilt = value.clone();
                *spoilt.pointer_mut(&path).unwrap() = wrong;
                let error = parse(spoilt).unwrap_err();
                assert_eq!(error.path.split(['.', '[']).next(), path.split('/').nth(1), "{file}: {error}");
            }
        }
    }
}

fn is_ours(value: &Value) -> bool {
    value["apiVersion"].as_str().is_some_and(|version| version.starts_with("spiderpool.spidernet.io/"))
}

/// Pointers to every object, other than maps of labels and annotations.
fn objects_in(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.push(path.to_owned());
                let typed = |key: &str| !matches!(key, "labels" | "annotations" | "matchLabels");
                for (key, value) in fields.iter().filter(|(key, _)| typed(key)) {
                    walk(value, &format!("{path}/{key}"), found);
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}/{i}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

#[test]
fn every_object_and_annotation_means_something() {
    let namespace = Namespace::new("default").unwrap();
    for (file, value) in fixtures() {
        let mut object = parse(value).unwrap().object;
        object.metadata_mut().uid.get_or_insert_with(|| "uid".into());
        let read = match &object {
            Object::Pool(pool) => Pool::try_from(pool.as_ref()).map(drop),
            Object::Subnet(subnet) => Subnet::try_from(subnet.as_ref()).map(drop),
            Object::Reservation(reservation) => Reservation::try_from(reservation.as_ref()).map(drop),
            _ => Ok(()),
        };
        assert_eq!(read, Ok(()), "{file}");
        if let Object::Resource(resource) = &object {
            let template = &resource.rest["spec"]["template"]["metadata"]["annotations"];
            let annotations: BTreeMap<String, String> = serde_json::from_value(template.clone()).unwrap();
            let (violations, warnings) = check_pod(&annotations, &namespace);
            assert!(violations.is_empty() && warnings.is_empty(), "{file}: {violations} {warnings:?}");
        }
    }
}
