//! Messages that the documentation explains, held against the sources that say them.

use std::path::Path;

use crate::problem::Problem;
use crate::workspace::{PUBLISHED, Workspace};

/// The text of all sources of programs and libraries, with literals that go over several lines made whole.
pub(super) fn sources(workspace: &Workspace) -> Result<String, Problem> {
    let mut text = String::new();
    for name in PUBLISHED {
        for file in workspace.files(&Path::new(name).join("src"), "rs")? {
            text.push_str(&workspace.read(&file.to_string_lossy())?);
        }
    }
    Ok(whole(&text))
}

/// Without the breaks inside literals, and with their quotation marks as they are printed.
fn whole(text: &str) -> String {
    let mut pieces = text.split("\\\n");
    let mut joined = pieces.next().unwrap_or_default().to_owned();
    pieces.for_each(|piece| joined.push_str(piece.trim_start()));
    joined.replace("\\\"", "\"")
}

/// Messages in the first columns of the tables of `page` of which a part stands nowhere in `sources`. `…` stands for what differs.
pub(super) fn unsaid(page: &str, sources: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let is_said = |message: &str| {
        message.split('…').map(str::trim).filter(|part| !part.is_empty()).all(|part| sources.contains(part))
    };
    rows.map(|(message, _)| message).filter(|message| !is_said(message)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_nobody_says_is_found() {
        let sources =
            whole("\"{pool} is held by {owner} \\\n     since {when}\" \"pool \\\"{name}\\\" is gone\"");
        let page = "| message | why |\n|---|---|\n| `is held by … since …` | x |\n| `\" is gone` | y |\n| `is lost` | z |\n";
        assert_eq!(unsaid(page, &sources), ["is lost"]);
    }
}
