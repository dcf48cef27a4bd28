use super::{EntryName, Release, Spool};
use crate::api::Attachment;
use crate::cni::{ContainerId, IfName, NetworkName};
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt;

fn attachment(container: &str, interface: &str) -> Attachment {
    Attachment {
        container_id: ContainerId::new(container).unwrap(),
        if_name: IfName::new(interface).unwrap(),
        net_namespace: None,
        pod_namespace: Some("default".into()),
        pod_name: Some("web-0".into()),
        pod_uid: None,
        network_name: NetworkName::new("macvlan").unwrap(),
    }
}

#[test]
fn an_entry_is_read_back_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::new(dir.path().join("a/spool"));
    assert!(spool.list().unwrap().is_empty(), "no directory is an empty spool");

    let one = attachment("c1", "eth0");
    spool.write(&one).unwrap();
    spool.write(&attachment("c1", "net1")).unwrap();
    spool.write(&one).unwrap();
    let mut names = spool.list().unwrap();
    names.sort();
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["c1:eth0.json", "c1:net1.json"]);
    assert_eq!(spool.read(&names[0]).unwrap(), Some(Release::Whole(one)));

    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(spool.dir().to_owned()), 0o700);
    assert_eq!(mode(spool.dir().join("c1:eth0.json")), 0o600);

    spool.remove(&names[0]).unwrap();
    spool.remove(&names[0]).unwrap();
    assert_eq!(spool.read(&names[0]).unwrap(), None);
    assert_eq!(spool.list().unwrap().len(), 1);
}

#[test]
fn what_is_no_entry_is_passed_over_and_a_damaged_one_keeps_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::new(dir.path());
    for other in [".17.c1:eth0.json", "c1:eth0.json.bak", "README", "c1:.json", "c1.json"] {
        std::fs::write(dir.path().join(other), "{}").unwrap();
    }
    assert!(spool.list().unwrap().is_empty());

    std::fs::write(dir.path().join("c1:eth0.json"), "{\"contai").unwrap();
    let swapped = serde_json::to_vec(&attachment("c3", "eth0")).unwrap();
    std::fs::write(dir.path().join("c2:eth0.json"), swapped).unwrap();
    let names = spool.list().unwrap();
    assert_eq!(names.len(), 2);
    for name in names {
        assert!(matches!(spool.read(&name).unwrap(), Some(Release::Damaged { .. })), "{name}");
    }
}

proptest! {
    #[test]
    fn a_name_is_read_as_it_is_written(
        container in "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}",
        interface in "[^/:\\s\u{0}]{1,4}",
    ) {
        prop_assume!(interface != "." && interface != "..");
        let name = EntryName::of(&attachment(&container, &interface));
        prop_assert!(name.to_string().len() <= 255);
        prop_assert_eq!(EntryName::parse(&name.to_string()), Some(name));
    }
}
