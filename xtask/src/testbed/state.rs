//! What is known of a test bed between two commands, beside which processes its servers are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Where its servers serve. Written once all of them do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    /// For etcdctl.
    pub(super) etcd_endpoints: String,
    /// For `--store`.
    pub(super) etcd_url: String,
    /// The API server.
    pub(super) kubernetes: String,
    pub(super) kubectl: PathBuf,
}

/// The credentials for the API server.
pub(super) fn kubeconfig(folder: &Path) -> PathBuf {
    folder.join("kubeconfig")
}

fn file(folder: &Path) -> PathBuf {
    folder.join("addresses")
}

impl Addresses {
    /// What was written down; none if no start was completed.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        parse(&fs::read_to_string(file(folder)).ok()?)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Problem> {
        let file = file(folder);
        fs::write(&file, self.text())
            .map_err(|error| Problem::failed(format!("cannot write {}: {error}", file.display())))
    }

    fn text(&self) -> String {
        let Self { etcd_endpoints, etcd_url, kubernetes, kubectl } = self;
        format!("{etcd_endpoints}\n{etcd_url}\n{kubernetes}\n{}\n", kubectl.display())
    }
}

fn parse(text: &str) -> Option<Addresses> {
    let mut lines = text.lines().map(str::to_owned);
    Some(Addresses {
        etcd_endpoints: lines.next()?,
        etcd_url: lines.next()?,
        kubernetes: lines.next()?,
        kubectl: lines.next()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let addresses = Addresses {
            etcd_endpoints: "http://127.0.0.1:1".into(),
            etcd_url: "etcd://127.0.0.1:1".into(),
            kubernetes: "https://127.0.0.1:2".into(),
            kubectl: "/a b/kubectl".into(),
        };
        assert_eq!(parse(&addresses.text()), Some(addresses));
        assert_eq!(parse("one line\n"), None);
    }
}
