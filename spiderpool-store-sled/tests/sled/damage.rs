//! Whatever happens to the files: the database opens with all that was acknowledged, or does not open and says why.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use pollster::block_on;
use rstest::rstest;
use spiderpool_core::{
    env::Env,
    store::{
        Document, Key, Kind, Selector, Store, StoreError, Token,
        conformance::{Sample, every_kind},
    },
};
use spiderpool_store_sled::{Loss, OpenError, SledConfig, SledStore};
use tempfile::TempDir;

type Contents = Vec<(Key, Token, Document)>;

struct Database {
    directory: TempDir,
    contents: Contents,
    /// Every key that was ever used.
    ever: BTreeSet<Key>,
    /// A token of a document that was deleted.
    old: Token,
}

impl Database {
    fn path(&self) -> PathBuf {
        self.directory.path().join("db")
    }

    fn open(&self, loss: Loss) -> Result<SledStore, OpenError> {
        SledStore::open(&SledConfig { loss, ..SledConfig::at(self.path()) }, &Env::system())
    }

    /// Documents of all kinds, many of them written more than once.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut ever = BTreeSet::new();
        let database = Self { directory, contents: Vec::new(), ever: BTreeSet::new(), old: Token::new("0") };
        let store = database.open(Loss::Refuse).unwrap();
        let (contents, old) = block_on(async {
            let mut old = Token::new("0");
            for round in 0..30u32 {
                for sample in every_kind(&format!("name-{}", round % 10), round % 3).unwrap() {
                    ever.insert(sample.key.clone());
                    match store.get(&sample.key).await.unwrap() {
                        None => drop(store.create(&sample.key, sample.document).await.unwrap()),
                        Some(found) if round % 7 == 6 => {
                            store.delete(&sample.key, &found.token).await.unwrap();
                            old = found.token;
                        }
                        Some(found) => {
                            drop(store.update(&sample.key, &found.token, sample.document).await.unwrap());
                        }
                    }
                }
            }
            (contents(&store).await.unwrap(), old)
        });
        drop(store);
        Self { contents, old, ever, ..database }
    }

    fn copy(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&self.path(), &directory.path().join("db"));
        Self { directory, contents: self.contents.clone(), ever: self.ever.clone(), old: self.old.clone() }
    }

    /// Opens it after damage was done, refusing and then accepting a loss.
    fn check(&self, what: &str) -> Result<(), OpenError> {
        let refused = match self.open(Loss::Refuse) {
            Ok(store) => {
                let found = block_on(contents(&store)).unwrap();
                assert_eq!(found, self.contents, "{what}: opened without a word, with other contents");
                Ok(())
            }
            Err(error) => {
                let words = error.to_string();
                assert!(
                    words.contains("backup") || words.contains("upgrade"),
                    "{what}: {words} does not say what to do"
                );
                Err(error)
            }
        };
        // Whoever accepts the loss can go on: what is left is a part of what was there, and no token comes back.
        let store =
            self.open(Loss::Accept).unwrap_or_else(|error| panic!("{what}: a loss is not accepted: {error}"));
        assert_eq!(store.losses().is_empty(), refused.is_ok(), "{what}");
        block_on(async {
            for (key, ..) in contents(&store).await.unwrap() {
                // Perhaps one that was deleted since.
                assert!(self.ever.contains(&key), "{what}: {key} came from nowhere");
            }
            let [Sample { key, document }, ..] = &every_kind("after", 1).unwrap()[..] else {
                panic!("no samples")
            };
            let token = store.create(key, document.clone()).await.unwrap();
            assert!(number(&token) > number(&self.old), "{what}: token {token:?} comes after {:?}", self.old);
            let highest = self.contents.iter().map(|(_, token, _)| number(token)).max();
            assert!(Some(number(&token)) > highest, "{what}: token {token:?} was given before");
        });
        drop(store);
        // And it is whole from then on.
        let again =
            self.open(Loss::Refuse).unwrap_or_else(|error| panic!("{what}: not whole afterwards: {error}"));
        drop(again);
        refused
    }
}

fn number(token: &Token) -> u64 {
    token.as_str().parse().unwrap()
}

async fn contents(store: &SledStore) -> Result<Contents, StoreError> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let items = store.list(&Selector::Kind(kind)).await?.items;
        all.extend(items.into_iter().map(|item| (item.key, item.token, item.document)));
    }
    Ok(all)
}

pub(crate) fn copy(from: &Path, to: &Path) {
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

#[test]
fn a_log_cut_off_anywhere_is_noticed() {
    let database = Database::new();
    let length = fs::metadata(database.path().join("documents/db")).unwrap().len();
    for part in 0..16 {
        let cut = database.copy();
        let at = length * part / 16;
        OpenOptions::new().write(true).open(cut.path().join("documents/db")).unwrap().set_len(at).unwrap();
        let outcome = cut.check(&format!("cut at {at} of {length}"));
        assert!(part > 0 || outcome.is_err(), "an empty log");
    }
}

#[test]
fn a_flipped_byte_anywhere_is_harmless_or_noticed() {
    let database = Database::new();
    let mut noticed = 0;
    for file in ["documents/db", "documents/conf", "acknowledged"] {
        let length = fs::metadata(database.path().join(file)).unwrap().len();
        let mut at = 3;
        while at < length {
            let damaged = database.copy();
            let file_to_damage =
                OpenOptions::new().read(true).write(true).open(damaged.path().join(file)).unwrap();
            let mut byte = [0];
            file_to_damage.read_exact_at(&mut byte, at).unwrap();
            file_to_damage.write_all_at(&[byte[0] ^ 0x55], at).unwrap();
            noticed += u32::from(damaged.check(&format!("byte {at} of {file} flipped")).is_err());
            at += 1 + length / 40;
        }
    }
    assert!(noticed > 10, "only {noticed} flipped bytes were noticed");
}

#[rstest]
#[case::log("documents/db", false)]
#[case::settings("documents/conf", true)]
#[case::sidecar("acknowledged", false)]
#[case::everything("documents", false)]
fn a_missing_file_is_noticed_or_harmless(#[case] file: &str, #[case] harmless: bool) {
    let database = Database::new();
    let path = database.path().join(file);
    if path.is_dir() {
        fs::remove_dir_all(&path).unwrap()
    } else {
        fs::remove_file(&path).unwrap()
    }
    assert_eq!(database.check(&format!("{file} removed")).is_ok(), harmless);
}

#[rstest]
#[case::garbage("documents/db", &b"no database at all"[..])]
#[case::empty_sidecar("acknowledged", &b""[..])]
#[case::other_database("acknowledged", &br#"{"database":"another","acknowledged":1}"#[..])]
#[case::far_ahead("acknowledged", &br#"{"database":"another","acknowledged":99999}"#[..])]
fn a_replaced_file_is_noticed(#[case] file: &str, #[case] with: &[u8]) {
    let database = Database::new();
    fs::write(database.path().join(file), with).unwrap();
    database.check(&format!("{file} replaced")).unwrap_err();
}

/// The case that sled itself says nothing about: an older state of the same database.
#[test]
fn an_older_copy_is_noticed() {
    let database = Database::new();
    let older = database.copy();
    let store = database.open(Loss::Refuse).unwrap();
    let Sample { key, document } = every_kind("later", 1).unwrap().remove(0);
    block_on(store.create(&key, document)).unwrap();
    drop(store);
    fs::remove_dir_all(database.path().join("documents")).unwrap();
    copy(&older.path().join("documents"), &database.path().join("documents"));
    let error = database.check("an older copy in its place").unwrap_err();
    assert!(matches!(error, OpenError::Lost { .. }), "{error}");
    assert!(error.to_string().contains("so 1, and what the last second"), "{error}");
}

/// What a version of the future wrote is not touched.
#[test]
fn a_newer_format_is_refused_by_number() {
    let database = Database::new();
    let sled = sled::open(database.path().join("documents")).unwrap();
    let body = br#"{"format":7,"what":"this version cannot know"}"#;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(b"\0meta");
    hasher.update(body);
    hasher.update(&[0; 8]);
    let value = [&hasher.finalize().to_le_bytes()[..], &[0; 8], body].concat();
    sled.insert(b"\0meta", value).unwrap();
    drop(sled);
    for loss in [Loss::Refuse, Loss::Accept] {
        let error = database.open(loss).unwrap_err();
        assert!(matches!(error, OpenError::NewerFormat { found: 7, supported: 1, .. }), "{error}");
        assert!(matches!(StoreError::from(error), StoreError::NewerFormat { found: 7, .. }));
    }
}
