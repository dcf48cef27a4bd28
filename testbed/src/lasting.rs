//! Servers that outlive the process that started them: a file beside each server's log says which process it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::Problem;

/// A server that was started to stay, told from a later process of the same number by when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// The program's name.
    pub name: String,
    /// The process' number.
    pub pid: u32,
    /// The file with what it says.
    pub log: PathBuf,
    /// When it began, in ticks since the machine started.
    began: String,
}

impl Lasting {
    /// Writes down that `pid` is `name`, which says things to `log`.
    pub(crate) fn note(name: &str, pid: u32, log: &Path) -> io::Result<()> {
        // One that has ended already needs no note.
        let Some(began) = began(pid) else { return Ok(()) };
        fs::write(log.with_extension("pid"), format!("{name} {pid} {began}\n"))
    }

    /// All servers that were started with their data in `folder`, those first that others need.
    ///
    /// # Errors
    /// The folder cannot be read; that it is not there means none.
    pub fn all(folder: &Path) -> Result<Vec<Self>, Problem> {
        let mut all = Vec::new();
        for folder in [&folder.join("etcd"), folder] {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Problem::system(folder.display())(error)),
            };
            let files = entries.flatten().map(|entry| entry.path());
            let mut notes: Vec<PathBuf> =
                files.filter(|file| file.extension().is_some_and(|ending| ending == "pid")).collect();
            notes.sort();
            for note in notes {
                let text = fs::read_to_string(&note).map_err(Problem::system(note.display()))?;
                all.extend(parse(&text, note.with_extension("log")));
            }
        }
        Ok(all)
    }

    /// Whether this very process is still there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        began(self.pid).is_some_and(|began| began == self.began)
    }
}

fn parse(note: &str, log: PathBuf) -> Option<Lasting> {
    let mut words = note.split_whitespace().map(str::to_owned);
    Some(Lasting { name: words.next()?, pid: words.next()?.parse().ok()?, began: words.next()?, log })
}

/// When a process began; none if there is none, or if it has ended and only its parent has not looked.
fn began(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in the second field may hold spaces and parentheses.
    let mut fields = text.rsplit_once(") ")?.1.split_whitespace();
    let is_zombie = fields.next()? == "Z";
    // The 22nd field is the 20th from the state on.
    fields.nth(18).filter(|_| !is_zombie).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn a_process_is_told_from_another_of_its_number() {
        let folder = Folder::temporary().unwrap();
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let log = folder.join("cat.log");
        Lasting::note("cat", child.id(), &log).unwrap();
        let [server] = &Lasting::all(log.parent().unwrap()).unwrap()[..] else { panic!("one was noted") };
        assert_eq!((server.pid, &server.log), (child.id(), &log));
        assert!(server.is_alive());
        assert!(!Lasting { began: "1".into(), ..server.clone() }.is_alive());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!server.is_alive());
    }
}
