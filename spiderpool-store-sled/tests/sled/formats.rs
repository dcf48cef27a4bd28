//! Databases that earlier versions wrote.

use std::{fs, path::PathBuf};

use pollster::block_on;
use spiderpool_core::{
    env::Env,
    store::{Store, conformance::every_kind},
};
use spiderpool_store_sled::{SledConfig, SledStore};

fn fixture(format: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sled/fixtures/format-{format}"))
}

#[test]
#[ignore = "makes the fixture of a new format, once"]
fn write_a_fixture() {
    let path = fixture(1);
    assert!(!path.exists(), "the fixture of a format never changes");
    let store = SledStore::open(&SledConfig::at(&path), &Env::system()).unwrap();
    for sample in every_kind("fixture", 7).unwrap() {
        block_on(store.create(&sample.key, sample.document)).unwrap();
    }
    drop(store);
    fs::remove_file(path.join("lock")).unwrap();
}

#[test]
fn every_format_so_far_opens() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("format-1");
    crate::damage::copy(&fixture(1), &path);
    let store = SledStore::open(&SledConfig::at(&path), &Env::system()).unwrap();
    for sample in every_kind("fixture", 7).unwrap() {
        let found = block_on(store.get(&sample.key)).unwrap().unwrap();
        assert_eq!(found.document, sample.document);
        block_on(store.update(&sample.key, &found.token, sample.document)).unwrap();
    }
}
