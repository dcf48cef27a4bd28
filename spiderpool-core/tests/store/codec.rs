//! Stored documents: what this version writes, what it reads of older ones, what it refuses.

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;
use spiderpool_core::{
    model::FORMAT,
    store::{
        Kind, StoreError,
        conformance::{Sample, every_kind},
        decode, encode,
    },
};

fn samples() -> Vec<Sample> {
    every_kind("fixture", 7).unwrap()
}

fn fixture(format: u32, kind: Kind) -> PathBuf {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/store/fixtures/format-{format}"));
    folder.join(format!("{}.json", kind.name()))
}

/// A file that is missing is made with SPIDERPOOL_WRITE_FIXTURES=1. A change of what is written is a change of the format: it needs a new number, and the old files stay.
#[test]
fn this_format_is_written_as_it_always_was() {
    for sample in samples() {
        let bytes = encode(&sample.key, &sample.document).unwrap();
        let path = fixture(FORMAT, sample.key.kind());
        if std::env::var_os("SPIDERPOOL_WRITE_FIXTURES").is_some() && !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let wanted = fs::read_to_string(&path).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), wanted, "{}", path.display());
    }
}

#[test]
fn every_format_so_far_is_read() {
    for format in 1..=FORMAT {
        for sample in samples() {
            let bytes = fs::read(fixture(format, sample.key.kind())).unwrap();
            assert_eq!(decode(&sample.key, &bytes).unwrap(), sample.document, "format {format}");
        }
    }
}

#[test]
fn a_newer_format_is_refused_before_its_content_is_looked_at() {
    let sample = samples().remove(0);
    let bytes = format!(r#"{{"format":{},"kind":"Unheard","body":17}}"#, FORMAT + 1);
    let error = decode(&sample.key, bytes.as_bytes()).unwrap_err();
    assert!(matches!(error, StoreError::NewerFormat { found, .. } if found == FORMAT + 1), "{error}");
    assert!(error.to_string().contains("upgrade"), "{error}");
}

/// What stands in a wrong place is neither written nor read.
#[test]
fn documents_keep_to_their_places() {
    let (samples, others) = (samples(), every_kind("other", 8).unwrap());
    let bytes: BTreeMap<_, _> =
        samples.iter().map(|s| (&s.key, encode(&s.key, &s.document).unwrap())).collect();
    for a in &samples {
        for b in &samples {
            assert_eq!(encode(&a.key, &b.document).is_ok(), a.key == b.key);
            assert_eq!(decode(&a.key, &bytes[&b.key]).is_ok(), a.key == b.key);
        }
        // Scopes, plans and blocks name their own place.
        let names_itself = matches!(a.key.kind(), Kind::Scope | Kind::Plan | Kind::Block);
        let other = others.iter().find(|other| other.key.kind() == a.key.kind()).unwrap();
        assert_eq!(encode(&other.key, &a.document).is_err(), names_itself, "{}", a.key);
        assert_eq!(decode(&other.key, &bytes[&a.key]).is_err(), names_itself, "{}", a.key);
    }
}

proptest! {
    /// Damage gives an error or, where the bytes are still a document, one that comes back the same.
    #[test]
    fn damaged_bytes_never_panic(
        which in 0..8usize, place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let sample = samples().remove(which);
        let mut bytes = encode(&sample.key, &sample.document).unwrap();
        let place = place.index(bytes.len());
        if cut { bytes.truncate(place) } else { bytes[place] = byte }
        match decode(&sample.key, &bytes) {
            Ok(document) => {
                let again = encode(&sample.key, &document).unwrap();
                prop_assert_eq!(decode(&sample.key, &again).unwrap(), document);
            }
            Err(StoreError::Damaged { what, .. }) => prop_assert_eq!(what, sample.key.to_string()),
            Err(StoreError::NewerFormat { .. }) => prop_assert!(!cut),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
