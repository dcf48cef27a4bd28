//! No file may name a path of one machine or a package registry's host: both are true only where they were written.

use super::{Passed, Verdict};
use crate::problem::Problem;
use crate::process::find_program;
use crate::workspace::Workspace;

/// What no tracked file may hold. Written in two halves, so that this file passes its own check.
const FORBIDDEN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("registry.npmjs", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("deb.debian", ".org"),
];

/// Looks through every tracked text file.
pub(super) fn check(workspace: &Workspace) -> Verdict {
    if find_program("git").is_none() {
        return Err(Problem::Missing {
            what: "git".to_owned(),
            remedy: "sudo apt-get install git".to_owned(),
        });
    }
    let listed = workspace.program("git").args(["ls-files", "-z"]).capture()?;
    let files: Vec<&str> = listed.split('\0').filter(|file| !file.is_empty()).collect();
    let mut found = Vec::new();
    for &file in &files {
        // A file deleted but not yet committed is listed too; a binary file is not text.
        let Ok(bytes) = std::fs::read(workspace.root.join(file)) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        found.extend(violations(file, &text));
    }
    if found.is_empty() {
        Ok(Passed::with(format!("{} files", files.len())))
    } else {
        Err(Problem::failed(format!("{} places:\n  {}", found.len(), found.join("\n  "))))
    }
}

fn violations(file: &str, text: &str) -> Vec<String> {
    let is_lock = file == "Cargo.lock" || file.ends_with("/Cargo.lock");
    let registry = concat!("source = \"registry+https://github.com/rust-lang/crates", ".io-index\"");
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if is_lock && line == registry {
            continue;
        }
        for forbidden in FORBIDDEN.iter().filter(|forbidden| line.contains(**forbidden)) {
            found.push(format!("{file}:{}: {forbidden}", number + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_named() {
        let text = format!("fine\ncd {}main\n", FORBIDDEN[0]);
        assert_eq!(violations("docs/a.md", &text), [format!("docs/a.md:2: {}", FORBIDDEN[0])]);
    }

    #[test]
    fn a_lock_file_may_name_the_registry_and_nothing_else() {
        let line = concat!("source = \"registry+https://github.com/rust-lang/crates", ".io-index\"");
        assert_eq!(violations("fuzz/Cargo.lock", line), Vec::<String>::new());
        assert_eq!(violations("Cargo.toml", line).len(), 1);
        assert_eq!(violations("Cargo.lock", &format!("{line} and {}", FORBIDDEN[0])).len(), 2);
    }
}
