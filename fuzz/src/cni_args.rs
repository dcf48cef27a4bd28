//! The environment variables that a runtime gives the plugin.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStringExt;

use spiderpool_cni::cni::{CniArgs, CniError, Code, Command, Environment};

use crate::cni_config::refused;

/// The lines of any bytes as `CNI_ARGS`, `CNI_CONTAINERID`, `CNI_IFNAME`, `CNI_NETNS` and `CNI_COMMAND`.
///
/// Laws: what is wrong is refused with code 4, in an error object that a runtime can read; what is read is written in
/// a form that reads as the same; what ADD accepts CHECK and DEL accept too, with the same meaning, and DEL needs no
/// network namespace.
pub fn cni_args(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n').map(|line| OsString::from_vec(line.to_vec()));
    let mut environment = Environment {
        args: lines.next(),
        container_id: lines.next(),
        if_name: lines.next(),
        netns: lines.next(),
        command: lines.next(),
    };
    if let Some(text) = environment.args.as_ref().and_then(|args| args.to_str()) {
        match CniArgs::parse(text) {
            Ok(args) => assert_eq!(CniArgs::parse(&write(&args)), Ok(args), "{text:?}"),
            Err(error) => wrong(&error),
        }
    }
    match environment.command() {
        Ok(command) => assert_eq!(environment.command.as_deref(), Some(command.as_str().as_ref())),
        Err(error) => wrong(&error),
    }
    for command in Command::ALL {
        if let Err(error) = environment.attachment(command) {
            wrong(&error);
        }
    }
    if let Ok(added) = environment.attachment(Command::Add) {
        assert!(added.netns.is_some());
        assert!(added.args.pod.as_ref().is_none_or(|pod| !pod.name.is_empty() && !pod.namespace.is_empty()));
        assert_eq!(environment.attachment(Command::Check).as_ref(), Ok(&added));
        assert_eq!(environment.attachment(Command::Del).as_ref(), Ok(&added));
        environment.netns = None;
        assert!(environment.attachment(Command::Del).is_ok_and(|del| del.args == added.args));
        assert!(environment.attachment(Command::Check).is_err());
    }
}

fn wrong(error: &CniError) {
    assert!(!error.details.is_empty(), "{error}");
    refused(error, "1.1.0", &[Code::InvalidEnvironment]);
}

fn write(args: &CniArgs) -> String {
    let mut text = String::from("IgnoreUnknown=1;FOR=others");
    let pod = args.pod.as_ref();
    for (key, value) in [
        ("K8S_POD_NAMESPACE", pod.map(|pod| &pod.namespace)),
        ("K8S_POD_NAME", pod.map(|pod| &pod.name)),
        ("K8S_POD_UID", args.pod_uid.as_ref()),
        ("K8S_POD_INFRA_CONTAINER_ID", args.infra_container_id.as_ref()),
    ] {
        if let Some(value) = value {
            let _ = write!(text, ";{key}={value}");
        }
    }
    let ips: Vec<_> = args.ips.iter().map(ToString::to_string).collect();
    text + ";IP=" + &ips.join(",")
}
