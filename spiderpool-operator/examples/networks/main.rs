//! A meta-plugin for the tests on nodes: it attaches pods to the networks that Multus' annotations name, the way Multus does,
//! which nobody can fetch there. Its configuration has Multus' `delegates` and `kubeconfig`, and `kubectl`, by which it reads
//! pods and NetworkAttachmentDefinitions.
#![expect(clippy::print_stdout, reason = "what a plugin says is its result")]

mod delegate;
mod pod;
mod refusal;

use std::{env, fs, io, path::PathBuf, process::ExitCode};

use serde::Deserialize;
use serde_json::{Value, json};

use delegate::Delegate;
use refusal::Refusal;

/// Where it notes what each container is attached to, as its DEL may come when the pod and its annotations are gone.
const NOTES: &str = "/var/lib/cni/networks-of-pods";

/// What it reads on standard input.
#[derive(Deserialize)]
pub(crate) struct Conf {
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    /// The first is the network of first interfaces.
    delegates: Vec<Value>,
}

fn main() -> ExitCode {
    match run() {
        Ok(Value::Null) => ExitCode::SUCCESS,
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            println!("{refusal}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Value, Refusal> {
    match variable("CNI_COMMAND")?.as_str() {
        "ADD" => add(&serde_json::from_reader(io::stdin())?),
        "DEL" => del(),
        "VERSION" => {
            Ok(json!({"cniVersion": "1.0.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]}))
        }
        other => Err(Refusal::new(4, format!("CNI_COMMAND is {other}"))),
    }
}

/// Attaches all interfaces or none; what is said about the first is the result.
fn add(conf: &Conf) -> Result<Value, Refusal> {
    let delegates = pod::delegates(conf)?;
    fs::create_dir_all(NOTES)?;
    fs::write(note()?, serde_json::to_vec(&delegates)?)?;
    let mut results = Vec::new();
    for delegate in &delegates {
        match delegate.add() {
            Ok(result) => results.push(result),
            Err(refusal) => {
                // Why it failed is what counts; what is left is freed by the runtime's own DEL.
                let _ = del();
                return Err(refusal);
            }
        }
    }
    results.into_iter().next().ok_or_else(|| Refusal::new(7, "delegates is empty"))
}

/// Detaches all interfaces, the last first. Nothing noted is nothing attached.
fn del() -> Result<Value, Refusal> {
    let note = note()?;
    let delegates: Vec<Delegate> = match fs::read(&note) {
        Ok(noted) => serde_json::from_slice(&noted)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Value::Null),
        Err(error) => return Err(error.into()),
    };
    // All of them, even after one that fails.
    let ends: Vec<_> = delegates.iter().rev().map(Delegate::del).collect();
    ends.into_iter().collect::<Result<(), _>>()?;
    fs::remove_file(&note)?;
    Ok(Value::Null)
}

fn note() -> Result<PathBuf, Refusal> {
    Ok(PathBuf::from(NOTES).join(variable("CNI_CONTAINERID")?))
}

pub(crate) fn variable(name: &str) -> Result<String, Refusal> {
    env::var(name).map_err(|error| Refusal::new(4, format!("{name}: {error}")))
}
