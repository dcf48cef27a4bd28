//! The kinds that there are, for whoever mistyped one.

use crate::failure::Failure;

/// Kinds of Spiderpool's own, in plural, as `get` takes them; the last three are what it keeps for itself.
const OWN: [&str; 7] =
    ["spiderippools", "spidersubnets", "spiderreservedips", "spiderendpoints", "blocks", "plans", "scopes"];

/// Kinds that are often declared, in singular, lower case. Any other one is known once there is an object of it.
const OFTEN: [&str; 17] = [
    "pod",
    "node",
    "namespace",
    "deployment",
    "statefulset",
    "daemonset",
    "replicaset",
    "replicationcontroller",
    "job",
    "cronjob",
    "cloneset",
    "service",
    "lease",
    "networkattachmentdefinition",
    "spidermultusconfig",
    "spidercoordinator",
    "virtualmachineinstance",
];

/// Whether `kind`, in singular and lower case, is a kind although there may be no object of it.
pub(super) fn is_known(kind: &str) -> bool {
    OFTEN.contains(&kind)
}

/// What is said to whoever asks for the kind `typed`. `stored` are the other kinds that there are objects of, in
/// singular and lower case.
pub(super) fn unknown<'a>(typed: &str, stored: impl Iterator<Item = &'a str>) -> Failure {
    let mut others: Vec<String> =
        OFTEN.iter().copied().chain(stored).map(|kind| format!("{kind}s")).collect();
    others.sort_unstable();
    others.dedup();
    let all = || OWN.iter().copied().chain(others.iter().map(String::as_str));
    let lower = typed.to_ascii_lowercase();
    let bare = lower.split_once('.').map_or(lower.as_str(), |(bare, _)| bare);
    // Nobody types the prefix who knows the short names.
    let distance = |name: &str| {
        let short = name.strip_prefix("spider").unwrap_or(name);
        let singular = |name: &str| name.strip_suffix('s').unwrap_or(name).to_owned();
        [name, short]
            .into_iter()
            .flat_map(|name| [name.to_owned(), singular(name)])
            .map(|n| edits(bare, &n))
            .min()
    };
    let nearest = all().min_by_key(|name| distance(name)).unwrap_or(OWN[0]);
    Failure::usage(format!("there is no kind {typed:?}; is {nearest} meant?"))
        .remedy(format!("one of {}; or any kind that was applied", all().collect::<Vec<_>>().join(", ")))
}

/// How many letters have to be put in, taken out, replaced or swapped with their neighbour to get from `from` to `to`.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("podz", "pods")]
    #[case("dpo", "pods")]
    #[case("spiderippol", "spiderippools")]
    #[case("ipool", "spiderippools")]
    #[case("subent", "spidersubnets")]
    #[case("statefullsets", "statefulsets")]
    #[case("SpiderResevedIP.spiderpool.spidernet.io", "spiderreservedips")]
    #[case("gamserver", "gameservers")]
    fn the_nearest_kind_is_named(#[case] typed: &str, #[case] nearest: &str) {
        let words = unknown(typed, ["gameserver"].into_iter()).to_string();
        assert!(words.starts_with(&format!("there is no kind {typed:?}; is {nearest} meant?")), "{words}");
    }

    #[rstest]
    #[case("", "", 0)]
    #[case("pod", "pod", 0)]
    #[case("", "pod", 3)]
    #[case("pdo", "pod", 1)]
    #[case("kitten", "sitting", 3)]
    fn edits_are_counted(#[case] from: &str, #[case] to: &str, #[case] count: usize) {
        assert_eq!((edits(from, to), edits(to, from)), (count, count));
    }
}
