//! One interface: the plugins of its network, one after the other.

use std::{
    env,
    io::Write as _,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// An interface of a pod and the network that it is attached to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Delegate {
    interface: String,
    /// What each plugin of the network reads.
    plugins: Vec<Value>,
}

impl Delegate {
    /// `config` is a plugin's or a list's; one without a name is called `name`.
    pub(crate) fn new(interface: &str, name: &str, mut config: Value) -> Result<Self, Refusal> {
        let head = [("name", json!(name)), ("cniVersion", json!("0.3.1"))];
        let head = head.map(|(key, absent)| (key, config.get(key).cloned().unwrap_or(absent)));
        let plugins = match config.get_mut("plugins").map(Value::take) {
            None => vec![config],
            Some(Value::Array(plugins)) => plugins,
            Some(_) => return Err(Refusal::new(7, format!("network {name}: plugins is no list"))),
        };
        let whole = |mut plugin: Value| {
            let fields = plugin.as_object_mut()?;
            fields.extend(head.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            Some(plugin)
        };
        let plugins: Option<Vec<_>> = plugins.into_iter().map(whole).collect();
        let plugins = plugins.filter(|plugins| !plugins.is_empty());
        let plugins = plugins.ok_or_else(|| Refusal::new(7, format!("network {name} has no plugins")))?;
        Ok(Self { interface: interface.to_owned(), plugins })
    }

    /// Attaches it; the result of the last plugin.
    pub(crate) fn add(&self) -> Result<Value, Refusal> {
        self.plugins.iter().try_fold(Value::Null, |previous, plugin| {
            let mut config = plugin.clone();
            if !previous.is_null() {
                config["prevResult"] = previous;
            }
            self.call("ADD", &config)
        })
    }

    /// Detaches it, the last plugin first.
    pub(crate) fn del(&self) -> Result<(), Refusal> {
        self.plugins.iter().rev().try_for_each(|plugin| self.call("DEL", plugin).map(drop))
    }

    /// Calls a plugin in the environment that this one was called in, but for command and interface.
    fn call(&self, command: &str, config: &Value) -> Result<Value, Refusal> {
        let name = config["type"].as_str().unwrap_or_default();
        let path = env::var_os("CNI_PATH").unwrap_or_default();
        let program = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        let program = program.ok_or_else(|| Refusal::new(7, format!("there is no plugin {name:?}")))?;
        let mut child = Command::new(program)
            .env("CNI_COMMAND", command)
            .env("CNI_IFNAME", &self.interface)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(config.to_string().as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let said = match output.stdout.trim_ascii() {
            b"" => Value::Null,
            said => serde_json::from_slice(said)?,
        };
        if output.status.success() { Ok(said) } else { Err(Refusal::handed_on(said)) }
    }
}
