//! A database that was truncated or changed at a random place: the agent serves and has lost nothing, or does not serve
//! and says what to do; what is readable can be exported.

use crate::client::block_on;
use crate::dice::Dice;
use crate::settings;
use crate::support::{Node, Ran};
use spiderpool_core::addr::Address;
use spiderpool_core::alloc::{Allocator, AllocatorConfig};
use spiderpool_core::env::Env;
use spiderpool_core::name::NodeName;
use spiderpool_store_sled::{Loss, SledConfig, SledStore};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
    found.sort();
}

/// Damages one file of a database somewhere; says what was done.
fn damage(database: &Path, dice: &mut Dice) -> String {
    let mut all = Vec::new();
    files(database, &mut all);
    all.retain(|file| fs::metadata(file).unwrap().len() > 0);
    // Most of it is in one file.
    let log = database.join("documents/db");
    let file = match dice.one_in(4) {
        true => all.swap_remove(dice.below(all.len() as u64) as usize),
        false => log,
    };
    let length = fs::metadata(&file).unwrap().len();
    let opened = OpenOptions::new().read(true).write(true).open(&file).unwrap();
    // sled makes its file longer than what it holds: most of the places have to be where something is.
    let written =
        fs::read(&file).unwrap().iter().rposition(|byte| *byte != 0).map_or(1, |last| last as u64 + 1);
    let within = if dice.one_in(5) { length } else { written };
    let at = dice.below(within);
    let name = file.strip_prefix(database).unwrap().display().to_string();
    match dice.below(3) {
        0 => {
            opened.set_len(at).unwrap();
            format!("{name} cut off at {at} of {length}")
        }
        1 => {
            let mut byte = [0];
            opened.read_exact_at(&mut byte, at).unwrap();
            let bit = 1u8 << dice.below(8);
            opened.write_all_at(&[byte[0] ^ bit], at).unwrap();
            format!("bit {bit:#x} of byte {at} of {name} flipped")
        }
        _ => {
            let count = (1 + dice.below(4096)).min(length - at);
            opened.write_all_at(&vec![0; count as usize], at).unwrap();
            format!("{count} bytes of {name} at {at} zeroed")
        }
    }
}

/// What can be read by whoever accepts a loss.
fn readable(database: &Path) -> BTreeSet<Address> {
    let config = SledConfig { loss: Loss::Accept, ..SledConfig::at(database) };
    let store = SledStore::open(&config, &Env::system()).unwrap();
    block_on(async {
        let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
        let allocator = Allocator::open(Arc::new(store), Env::system(), config).await.unwrap();
        let export = allocator.export().await.unwrap();
        export.scopes.iter().flat_map(|scope| &scope.held).map(|held| held.address).collect()
    })
}

/// Grants an address to each of so many containers and takes every fifth back; gives those that are held, and adds all
/// addresses to `ever`.
fn grants(node: &Node, name: &str, count: usize, ever: &mut BTreeSet<Address>) -> BTreeMap<String, Ran> {
    let mut granted = BTreeMap::new();
    for n in 0..count {
        let container = format!("{name}{n}");
        let ran = node.plugin("ADD", &container, None);
        let address = ran.address();
        let (address, _) = address.split_once('/').unwrap();
        ever.insert(address.parse().unwrap());
        granted.insert(container, ran);
        if n % 5 == 4 {
            let gone = format!("{name}{}", n - 2);
            assert!(node.plugin("DEL", &gone, None).success);
            granted.remove(&gone);
        }
    }
    granted
}

#[test]
fn a_database_damaged_anywhere_is_noticed_or_whole_and_what_is_left_can_be_exported() {
    let rounds = settings::times("SPIDERPOOL_SOAK_DAMAGES", 12);
    if rounds == 0 {
        return println!("damages: none are asked for");
    }
    let mut dice = settings::dice("damages");
    let node = Node::new();
    let agent = node.start();
    block_on(node.apply_pool("10.6.0.0/16", "10.6.0.1-10.6.1.200"));
    let mut ever = BTreeSet::new();
    let granted = grants(&node, "c", 60, &mut ever);
    agent.stopped();
    // What is written in the last second before a kill and damaged as well, sled cannot tell from what was never written.
    let agent = node.start();
    grants(&node, "late", 10, &mut ever);
    agent.killed();
    let whole = node.path("whole");
    fs::rename(node.path("db"), &whole).unwrap();

    let (mut noticed, mut exported) = (0, 0);
    for round in 1..=rounds {
        copy(&whole, &node.path("db"));
        let what = damage(&node.path("db"), &mut dice);
        match node.try_start(&[]) {
            Ok(agent) => {
                for (container, ran) in &granted {
                    let check = node.plugin("CHECK", container, Some(ran));
                    assert!(check.success, "{what}: {container} is forgotten without a word: {check:?}");
                }
                agent.killed();
            }
            Err((code, words)) => {
                noticed += 1;
                assert_eq!(code, Some(1), "{what}: {words}");
                assert!(words.contains("the store does not open: "), "{what}: {words}");
                assert!(words.contains("Restore a backup"), "{what}: {words}");
                assert!(words.contains("accept-loss=yes"), "{what}: {words}");
                assert!(!words.contains("panicked"), "{what}: {words}");
                let left = readable(&node.path("db"));
                exported += left.len();
                assert!(left.is_subset(&ever), "{what}: {left:?} of {ever:?}");
            }
        }
        fs::remove_dir_all(node.path("db")).unwrap();
        println!("damages: {round} of {rounds}: {noticed} noticed, {exported} addresses exported; {what}");
    }
    assert!(noticed > 0, "no damage was noticed");
}
