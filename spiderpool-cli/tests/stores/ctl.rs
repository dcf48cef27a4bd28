//! `spiderpoolctl` as a process of its own.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// The program on a store.
pub(crate) struct Ctl {
    /// Its `--store`.
    pub(crate) store: String,
    /// Where the cluster is, for a store that is one.
    pub(crate) kubeconfig: Option<PathBuf>,
}

impl Ctl {
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spiderpoolctl"))
            .env_clear()
            .envs(self.kubeconfig.as_ref().map(|file| ("KUBECONFIG", file)))
            .args(["--store", &self.store])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What a command that succeeds prints.
    pub(crate) fn says(&self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}
