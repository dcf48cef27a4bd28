//! A disk that is full: a clear error, nothing that was acknowledged lost, and work goes on once there is room.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use pollster::block_on;
use spiderpool_core::{
    env::Env,
    store::{Key, Kind, Selector, Store, StoreError, Token, conformance::every_kind},
};
use spiderpool_store_sled::{SledConfig, SledStore};
use tempfile::TempDir;

/// A file system of a few MiB, gone when this is dropped.
struct Tiny(TempDir);

impl Tiny {
    fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=700");
        let (kind, flags) = (Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
        mount(Some("tmpfs"), directory.path(), kind, flags, Some(&options[..])).ok()?;
        Some(Self(directory))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        // Before the directory itself is removed.
        umount2(self.0.path(), MntFlags::MNT_DETACH).unwrap();
    }
}

/// Says that a test could not run, as CONTRIBUTING.md asks for.
fn skipped(line: &str) {
    match std::env::var_os("SPIDERPOOL_TEST_SKIPS") {
        None => println!("{line}"),
        Some(file) => {
            let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
            file.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
    }
}

/// Writes until the store refuses. Gives what was acknowledged, and the refusal.
async fn fill(store: &SledStore) -> (Vec<(Key, Token)>, StoreError) {
    let mut acknowledged = Vec::new();
    for n in 0..1_000_000 {
        for sample in every_kind(&format!("n-{n}"), 1).unwrap() {
            match store.create(&sample.key, sample.document).await {
                Ok(token) => acknowledged.push((sample.key, token)),
                Err(StoreError::AlreadyExists { .. }) => {}
                Err(error) => return (acknowledged, error),
            }
        }
    }
    panic!("the disk is never full");
}

fn verify(path: &Path, acknowledged: &[(Key, Token)]) -> SledStore {
    let store = SledStore::open(&SledConfig::at(path), &Env::system()).unwrap();
    for (key, token) in acknowledged {
        let found = block_on(store.get(key)).unwrap();
        assert_eq!(found.map(|found| found.token).as_ref(), Some(token), "{key} was acknowledged");
    }
    store
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let Some(tiny) = Tiny::mount("6m") else {
        return skipped("sled::disk: needs the right to mount a tmpfs; run the tests as root");
    };
    let path = tiny.0.path().join("db");
    // Room that somebody else takes and gives back.
    let ballast = tiny.0.path().join("ballast");
    fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let store = SledStore::open(&SledConfig::at(&path), &Env::system()).unwrap();
    let (acknowledged, refusal) = block_on(fill(&store));
    assert!(acknowledged.len() > 100, "only {} writes fit", acknowledged.len());
    let (StoreError::UnknownOutcome { message, .. } | StoreError::Stopped { message }) = &refusal else {
        panic!("{refusal:?}");
    };
    assert!(message.contains("make room"), "{message}");
    // After that nothing is answered, until it is opened again.
    let after = block_on(store.list(&Selector::Kind(Kind::Pool)));
    assert!(matches!(after, Err(StoreError::Stopped { .. })), "{after:?}");
    drop(store);
    fs::remove_file(&ballast).unwrap();
    let store = verify(&path, &acknowledged);
    let sample = every_kind("there-is-room", 1).unwrap().remove(1);
    block_on(store.create(&sample.key, sample.document)).unwrap();
    drop(store);
    drop(verify(&path, &acknowledged));
}

/// Where there is no room to begin with, the error says so.
#[test]
fn a_disk_that_is_full_from_the_start_is_said_to_be() {
    let Some(tiny) = Tiny::mount("256k") else {
        return skipped("sled::disk: needs the right to mount a tmpfs; run the tests as root");
    };
    let opened = SledStore::open(&SledConfig::at(tiny.0.path().join("db")), &Env::system());
    let words =
        opened.map(|store| block_on(fill(&store)).1.to_string()).unwrap_or_else(|error| error.to_string());
    assert!(words.contains("No space left") || words.contains("make room"), "{words}");
}
