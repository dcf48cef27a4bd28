//! The file: a line that says whose it is, then a line for each change.

use serde::{Deserialize, Serialize};
use spiderpool_core::alloc::Logged;
use spiderpool_core::model::{BlockId, GrantKey};
use spiderpool_core::protocol::LogWrite;
use spiderpool_core::store::Token;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;
/// A file is written anew when it has so many lines, and four times as many as there are entries.
const LINES: usize = 1_024;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    #[serde(flatten)]
    whose: Whose,
}

/// For whom a log is true.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Whose {
    /// The boot of the machine; empty where it has no name, which is never the same.
    pub(super) boot: String,
    /// Store and node.
    pub(super) of: String,
}

/// Any other.
#[derive(Default, Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    put: Vec<Logged>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<GrantKey>,
}

type Entries = HashMap<GrantKey, (BlockId, Option<Token>)>;

/// What the file says, and the file.
#[derive(Debug)]
pub(super) struct Book {
    path: PathBuf,
    whose: Whose,
    entries: Entries,
    /// None: never begun.
    file: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Up to here it is whole.
    bytes: u64,
    lines: usize,
}

impl Book {
    /// Reads the file. One that is somebody else's, or damaged, counts as none.
    pub(super) fn open(path: PathBuf, whose: Whose) -> io::Result<Self> {
        let mut book = Self { path, whose, entries: Entries::new(), file: None };
        let text = match fs::read(&book.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(book),
            Err(error) => return Err(error),
        };
        match read(&text, &book.whose) {
            Some((entries, bytes, lines)) => {
                let file = OpenOptions::new().write(true).open(&book.path)?;
                // The last line may have been cut off by the end of its writer: what it was for was not sent.
                file.set_len(bytes)?;
                drop(file);
                let file = OpenOptions::new().append(true).open(&book.path)?;
                book.entries = entries;
                book.file = Some(Open { file, bytes, lines });
            }
            None => {
                tracing::info!(log = %book.path.display(), "the intent log is of another boot, store or node, or damaged: it begins anew");
            }
        }
        Ok(book)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn entries(&self) -> Option<Vec<Logged>> {
        self.file.as_ref()?;
        let entries = self.entries.iter();
        Some(entries.map(|(key, (block, token))| (key.clone(), block.clone(), token.clone())).collect())
    }

    pub(super) fn begin(&mut self, held: Vec<(GrantKey, BlockId)>) -> io::Result<()> {
        self.entries = held.into_iter().map(|(key, block)| (key, (block, None))).collect();
        self.rewrite()
    }

    pub(super) fn write(&mut self, write: LogWrite) -> io::Result<()> {
        let put = write.put.into_iter().map(|(key, block, token)| (key, block, Some(token))).collect();
        let remove = write.remove.into_iter().filter(|key| self.entries.contains_key(key)).collect();
        let line = Line { put, remove };
        if line.put.is_empty() && line.remove.is_empty() {
            return Ok(());
        }
        let text = text_of(&line)?;
        match &mut self.file {
            Some(open) => open.append(&text)?,
            None => return Err(io::Error::other("it was never begun")),
        }
        line.apply(&mut self.entries);
        if self.file.as_ref().is_some_and(|open| open.lines > LINES && open.lines > 4 * self.entries.len()) {
            self.rewrite()?;
        }
        Ok(())
    }

    /// Puts a file that says the same in fewer lines in the place of this one.
    fn rewrite(&mut self) -> io::Result<()> {
        let mut text = text_of(&Head { format: FORMAT, whose: self.whose.clone() })?;
        let mut lines = 1;
        for (key, (block, token)) in &self.entries {
            let put = vec![(key.clone(), block.clone(), token.clone())];
            text.extend(text_of(&Line { put, remove: Vec::new() })?);
            lines += 1;
        }
        let new = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&text)?;
        fs::rename(&new, &self.path)?;
        let file = OpenOptions::new().append(true).open(&self.path)?;
        self.file = Some(Open { file, bytes: text.len() as u64, lines });
        Ok(())
    }
}

impl Open {
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(text) {
            // A line that is there in part would spoil the next one.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += text.len() as u64;
        self.lines += 1;
        Ok(())
    }
}

impl Line {
    fn apply(self, entries: &mut Entries) {
        for (key, block, token) in self.put {
            entries.insert(key, (block, token));
        }
        for key in self.remove {
            entries.remove(&key);
        }
    }
}

fn text_of(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    Ok(text)
}

/// The entries, up to which byte the file is whole, and its lines.
fn read(text: &[u8], whose: &Whose) -> Option<(Entries, u64, usize)> {
    let whole = text.iter().rposition(|byte| *byte == b'\n')? + 1;
    let mut lines = text[..whole].split_inclusive(|byte| *byte == b'\n');
    let head: Head = serde_json::from_slice(lines.next()?).ok()?;
    if head.format != FORMAT || head.whose != *whose || whose.boot.is_empty() {
        return None;
    }
    let (mut entries, mut count) = (Entries::new(), 1);
    for line in lines {
        let line: Line = serde_json::from_slice(line).ok()?;
        line.apply(&mut entries);
        count += 1;
    }
    Some((entries, whole as u64, count))
}
