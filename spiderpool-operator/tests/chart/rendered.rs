//! What Helm makes of the chart.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use spiderpool_testbed::{Binaries, Binary, or_skip};

/// Where the chart is.
pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/spiderpool")
}

pub(crate) struct Helm(PathBuf);

impl Helm {
    pub(crate) fn find(test: &str) -> Option<Self> {
        let found = Binaries::find().and_then(|binaries| binaries.program(Binary::Helm));
        or_skip(test, found).map(Self)
    }

    pub(crate) fn lint(&self) {
        let output = Command::new(&self.0).args(["lint", "--strict"]).arg(chart()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    fn template(&self, values: &[&str]) -> Output {
        let mut command = Command::new(&self.0);
        command.args(["template", "spiderpool"]).arg(chart());
        command.args(["--namespace", "kube-system", "--kube-version", "1.34.0"]);
        command.args(values.iter().flat_map(|value| ["--set", value]));
        command.output().unwrap()
    }

    /// The documents that it makes of these values.
    pub(crate) fn rendered(&self, values: &[&str]) -> Vec<Value> {
        let output = self.template(values);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        documents(&String::from_utf8(output.stdout).unwrap())
    }

    /// What it says instead.
    pub(crate) fn refused(&self, values: &[&str]) -> String {
        let output = self.template(values);
        assert!(!output.status.success(), "{values:?} are taken");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// The documents of a text in YAML.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    all.into_iter().filter(|one| !one.is_null()).collect()
}

/// Documents by KIND/NAME, those of other namespaces than the release's with that behind it.
pub(crate) fn named(documents: &[Value]) -> BTreeMap<String, Value> {
    let name = |one: &Value| {
        let metadata = &one["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut name = format!("{}/{}", text(&one["kind"]), text(&metadata["name"]));
        match text(&metadata["namespace"]).as_str() {
            "" | "kube-system" => {}
            other => name.push_str(&format!(" in {other}")),
        }
        name
    };
    let count = documents.len();
    let named: BTreeMap<_, _> = documents.iter().map(|one| (name(one), one.clone())).collect();
    assert_eq!(named.len(), count, "names are taken twice: {:?}", named.keys());
    named
}
