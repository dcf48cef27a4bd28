//! The plugin's log: JSON lines with upstream's fields, in a file that rotates.
//!
//! A log that cannot be written never fails a call; what is at least a warning then goes to standard error,
//! which runtimes keep.

mod file;
mod time;

use super::{Deadline, clock};
use crate::api::Attachment;
use crate::cni::{CniError, Command, LogConf, LogLevel, NetworkName};
use file::LogFile;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::cell::RefCell;
use std::io::Write;

/// What every line of one call says.
#[derive(Clone, Debug)]
pub(super) struct Fields(Vec<(&'static str, String)>);

impl Fields {
    pub(super) fn of_attachment(command: Command, attachment: &Attachment) -> Self {
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        Self(vec![
            ("CNICommand", command.as_str().into()),
            ("ContainerID", attachment.container_id.to_string()),
            ("IfName", attachment.if_name.to_string()),
            ("NetNamespace", optional(&attachment.net_namespace)),
            ("PodNamespace", optional(&attachment.pod_namespace)),
            ("PodName", optional(&attachment.pod_name)),
            ("PodUID", optional(&attachment.pod_uid)),
            ("Network", attachment.network_name.to_string()),
        ])
    }

    pub(super) fn of_network(command: Command, network: &NetworkName) -> Self {
        Self(vec![("CNICommand", command.as_str().into()), ("Network", network.to_string())])
    }
}

/// The log of one call.
#[derive(Debug)]
pub(super) struct Log {
    level: LogLevel,
    file: RefCell<LogFile>,
    fields: Fields,
    deadline: Deadline,
}

struct Line<'a> {
    level: LogLevel,
    time: String,
    msg: &'a str,
    error: Option<&'a CniError>,
    millis: u128,
    fields: &'a Fields,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("level", self.level.as_str())?;
        map.serialize_entry("ts", &self.time)?;
        map.serialize_entry("logger", "spiderpool")?;
        map.serialize_entry("msg", self.msg)?;
        if let Some(error) = self.error {
            map.serialize_entry("code", &error.code.number())?;
            map.serialize_entry("details", &error.details)?;
        }
        for (key, value) in &self.fields.0 {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("millis", &self.millis)?;
        map.end()
    }
}

impl Log {
    pub(super) fn new(conf: LogConf, fields: Fields, deadline: Deadline) -> Self {
        Self { level: conf.level, file: RefCell::new(LogFile::new(conf)), fields, deadline }
    }

    /// Logs a line that helps to find out what happened.
    pub(super) fn debug(&self, msg: &str) {
        self.line(LogLevel::Debug, msg, None);
    }

    /// Logs what was done.
    pub(super) fn info(&self, msg: &str) {
        self.line(LogLevel::Info, msg, None);
    }

    /// Logs what is unusual.
    pub(super) fn warn(&self, msg: &str) {
        self.line(LogLevel::Warn, msg, None);
    }

    /// Logs the failure of a call, and hands its outcome on.
    pub(super) fn outcome<T>(&self, outcome: Result<T, CniError>) -> Result<T, CniError> {
        if let Err(error) = &outcome {
            self.line(LogLevel::Error, &error.msg, Some(error));
        }
        outcome
    }

    fn line(&self, level: LogLevel, msg: &str, error: Option<&CniError>) {
        if level < self.level {
            return;
        }
        let now = clock::wall();
        let line = Line {
            level,
            time: time::rfc3339(now),
            msg,
            error,
            millis: self.deadline.elapsed().as_millis(),
            fields: &self.fields,
        };
        let Ok(mut bytes) = serde_json::to_vec(&line) else { return };
        bytes.push(b'\n');
        if self.file.borrow_mut().append(&bytes, now).is_err() && level >= LogLevel::Warn {
            // Nobody is left to be told if this fails too.
            let _ = std::io::stderr().write_all(&bytes);
        }
    }
}

#[cfg(test)]
mod tests;
