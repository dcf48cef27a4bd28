//! The `CNI_*` environment variables (specification, section 2, "Parameters").

use super::{CniArgs, CniError, Code, ContainerId, IfName};
use std::ffi::OsString;

/// What a runtime asks for, from `CNI_COMMAND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Give the interface addresses.
    Add,
    /// Take them back.
    Del,
    /// See whether they are still held.
    Check,
    /// Take back what no listed attachment holds.
    Gc,
    /// Say whether an ADD would work now.
    Status,
    /// Say which versions are spoken.
    Version,
}

impl Command {
    /// Every command, in the order the specification names them.
    pub const ALL: [Self; 6] = [Self::Add, Self::Del, Self::Check, Self::Gc, Self::Status, Self::Version];

    /// The command as `CNI_COMMAND` says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Gc => "GC",
            Self::Status => "STATUS",
            Self::Version => "VERSION",
        }
    }

    /// Whether the command is about one interface, and so needs a container ID and an interface name.
    fn names_attachment(self) -> bool {
        matches!(self, Self::Add | Self::Del | Self::Check)
    }

    /// Whether the command needs a network namespace. After a reboot DEL has none.
    fn needs_netns(self) -> bool {
        matches!(self, Self::Add | Self::Check)
    }
}

/// The variables as they are, unchecked.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `CNI_COMMAND`.
    pub command: Option<OsString>,
    /// `CNI_CONTAINERID`.
    pub container_id: Option<OsString>,
    /// `CNI_NETNS`.
    pub netns: Option<OsString>,
    /// `CNI_IFNAME`.
    pub if_name: Option<OsString>,
    /// `CNI_ARGS`.
    pub args: Option<OsString>,
}

/// The variables of a command about one interface, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentEnv {
    /// `CNI_CONTAINERID`.
    pub container_id: ContainerId,
    /// `CNI_IFNAME`.
    pub if_name: IfName,
    /// `CNI_NETNS`; always there for ADD and CHECK.
    pub netns: Option<String>,
    /// `CNI_ARGS`.
    pub args: CniArgs,
}

fn invalid(msg: String, details: &str) -> CniError {
    CniError::new(Code::InvalidEnvironment, msg, details)
}

/// The text of a variable; an empty one counts as absent, as in `libcni`.
fn text<'a>(name: &str, value: Option<&'a OsString>) -> Result<Option<&'a str>, CniError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.to_str() {
        Some(text) => Ok(Some(text)),
        None => Err(invalid(format!("{name} is not UTF-8"), "Set it to plain text.")),
    }
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let var = |name| std::env::var_os(name);
        Self {
            command: var("CNI_COMMAND"),
            container_id: var("CNI_CONTAINERID"),
            netns: var("CNI_NETNS"),
            if_name: var("CNI_IFNAME"),
            args: var("CNI_ARGS"),
        }
    }

    /// Reads `CNI_COMMAND`.
    pub fn command(&self) -> Result<Command, CniError> {
        const DETAILS: &str = "spiderpool is a CNI IPAM plugin and is started by a container runtime or another \
                               plugin; CNI_COMMAND is ADD, DEL, CHECK, GC, STATUS or VERSION.";
        match text("CNI_COMMAND", self.command.as_ref())? {
            None => Err(invalid("CNI_COMMAND is missing".into(), DETAILS)),
            Some(word) => {
                Command::ALL.into_iter().find(|command| command.as_str() == word).ok_or_else(|| {
                    let word: String = word.chars().take(80).collect();
                    invalid(format!("CNI_COMMAND {word:?} is unknown"), DETAILS)
                })
            }
        }
    }

    /// Reads the variables that a command about one interface needs; names all that are missing at once.
    pub fn attachment(&self, command: Command) -> Result<AttachmentEnv, CniError> {
        let container_id = text("CNI_CONTAINERID", self.container_id.as_ref())?;
        let if_name = text("CNI_IFNAME", self.if_name.as_ref())?;
        let netns = text("CNI_NETNS", self.netns.as_ref())?;
        let mut missing = Vec::new();
        for (name, needed, present) in [
            ("CNI_CONTAINERID", command.names_attachment(), container_id.is_some()),
            ("CNI_NETNS", command.needs_netns(), netns.is_some()),
            ("CNI_IFNAME", command.names_attachment(), if_name.is_some()),
        ] {
            if needed && !present {
                missing.push(name);
            }
        }
        let (Some(container_id), Some(if_name), true) = (container_id, if_name, missing.is_empty()) else {
            let msg = format!("{} needs {}, which is missing", command.as_str(), missing.join(", "));
            return Err(invalid(
                msg,
                "The runtime sets these variables; see the CNI specification, section 2.",
            ));
        };
        let rule = "See the CNI specification, section 2, \"Parameters\".";
        Ok(AttachmentEnv {
            container_id: ContainerId::new(container_id)
                .map_err(|error| invalid(format!("CNI_CONTAINERID: {error}"), rule))?,
            if_name: IfName::new(if_name).map_err(|error| invalid(format!("CNI_IFNAME: {error}"), rule))?,
            netns: netns.map(str::to_owned),
            args: CniArgs::parse(text("CNI_ARGS", self.args.as_ref())?.unwrap_or_default())?,
        })
    }
}
