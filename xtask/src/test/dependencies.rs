//! Checks of what the project depends on.

use std::collections::BTreeSet;

use super::{Passed, Verdict};
use crate::problem::Problem;
use crate::tools;
use crate::workspace::Workspace;

/// Licences, bans, duplicate versions and sources, as `deny.toml` has them. Without network: advisories need a
/// database and are not asked for.
pub(super) fn deny(workspace: &Workspace) -> Verdict {
    let program = tools::CARGO_DENY.program(workspace)?;
    // It reads the manifest of every crate in the lock file, also of those that this system does not build.
    workspace.cargo("fetch").run()?;
    workspace
        .program(program)
        .args([
            "--offline",
            "--locked",
            "--all-features",
            "--workspace",
            "check",
            "licenses",
            "bans",
            "sources",
        ])
        .run()?;
    Ok(Passed::default())
}

/// A rule about one dependency graph.
struct Rule {
    /// What the rule is about, for messages.
    about: &'static str,
    /// Arguments of `cargo tree` that give the graph.
    tree: &'static [&'static str],
    /// Names that must not be in it; one that ends in `*` stands for all that begin so.
    forbidden: &'static [&'static str],
    /// The most crates that it may have, itself included.
    limit: usize,
}

/// Programs that embed the core bring their own runtime, and count what they have to trust.
const CORE_LIMIT: usize = 50;

const RULES: &[Rule] = &[
    Rule {
        about: "spiderpool-core",
        tree: &["-p", "spiderpool-core", "-e", "normal"],
        forbidden: &["tokio"],
        limit: CORE_LIMIT,
    },
    Rule {
        about: "spiderpool-core with a system clock",
        tree: &["-p", "spiderpool-core", "-e", "normal", "--features", "system"],
        forbidden: &["tokio"],
        limit: CORE_LIMIT,
    },
    Rule {
        about: "the plugin",
        tree: &["-p", "spiderpool-cni", "-e", "normal", "--no-default-features"],
        forbidden: &["tokio"],
        limit: usize::MAX,
    },
    // Each of these wants a C library, a C++ build system or libclang on every machine that builds the project.
    Rule {
        about: "the workspace",
        tree: &["--workspace", "--all-features", "--target", "all"],
        forbidden: &["aws-lc*", "openssl", "openssl-sys", "native-tls", "cmake", "bindgen"],
        limit: usize::MAX,
    },
];

/// Holds every graph against its rule.
pub(super) fn graphs(workspace: &Workspace) -> Verdict {
    let mut broken = Vec::new();
    let mut notes = Vec::new();
    for rule in RULES {
        let tree = workspace.cargo("tree").args(rule.tree).args(["--prefix", "none", "--format", "{p}"]);
        let tree = tree.capture()?;
        let crates = crates_of(&tree);
        if crates.is_empty() {
            broken.push(format!("{}: cargo tree shows no crate", rule.about));
        }
        broken.extend(violations(rule, &crates));
        let note = format!("{} {}", rule.about, crates.len());
        println!("{note} crates");
        notes.push(note);
    }
    if broken.is_empty() {
        Ok(Passed::with(notes.join(", ")))
    } else {
        Err(Problem::failed(broken.join("; ")))
    }
}

/// The crates in the output of `cargo tree --prefix none --format {p}`, as (name, version).
fn crates_of(tree: &str) -> BTreeSet<(&str, &str)> {
    let parts = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    parts.collect()
}

fn violations(rule: &Rule, crates: &BTreeSet<(&str, &str)>) -> Vec<String> {
    let is_forbidden = |name: &str| {
        rule.forbidden.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *pattern,
        })
    };
    let mut found: Vec<String> = crates
        .iter()
        .filter(|(name, _)| is_forbidden(name))
        .map(|(name, version)| format!("{} must not depend on {name}, and has {version}", rule.about))
        .collect();
    if crates.len() > rule.limit {
        found.push(format!("{} has {} crates of at most {}", rule.about, crates.len(), rule.limit));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "a v1.0.0 (/somewhere/a)\ntokio v1.54.1\naws-lc-sys v0.3.0\n\ntokio v1.54.1 (*)\n";

    #[test]
    fn crates_are_counted_once() {
        let expected = [("a", "v1.0.0"), ("aws-lc-sys", "v0.3.0"), ("tokio", "v1.54.1")];
        assert_eq!(crates_of(TREE), BTreeSet::from(expected));
    }

    #[test]
    fn names_beginnings_and_sizes_are_held_against_the_rule() {
        let rule = Rule { about: "x", tree: &[], forbidden: &["aws-lc*", "tokio", "tok"], limit: 2 };
        assert_eq!(
            violations(&rule, &crates_of(TREE)),
            [
                "x must not depend on aws-lc-sys, and has v0.3.0",
                "x must not depend on tokio, and has v1.54.1",
                "x has 3 crates of at most 2",
            ]
        );
        let lenient = Rule { about: "x", tree: &[], forbidden: &["openssl"], limit: 3 };
        assert_eq!(violations(&lenient, &crates_of(TREE)), Vec::<String>::new());
    }
}
