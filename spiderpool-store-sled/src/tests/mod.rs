//! Tests that need to stand between the store and its disk.

mod failing;
mod kill;

use std::path::Path;

use spiderpool_core::{
    env::Env,
    model::{BlockBits, Scope},
    name::ScopeName,
    store::{Document, Key},
};

use crate::{
    SledConfig, SledStore,
    engine::{Failure, Point},
    flush::Patience,
    open::open,
};

/// The store in `path`, whose disk does as `check` says.
fn open_failing(
    path: &Path,
    patience: Patience,
    check: impl Fn(Point) -> Result<(), Failure> + Send + Sync + 'static,
) -> SledStore {
    let config = SledConfig::at(path);
    let mut opened = open(&config, &Env::system()).unwrap();
    opened.engine = opened.engine.failing(check);
    SledStore::start(opened, &config, patience).unwrap()
}

fn scope(name: &str, bits: u8) -> (Key, Document) {
    let name = ScopeName::new(name).unwrap();
    let block_bits = BlockBits::new(bits).unwrap();
    (Key::Scope(name.clone()), Scope { name, block_bits, format: 1 }.into())
}
