//! The documentation: every link goes somewhere, every page is part of the book, every message that is explained is still said,
//! and the book can be built.
//!
//! A page of `docs/` links to pages of `docs/` alone, since the book has nothing else: other files are named by their
//! path as code. Addresses elsewhere are not asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::links::{anchors, links};
use super::{Passed, Verdict, messages};
use crate::book;
use crate::problem::Problem;
use crate::workspace::Workspace;

/// What is checked besides the pages of `docs/`.
const OTHERS: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "charts/spiderpool/README.md"];

/// The page that is looked up by messages.
const TROUBLESHOOTING: &str = "docs/troubleshooting.md";

/// The table of contents, which mdBook reads.
const SUMMARY: &str = "docs/SUMMARY.md";

pub(super) fn check(workspace: &Workspace) -> Verdict {
    let mut texts = BTreeMap::new();
    for file in workspace.files(Path::new("docs"), "md")?.into_iter().chain(OTHERS.map(PathBuf::from)) {
        texts.insert(file.clone(), workspace.read(&file.to_string_lossy())?);
    }
    let mut found = dead(&texts, |file| workspace.root.join(file).exists());
    let page = texts.get(Path::new(TROUBLESHOOTING)).map(String::as_str).unwrap_or_default();
    let unsaid = messages::unsaid(page, &messages::sources(workspace)?);
    found.extend(unsaid.into_iter().map(|message| format!("{TROUBLESHOOTING}: nothing says '{message}'")));
    if !found.is_empty() {
        return Err(Problem::failed(format!("{} places:\n  {}", found.len(), found.join("\n  "))));
    }
    // Last: it may want a tool that is not there.
    book::build(workspace)?;
    let count: usize = texts.values().map(|text| links(text).len()).sum();
    Ok(Passed::with(format!("{count} links in {} files", texts.len())))
}

/// What is wrong with the links of `texts`, and which pages the summary lacks. `exists` says which other files there are.
fn dead(texts: &BTreeMap<PathBuf, String>, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let headings: BTreeMap<&Path, BTreeSet<String>> =
        texts.iter().map(|(file, text)| (file.as_path(), anchors(text))).collect();
    let mut found = Vec::new();
    let mut listed = BTreeSet::from([PathBuf::from(SUMMARY)]);
    for (file, text) in texts {
        for link in links(text) {
            let target = match link.file.as_str() {
                "" => Some(file.clone()),
                path => resolved(file, path),
            };
            let wrong = match (&target, &link.anchor) {
                (None, _) => Some("leaves the repository".to_owned()),
                (Some(target), _) if !texts.contains_key(target) && !exists(target) => {
                    Some(format!("there is no {}", target.display()))
                }
                (Some(target), _) if file.starts_with("docs") && !target.starts_with("docs") => {
                    Some("leaves the book: name the path as code instead".to_owned())
                }
                (Some(target), Some(anchor)) => match headings.get(target.as_path()) {
                    None => Some("goes to a heading of a file that is not checked".to_owned()),
                    Some(there) if there.contains(anchor) => None,
                    Some(_) => Some(format!("{} has no heading '{anchor}'", target.display())),
                },
                (Some(_), None) => None,
            };
            if let Some(wrong) = wrong {
                let anchor = link.anchor.map(|anchor| format!("#{anchor}")).unwrap_or_default();
                found.push(format!("{}:{}: {}{anchor}: {wrong}", file.display(), link.line, link.file));
            }
            listed.extend(target.filter(|_| file == Path::new(SUMMARY)));
        }
    }
    let lacking = texts.keys().filter(|file| file.starts_with("docs") && !listed.contains(*file));
    found.extend(lacking.map(|file| format!("{SUMMARY} does not list {}", file.display())));
    found
}

/// Where `path` leads from `file`, or nothing where that is outside the repository.
fn resolved(file: &Path, path: &str) -> Option<PathBuf> {
    let mut target = file.parent()?.to_path_buf();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => target.push(name),
            Component::CurDir => {}
            Component::ParentDir => target.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[(&str, &str)]) -> Vec<String> {
        let summary = (SUMMARY, "[A](a.md) [B](sub/b.md)");
        let texts = texts.iter().chain([&summary]);
        let texts = texts.map(|(file, text)| (PathBuf::from(file), (*text).to_owned())).collect();
        dead(&texts, |file| file == Path::new("examples/lab"))
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let a = "# Title\n[own](#title) [b](sub/b.md#part-one)";
        let texts = [
            ("docs/a.md", a),
            ("docs/sub/b.md", "## Part one\n[a](../a.md)"),
            ("README.md", "[lab](examples/lab) [a](docs/a.md#title)"),
        ];
        assert_eq!(found(&texts), [""; 0]);
    }

    #[test]
    fn each_dead_link_is_named_with_its_line() {
        let a = "\n[no file](c.md)\n[no heading](sub/b.md#two)\n[out](../examples/lab)\n[far](../../x)\n[abs](/x)";
        let texts = [
            ("docs/a.md", a),
            ("docs/sub/b.md", "# One"),
            ("docs/c/d.md", ""),
            ("README.md", "[lab](examples/lab#x)"),
        ];
        assert_eq!(
            found(&texts),
            [
                "README.md:1: examples/lab#x: goes to a heading of a file that is not checked",
                "docs/a.md:2: c.md: there is no docs/c.md",
                "docs/a.md:3: sub/b.md#two: docs/sub/b.md has no heading 'two'",
                "docs/a.md:4: ../examples/lab: leaves the book: name the path as code instead",
                "docs/a.md:5: ../../x: leaves the repository",
                "docs/a.md:6: /x: leaves the repository",
                "docs/SUMMARY.md does not list docs/c/d.md",
            ]
        );
    }
}
