//! One process at a time, and the error says which.

use pollster::block_on;
use spiderpool_core::{
    env::Env,
    store::{Kind, Selector, Store, StoreError},
};
use spiderpool_store_sled::{OpenError, SledConfig, SledStore};

#[test]
fn a_second_opening_names_the_holder() {
    let directory = tempfile::tempdir().unwrap();
    let config = SledConfig::at(directory.path().join("db"));
    let env = Env::system();
    let first = SledStore::open(&config, &env).unwrap();
    let error = SledStore::open(&config, &env).unwrap_err();
    let OpenError::Locked { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder.pid, Some(std::process::id()));
    assert!(holder.command.is_some() && holder.since.is_some(), "{holder}");
    let words = error.to_string();
    assert!(words.contains(&format!("locked by pid {} (", std::process::id())), "{words}");
    assert!(words.contains(") since 20"), "{words}");
    assert!(matches!(StoreError::from(error), StoreError::Unavailable { .. }));
    assert!(block_on(first.list(&Selector::Kind(Kind::Pool))).is_ok());
    drop(first);
    drop(SledStore::open(&config, &env).unwrap());
}

/// A holder that died left its name behind, but no lock.
#[test]
fn a_dead_holder_holds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = SledConfig::at(directory.path().join("db"));
    drop(SledStore::open(&config, &Env::system()).unwrap());
    std::fs::write(config.path.join("lock"), br#"{"pid":1,"command":"gone","since":0}"#).unwrap();
    drop(SledStore::open(&config, &Env::system()).unwrap());
}

#[test]
fn what_the_system_refuses_is_said_with_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = SledStore::open(&SledConfig::at(file.join("db")), &Env::system()).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    assert!(error.to_string().contains("file/db"), "{error}");
}
