//! A log file that many short processes append to, and that one of them at a time rotates.

use super::time;
use crate::cni::LogConf;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// The log file of a configuration, opened when something is written.
#[derive(Debug)]
pub(super) struct LogFile {
    conf: LogConf,
    open: Option<File>,
}

fn open(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(parent) = path.parent() else { return Err(error) };
            fs::create_dir_all(parent)?;
            open()
        }
        opened => opened,
    }
}

/// Whether `file` is still what `path` names.
fn is_current(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (named.dev(), named.ino())
}

/// `spiderpool-2026-11-21T02-15-00.123.log` for `spiderpool.log`: the two parts around the time.
fn old_name(path: &Path) -> (String, String) {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let extension = part(path.extension());
    let suffix = if extension.is_empty() { extension } else { format!(".{extension}") };
    (format!("{}-", part(path.file_stem())), suffix)
}

impl LogFile {
    pub(super) fn new(conf: LogConf) -> Self {
        Self { conf, open: None }
    }

    /// Appends one line in one write, so that lines of several processes do not mix. `now` is the time since 1970.
    pub(super) fn append(&mut self, line: &[u8], now: Duration) -> io::Result<()> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => open(&self.conf.file)?,
        };
        let limit = u64::from(self.conf.max_megabytes) * 1_000_000;
        let size = file.metadata()?.len();
        if size > 0 && size.saturating_add(line.len() as u64) > limit {
            file = self.rotate(file, now)?;
        }
        file.write_all(line)?;
        self.open = Some(file);
        Ok(())
    }

    /// Renames the full file and opens a new one. The lock on the full file lets one process do it; another one
    /// finds it locked and goes on writing to it, or finds it renamed and opens the new one.
    fn rotate(&self, full: File, now: Duration) -> io::Result<File> {
        if full.try_lock().is_err() {
            return Ok(full);
        }
        if is_current(&full, &self.conf.file) {
            let (prefix, suffix) = old_name(&self.conf.file);
            let mut moment = now;
            let mut old = PathBuf::new();
            // Two rotations in one millisecond must not overwrite each other.
            for _ in 0..1000 {
                old = self.conf.file.with_file_name(format!("{prefix}{}{suffix}", time::file_stamp(moment)));
                if !old.exists() {
                    break;
                }
                moment += Duration::from_millis(1);
            }
            fs::rename(&self.conf.file, old)?;
            // Old files that stay too long do no harm to this call.
            let _ = self.prune(now);
        }
        open(&self.conf.file)
    }

    /// Removes old files that are too many or too old.
    fn prune(&self, now: Duration) -> io::Result<()> {
        let (prefix, suffix) = old_name(&self.conf.file);
        let Some(dir) = self.conf.file.parent() else { return Ok(()) };
        let mut old = Vec::new();
        for entry in fs::read_dir(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let stamp = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(&suffix));
            if stamp.is_some_and(time::is_file_stamp) {
                let written = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                old.push((name, entry.path(), written));
            }
        }
        // Newest first: the names sort by time.
        old.sort_by(|a, b| b.0.cmp(&a.0));
        let max_age = Duration::from_secs(u64::from(self.conf.max_days) * 86_400);
        for (index, (_, path, written)) in old.into_iter().enumerate() {
            let too_many = self.conf.max_files > 0 && index >= self.conf.max_files as usize;
            let too_old = self.conf.max_days > 0 && now.saturating_sub(written) > max_age;
            if too_many || too_old {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
