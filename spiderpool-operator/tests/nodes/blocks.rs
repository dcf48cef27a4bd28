//! The fenced blocks of a page: what is to be done with each stands behind its fence.

/// What a block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind<'a> {
    /// `sh`: run beside the API server.
    Commands,
    /// `sh on-a-node`: run on one.
    OnANode,
    /// `text`: what the last command of the block before says.
    Output,
    /// `json`: the CNI configuration of every node.
    Network,
    /// `yaml`: applied.
    Manifest,
    /// `… not-here: REASON`.
    NotHere(&'a str),
}

/// A block, and the line of its fence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Block<'a> {
    pub(crate) line: usize,
    pub(crate) kind: Kind<'a>,
    pub(crate) text: &'a str,
}

/// Every block of `page`, or what is wrong with one.
pub(crate) fn blocks(page: &str) -> Result<Vec<Block<'_>>, String> {
    let mut found = Vec::new();
    let (mut open, mut start) = (None, 0);
    for (number, line) in (1..).zip(page.split_inclusive('\n')) {
        let end = start + line.len();
        match (open, line.trim_end()) {
            (Some((at, kind, from)), "```") => {
                found.push(Block { line: at, kind, text: &page[from..start] });
                open = None;
            }
            (None, fence) if fence.trim_start().starts_with("```") => {
                let kind = kind(fence).ok_or_else(|| format!("line {number}: nobody knows {fence:?}"))?;
                open = Some((number, kind, end));
            }
            _ => {}
        }
        start = end;
    }
    match open {
        Some((at, ..)) => Err(format!("line {at}: never ends")),
        None => Ok(found),
    }
}

fn kind(fence: &str) -> Option<Kind<'_>> {
    let info = fence.strip_prefix("```")?;
    Some(match info.split_once(' ') {
        None => match info {
            "sh" => Kind::Commands,
            "text" => Kind::Output,
            "json" => Kind::Network,
            "yaml" => Kind::Manifest,
            _ => return None,
        },
        Some(("sh", "on-a-node")) => Kind::OnANode,
        Some((_, rest)) => {
            Kind::NotHere(rest.strip_prefix("not-here: ").filter(|reason| !reason.is_empty())?)
        }
    })
}

/// Whether `said` is what is `shown`, word by word. `…` is the rest of a word, whatever it is.
pub(crate) fn as_shown(said: &str, shown: &str) -> bool {
    let words = |text: &str| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    let (said, shown) = (words(said), words(shown));
    let alike = |(said, shown): (&String, &String)| match shown.strip_suffix('…') {
        Some(begin) => said.starts_with(begin),
        None => said == shown,
    };
    let line = |(said, shown): (&Vec<String>, &Vec<String>)| {
        said.len() == shown.len() && said.iter().zip(shown).all(alike)
    };
    said.len() == shown.len() && said.iter().zip(&shown).all(line)
}

#[test]
fn blocks_are_told_apart() {
    let page = "# A\n```sh\nls\n```\nb\n```json not-here: no B\n{}\n```\n```sh on-a-node\n```\n";
    let found = blocks(page).unwrap();
    assert_eq!(found.iter().map(|block| block.line).collect::<Vec<_>>(), [2, 6, 9]);
    assert_eq!((found[0].kind, found[0].text), (Kind::Commands, "ls\n"));
    assert_eq!((found[1].kind, found[1].text), (Kind::NotHere("no B"), "{}\n"));
    assert_eq!((found[2].kind, found[2].text), (Kind::OnANode, ""));
}

#[test]
fn what_is_no_kind_of_block_is_refused() {
    for fence in
        ["```", "```console", "```sh not-here", "```sh not-here: ", "```sh later", "  ```sh", "```sh\nls"]
    {
        let page = format!("{fence}\n```\n");
        let page = page.strip_suffix("ls\n```\n").unwrap_or(&page);
        assert!(blocks(page).is_err(), "{fence}");
    }
}

#[test]
fn output_is_compared_by_words() {
    let shown = "NAME  AGE\nweb-…  …\n";
    assert!(as_shown("NAME    AGE\nweb-5f  12s\n", shown));
    for said in [
        "NAME AGE\nweb-5f\n",
        "web-5f 12s\n",
        "before\nNAME AGE\nweb-5f 12s\n",
        "NAME AGE\napp-5f 12s\n",
        "NAME AGE\nweb-5f 12s\nmore\n",
        "NAMES AGE\nweb-5f 1\n",
    ] {
        assert!(!as_shown(said, shown), "{said}");
    }
}
