//! Links and headings of a Markdown text, as far as checking needs them: code is passed over, and what is written in
//! HTML, references with a name of their own (`[a][b]`) and underlined headings are not used in this project.

use std::collections::BTreeSet;

/// A link or an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The line, from 1.
    pub(super) line: usize,
    /// Where it goes: the file, empty for the same one.
    pub(super) file: String,
    /// The heading in there.
    pub(super) anchor: Option<String>,
}

/// All links of `text` that stay in the repository.
pub(super) fn links(text: &str) -> Vec<Link> {
    let prose = without_code_spans(&without_code_blocks(text));
    let mut found = Vec::new();
    for (at, _) in prose.match_indices("](") {
        let rest = &prose[at + 2..];
        let target = rest.split([')', ' ', '\n']).next().unwrap_or_default();
        let target = target.trim_matches(['<', '>']);
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = match target.split_once('#') {
            Some((file, anchor)) => (file, Some(anchor.to_owned())),
            None => (target, None),
        };
        let line = 1 + prose[..at].matches('\n').count();
        found.push(Link { line, file: file.to_owned(), anchor });
    }
    found
}

/// What links to a heading of `text` may say. Both mdBook and the usual viewers of repositories make them so: letters
/// in lower case, blanks as hyphens, no other marks; a heading that comes again is counted.
pub(super) fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in without_code_blocks(text).lines() {
        let title = line.trim_start_matches('#');
        let depth = line.len() - title.len();
        if !(1..=6).contains(&depth) || !title.starts_with(' ') {
            continue;
        }
        let plain = anchor(title.trim());
        let name = (0..)
            .map(|count| if count == 0 { plain.clone() } else { format!("{plain}-{count}") })
            .find(|name| !found.contains(name));
        found.extend(name);
    }
    found
}

fn anchor(title: &str) -> String {
    // Of a link in a heading, the text stands.
    let mut shown = String::new();
    let mut rest = title;
    while let Some((before, target)) = rest.split_once("](") {
        shown.push_str(before);
        rest = target.split_once(')').map_or("", |(_, after)| after);
    }
    shown.push_str(rest);
    let kept = shown.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace() || matches!(c, '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c.is_whitespace() { '-' } else { c }).collect()
}

/// The same lines, those of fenced blocks empty.
fn without_code_blocks(text: &str) -> String {
    let mut open: Option<(char, usize)> = None;
    let lines = text.lines().map(|line| {
        let begun = line.trim_start();
        let fence = begun.chars().next().filter(|c| matches!(c, '`' | '~'));
        let length = fence.map_or(0, |mark| begun.chars().take_while(|c| *c == mark).count());
        match (open, fence) {
            (None, Some(mark)) if length >= 3 => open = Some((mark, length)),
            (Some((mark, least)), Some(same)) if mark == same && length >= least => open = None,
            (None, _) => return line,
            _ => {}
        }
        ""
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The same text with blanks in place of code between backticks, within a paragraph.
fn without_code_spans(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('`') {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let marks = rest.len() - rest.trim_start_matches('`').len();
        let (opening, after) = rest.split_at(marks);
        let paragraph = after.split("\n\n").next().unwrap_or_default();
        match end_of_span(paragraph, opening) {
            Some(end) => {
                kept.extend(after[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
                rest = &after[end..];
            }
            None => {
                kept.push_str(opening);
                rest = after;
            }
        }
    }
    kept + rest
}

/// Behind the first run of exactly as many backticks.
fn end_of_span(paragraph: &str, opening: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = paragraph[at..].find('`') {
        at += found;
        let run = paragraph[at..].len() - paragraph[at..].trim_start_matches('`').len();
        at += run;
        if run == opening.len() {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        let shown = |link: Link| {
            let anchor = link.anchor.map(|anchor| format!("#{anchor}")).unwrap_or_default();
            format!("{}:{}{anchor}", link.line, link.file)
        };
        links(text).into_iter().map(shown).collect()
    }

    #[test]
    fn links_are_found_with_their_lines() {
        let text = "[a](a.md), [`b`](../b/c.md#d)\n\n![picture](e.png \"title\") [here](#there)\n[over two\nlines](f.md)\n";
        assert_eq!(targets(text), ["1:a.md", "1:../b/c.md#d", "3:e.png", "3:#there", "5:f.md"]);
    }

    #[test]
    fn addresses_elsewhere_are_left_alone() {
        assert_eq!(
            targets("[a](https://example.com/x.md) [b](mailto:a@example.com) <https://example.com>"),
            [""; 0]
        );
    }

    #[test]
    fn code_is_no_prose() {
        let text = "```md\n[a](a.md)\n```\n`[b](b.md)` and ``[c](`c`.md)``\n   ~~~\n[d](d.md)\n```\n   ~~~\n[e](e.md)";
        assert_eq!(targets(text), ["9:e.md"]);
        assert_eq!(targets("a stray ` mark\n\n[a](a.md) `"), ["3:a.md"]);
    }

    #[test]
    fn headings_become_anchors() {
        let text = "# The store on etcd\n## `--node-name`, and [more](x.md)!\n#no\n```\n# no\n```\n## Keys\n### Keys\n";
        let expected = ["the-store-on-etcd", "--node-name-and-more", "keys", "keys-1"];
        assert_eq!(anchors(text), expected.map(str::to_owned).into());
    }
}
