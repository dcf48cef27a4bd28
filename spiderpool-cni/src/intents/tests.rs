use super::*;
use proptest::prelude::*;
use spiderpool_core::addr::Family;
use spiderpool_core::model::{BlockBits, Slot};
use spiderpool_core::name::{InterfaceName, OwnerUid, ScopeName};
use spiderpool_core::store::Token;
use std::collections::BTreeMap;

fn key(n: u8) -> GrantKey {
    GrantKey {
        owner: OwnerUid::new(format!("uid-{n}")).unwrap(),
        slot: Slot::Named(InterfaceName::new("eth0").unwrap()),
        family: Family::V4,
    }
}

fn block(n: u8) -> BlockId {
    let address = format!("10.0.0.{n}").parse().unwrap();
    BlockId::of(&ScopeName::default_scope(), BlockBits::new(4).unwrap(), address)
}

fn whose(boot: &str) -> Whose {
    Whose { boot: boot.into(), of: "etcd://a n1".into() }
}

type Model = BTreeMap<GrantKey, (BlockId, Option<Token>)>;

fn model_of(entries: Option<Vec<Logged>>) -> Option<Model> {
    Some(entries?.into_iter().map(|(key, block, token)| (key, (block, token))).collect())
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Remove(u8),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..6, any::<u8>()).prop_map(|(key, at)| Step::Put(key, at)),
        3 => (0u8..6).prop_map(Step::Remove),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..60)
}

fn put(n: u8, at: u8) -> LogWrite {
    LogWrite { put: vec![(key(n), block(at), Token::new(at.to_string()))], remove: Vec::new() }
}

fn remove(n: u8) -> LogWrite {
    LogWrite { put: Vec::new(), remove: vec![key(n)] }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn it_says_what_was_written_and_cut_off_what_was_written_before(steps in steps(), cut in 0usize..200) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("intents");
        let mut book = Book::open(path.clone(), whose("b")).unwrap();
        prop_assert_eq!(book.entries(), None);
        book.begin(vec![(key(9), block(9))]).unwrap();
        let mut model = Model::from([(key(9), (block(9), None))]);
        let mut past = vec![model.clone()];
        for step in steps {
            match step {
                Step::Put(n, at) => {
                    book.write(put(n, at)).unwrap();
                    model.insert(key(n), (block(at), Some(Token::new(at.to_string()))));
                }
                Step::Remove(n) => {
                    book.write(remove(n)).unwrap();
                    model.remove(&key(n));
                }
                Step::Reopen => book = Book::open(path.clone(), whose("b")).unwrap(),
            }
            past.push(model.clone());
            prop_assert_eq!(model_of(book.entries()), Some(model.clone()));
        }
        drop(book);
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len().saturating_sub(cut)]).unwrap();
        // Either nothing can be said, or what was said at some time.
        match model_of(Book::open(path.clone(), whose("b")).unwrap().entries()) {
            None => prop_assert!(cut > 0),
            Some(found) => prop_assert!(past.contains(&found) || found.is_empty()),
        }
        // And it is whole again.
        let mut again = Book::open(path.clone(), whose("b")).unwrap();
        again.begin(Vec::new()).unwrap();
        again.write(put(1, 1)).unwrap();
        prop_assert_eq!(Book::open(path, whose("b")).unwrap().entries().map(|entries| entries.len()), Some(1));
    }
}

#[test]
fn a_long_log_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("intents");
    let mut book = Book::open(path.clone(), whose("b")).unwrap();
    book.begin(Vec::new()).unwrap();
    for n in 0..3_000u32 {
        book.write(put(n as u8 % 5, n as u8)).unwrap();
        book.write(remove(n as u8 % 5)).unwrap();
    }
    book.write(put(7, 7)).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 300_000);
    assert_eq!(model_of(Book::open(path, whose("b")).unwrap().entries()), model_of(book.entries()));
}

#[test]
fn another_boot_begins_anew_and_damage_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("intents");
    let mut book = Book::open(path.clone(), whose("b")).unwrap();
    book.begin(vec![(key(1), block(1)), (key(2), block(2))]).unwrap();
    assert_eq!(Book::open(path.clone(), whose("c")).unwrap().entries(), None);
    let other = Whose { of: "etcd://a n2".into(), ..whose("b") };
    assert_eq!(Book::open(path.clone(), other).unwrap().entries(), None);
    assert_eq!(Book::open(path.clone(), whose("")).unwrap().entries(), None, "a boot without a name is none");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("put", "pot", 1).replacen('[', "{", 1)).unwrap();
    assert_eq!(Book::open(path, whose("b")).unwrap().entries(), None);
}

#[test]
fn a_log_is_one_process_own() {
    let dir = tempfile::tempdir().unwrap();
    let first = FileLog::open_for(dir.path(), whose("b")).unwrap();
    assert!(matches!(FileLog::open_for(dir.path(), whose("b")), Err(LogError::InUse { .. })));
    drop(first);
    FileLog::open_for(dir.path(), whose("b")).unwrap();
}
