//! What auto pools are called.

use crate::{
    addr::Family,
    name::{InterfaceName, NameError, ObjectName, Uid},
};

/// The longest name of an object.
const LONGEST: usize = 253;
/// So much of the application's uid goes into the name.
const UID: usize = 5;

/// The name of an application's pool: `auto4-web-eth0-028d6`, as upstream's since v0.5. The last part are the first five
/// characters of the last part of the application's uid. A long application name is cut off; what no name may have is
/// written as `-`.
///
/// `nth` is 0 unless pools of that name exist that are of no use here: then `-2` and so on follows.
///
/// # Errors
/// None in practice: the parts are names already.
pub fn pool_name(
    application: &ObjectName,
    uid: &Uid,
    interface: &InterfaceName,
    family: Family,
    nth: usize,
) -> Result<ObjectName, NameError> {
    let tail = uid.as_str().rsplit('-').next().unwrap_or_default();
    let tail: String = tail.chars().take(UID).collect();
    let more = if nth == 0 { String::new() } else { format!("-{}", nth + 1) };
    let (head, end) = (format!("auto{}-", family.number()), format!("-{interface}-{tail}{more}"));
    let room = LONGEST.saturating_sub(head.len() + end.len());
    let middle: String = application.as_str().chars().take(room).collect();
    ObjectName::new(plain(&format!("{head}{middle}{end}")))
}

/// Lower case, and only what a DNS subdomain has.
fn plain(text: &str) -> String {
    let kept = text.to_lowercase();
    let kept = kept.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' });
    kept.collect::<String>().trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::documented(
        "test-app",
        "b6b9ac5e-87f9-4f2e-b31c-028d68a3bb26",
        "eth0",
        Family::V4,
        0,
        "auto4-test-app-eth0-028d6"
    )]
    #[case::six("web", "u-1", "NET1", Family::V6, 0, "auto6-web-net1-1")]
    #[case::taken("web", "u-1", "eth0", Family::V4, 1, "auto4-web-eth0-1-2")]
    #[case::odd_interface("web", "abcdefgh", "eth0_1", Family::V4, 0, "auto4-web-eth0-1-abcde")]
    fn names_are_upstreams(
        #[case] application: &str,
        #[case] uid: &str,
        #[case] interface: &str,
        #[case] family: Family,
        #[case] nth: usize,
        #[case] expected: &str,
    ) {
        let name = pool_name(
            &ObjectName::new(application).unwrap(),
            &Uid::new(uid).unwrap(),
            &InterfaceName::new(interface).unwrap(),
            family,
            nth,
        );
        assert_eq!(name.unwrap().as_str(), expected);
    }

    #[test]
    fn a_long_name_is_cut_where_it_does_not_tell_pools_apart() {
        let application = ObjectName::new("a".repeat(253)).unwrap();
        let uid = Uid::new("x-028d6").unwrap();
        let name = pool_name(&application, &uid, &InterfaceName::new("eth0").unwrap(), Family::V4, 0);
        let name = name.unwrap();
        assert_eq!(name.as_str().len(), 253);
        assert!(name.as_str().ends_with("a-eth0-028d6"));
    }
}
