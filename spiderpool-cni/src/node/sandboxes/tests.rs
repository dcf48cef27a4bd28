use super::{HashSet, NamespaceId, Sandboxes};
use spiderpool_core::name::ContainerId;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory with files that stand for namespaces, and the state of a node.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("netns")).unwrap();
        Self(dir)
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn namespace(&self, name: &str) -> PathBuf {
        let path = self.0.path().join("netns").join(name);
        fs::write(&path, "").unwrap();
        path
    }

    fn open(&self, boot: &str, held: &[&str]) -> Sandboxes {
        let held: HashSet<_> = held.iter().map(|name| container(name)).collect();
        Sandboxes::open_in(boot.into(), Some(&self.state()), &held)
    }
}

fn container(name: &str) -> ContainerId {
    ContainerId::new(name).unwrap()
}

fn add(sandboxes: &Sandboxes, name: &str, path: &Path) {
    let id = NamespaceId::at(path).ok();
    if let Some(note) = sandboxes.is_at(&container(name), path, id) {
        note.write();
    }
}

fn gone(sandboxes: &Sandboxes, names: &[&str]) -> Vec<bool> {
    names.iter().map(|name| sandboxes.is_gone(&container(name))).collect()
}

#[test]
fn only_what_was_seen_and_is_not_there_is_gone() {
    let place = Place::new();
    let sandboxes = place.open("b1", &[]);
    let (kept, ended) = (place.namespace("kept"), place.namespace("ended"));
    add(&sandboxes, "kept", &kept);
    add(&sandboxes, "ended", &ended);
    add(&sandboxes, "unseen", &place.0.path().join("netns/unseen"));
    let all = ["kept", "ended", "unseen", "stranger"];
    assert_eq!(gone(&sandboxes, &all), [false; 4]);
    fs::remove_file(&ended).unwrap();
    assert_eq!(gone(&sandboxes, &all), [false, true, false, false]);
    // The same from what was written down.
    let sandboxes = place.open("b1", &all);
    assert_eq!(gone(&sandboxes, &all), [false, true, false, false]);
    // The container's name is used again.
    add(&sandboxes, "ended", &place.namespace("again"));
    assert_eq!(gone(&sandboxes, &all), [false; 4]);
    // Nothing can be seen there any more: of whom would that tell?
    fs::remove_dir_all(place.0.path().join("netns")).unwrap();
    assert_eq!(gone(&sandboxes, &all), [false; 4]);
}

#[test]
fn another_namespace_at_the_same_path_is_another() {
    let place = Place::new();
    let sandboxes = place.open("b1", &[]);
    let path = place.namespace("web-0");
    add(&sandboxes, "c1", &path);
    // Both exist at once, so that they cannot have the same inode.
    let next = place.namespace("next");
    fs::rename(&next, &path).unwrap();
    add(&sandboxes, "c2", &path);
    assert_eq!(gone(&sandboxes, &["c1", "c2"]), [true, false]);
}

#[test]
fn what_the_plugin_saw_has_to_be_what_the_agent_sees() {
    let place = Place::new();
    let sandboxes = place.open("b1", &[]);
    let (own, other) = (place.namespace("own"), place.namespace("other"));
    let seen_by_plugin = NamespaceId::at(&other).unwrap();
    assert!(sandboxes.is_at(&container("c1"), &own, Some(seen_by_plugin)).unwrap().entry.is_none());
    // A client that says nothing is believed, but not about processes: their numbers differ from place to place.
    assert!(sandboxes.is_at(&container("c2"), &own, None).unwrap().entry.is_some());
    assert!(sandboxes.is_at(&container("c3"), Path::new("/proc/self/ns/net"), None).unwrap().entry.is_none());
    fs::remove_file(&own).unwrap();
    assert_eq!(gone(&sandboxes, &["c1", "c2", "c3"]), [false, true, false]);
}

#[test]
fn nothing_outlives_a_boot_and_nothing_is_said_without_one() {
    let place = Place::new();
    let path = place.namespace("ns");
    // What was held before anything was written down is not known: the boot may be the same.
    let sandboxes = place.open("b1", &["old"]);
    add(&sandboxes, "noted", &path);
    assert_eq!(gone(&sandboxes, &["old", "noted"]), [false, false]);
    // The path is there again after the boot; whose the namespace is, is clear all the same.
    let sandboxes = place.open("b2", &["old", "noted"]);
    assert_eq!(gone(&sandboxes, &["old", "noted", "stranger"]), [true, true, false]);
    add(&sandboxes, "noted", &path);
    for _ in 0..2 {
        let sandboxes = place.open("b2", &["old", "noted", "new"]);
        assert_eq!(gone(&sandboxes, &["old", "noted", "new"]), [true, false, false]);
    }
    // What nobody holds is forgotten.
    drop(place.open("b2", &["noted"]));
    let names: Vec<_> =
        fs::read_dir(place.state().join("sandboxes")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["noted.json"]);
    let sandboxes = place.open("", &["noted"]);
    assert_eq!(gone(&sandboxes, &["noted"]), [false]);
}

/// Whatever happens to what was written down, it never takes an address from whoever lives.
#[test]
fn damage_says_nothing() {
    let place = Place::new();
    let path = place.namespace("ns");
    let sandboxes = place.open("b1", &[]);
    add(&sandboxes, "c1", &path);
    add(&sandboxes, "c2", &path);
    let files = ["boot", "sandboxes/c1.json"].map(|name| place.state().join(name));
    for file in &files {
        let whole = fs::read(file).unwrap();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                fs::write(file, &damaged).unwrap();
                assert_eq!(gone(&place.open("b1", &["c1", "c2"]), &["c1", "c2"]), [false, false]);
            }
            fs::write(file, &whole[..at]).unwrap();
            assert_eq!(gone(&place.open("b1", &["c1", "c2"]), &["c1", "c2"]), [false, false]);
        }
        fs::write(file, &whole).unwrap();
    }
}

#[test]
fn a_state_that_cannot_be_kept_stops_nothing() {
    let place = Place::new();
    fs::write(place.state(), "a file where the directory should be").unwrap();
    let sandboxes = place.open("b1", &["c1"]);
    let path = place.namespace("ns");
    add(&sandboxes, "c1", &path);
    fs::remove_file(&path).unwrap();
    assert_eq!(gone(&sandboxes, &["c1"]), [true]);
}
