//! What the binary `spiderpool` does: one CNI command from environment and standard input to standard output.
//!
//! Standard output gets the result or the error object and nothing else. [`run`] takes what it reads as
//! arguments, so that it can be called with anything.

mod add;
mod answer;
mod call;
mod check;
mod client;
mod clock;
mod del;
mod gc;
mod log;
mod master;
mod status;

use clock::Deadline;

use crate::cni::{CniError, CniVersion, Code, Command, DecodedConf, Environment, VersionAnswer};
use call::{AttachmentCall, NetworkCall};
use std::io::Read;

/// The largest network configuration in bytes that is read.
pub const MAX_STDIN_BYTES: u64 = 16 << 20;

/// What one run gives back to the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// For standard output: a result, an error object, or nothing (DEL, CHECK, GC and STATUS that succeeded).
    pub stdout: Vec<u8>,
    /// Whether the exit code is 0; else it is 1.
    pub success: bool,
}

/// Runs one command. Takes at most 100 s, and returns at once where no agent listens.
pub fn run(environment: &Environment, stdin: impl Read) -> Output {
    let mut asked = CniVersion::NEWEST.as_str().to_owned();
    match execute(environment, stdin, &mut asked) {
        Ok(stdout) => Output { stdout, success: true },
        Err(error) => Output { stdout: error.to_json(&asked), success: false },
    }
}

/// The error object for a panic, which the binary prints from its panic hook.
pub fn panic_object(place: &str) -> Vec<u8> {
    let msg = format!("spiderpool stopped at {place}, which is a defect of the plugin");
    let details = "Please report it with the network configuration and the pod's annotations.";
    CniError::new(Code::Internal, msg, details).to_json(CniVersion::NEWEST.as_str())
}

fn read(stdin: impl Read) -> Result<Vec<u8>, CniError> {
    let mut bytes = Vec::new();
    stdin.take(MAX_STDIN_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
        let details = "The runtime gives the network configuration on standard input.";
        CniError::new(Code::Io, format!("standard input cannot be read: {error}"), details)
    })?;
    if bytes.len() as u64 > MAX_STDIN_BYTES {
        let msg = "the network configuration is larger than 16 MiB";
        return Err(CniError::new(Code::InvalidConfig, msg, "Something else came in on standard input."));
    }
    Ok(bytes)
}

/// The JSON of a request.
fn encode(request: &impl serde::Serialize) -> Result<Vec<u8>, CniError> {
    serde_json::to_vec(request).map_err(|error| {
        let msg = format!("the request to the agent cannot be encoded: {error}");
        CniError::new(Code::Internal, msg, "This is a defect of the plugin; please report it.")
    })
}

fn execute(environment: &Environment, stdin: impl Read, asked: &mut String) -> Result<Vec<u8>, CniError> {
    let deadline = Deadline::of_a_request();
    let command = environment.command()?;
    let bytes = read(stdin)?;
    let conf = DecodedConf::decode(&bytes);
    if let Ok(conf) = &conf {
        conf.asked_version().clone_into(asked);
    }
    if command == Command::Version {
        // A runtime may ask without giving a configuration.
        return Ok(VersionAnswer::to_json(conf.ok().as_ref().map(DecodedConf::asked_version)));
    }
    let conf = conf?;
    let needed = match command {
        Command::Gc | Command::Status => CniVersion::V1_1_0,
        Command::Check => CniVersion::V0_4_0,
        Command::Add | Command::Del | Command::Version => CniVersion::V0_3_0,
    };
    let version = conf.version(needed, command.as_str())?;
    match command {
        Command::Add | Command::Del | Command::Check => {
            let attachment = environment.attachment(command)?;
            let call = AttachmentCall::new(command, attachment, conf.check(version)?, deadline);
            let outcome = match command {
                Command::Add => add::run(&call),
                Command::Del => del::run(&call).map(|()| Vec::new()),
                _ => check::run(&call).map(|()| Vec::new()),
            };
            call.log.outcome(outcome)
        }
        Command::Gc | Command::Status | Command::Version => {
            let call = NetworkCall::new(command, conf.check(version)?, deadline);
            let outcome = if command == Command::Gc { gc::run(&call) } else { status::run(&call) };
            call.log.outcome(outcome.map(|()| Vec::new()))
        }
    }
}
