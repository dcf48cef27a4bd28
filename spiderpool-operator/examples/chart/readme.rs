//! README.md: every parameter with its default.

use std::fmt::Write;

use super::parameter::Parameters;

const HEAD: &str = r#"<!-- Written by `cargo xtask chart` from values.yaml. Do not edit. -->

# Chart spiderpool

IP address management for underlay networks on Kubernetes 1.31 or later: an agent on every node with the CNI plugin `spiderpool`,
and the controller. [docs/kubernetes.md](../../docs/kubernetes.md) leads through an installation.

```shell
helm install spiderpool charts/spiderpool --namespace kube-system \
  --set clusterDefaultPool.installIPv4IPPool=true \
  --set clusterDefaultPool.ipv4Subnet=172.20.0.0/16 \
  --set clusterDefaultPool.ipv4IPRanges={172.20.0.10-172.20.0.200}
```

A value that is none of the parameters is refused, so that a typing mistake does not go unnoticed. The definitions of Spiderpool's
kinds are part of the release, so that upgrades bring them up to date, and stay when it is uninstalled.
"#;

/// The text for `parameters`.
pub(crate) fn readme(parameters: &Parameters) -> String {
    let mut text = HEAD.to_owned();
    for (section, parameters) in &parameters.sections {
        let rows = parameters.iter().map(|one| {
            [format!("`{}`", one.name), one.what.replace('|', "\\|"), format!("`{}`", one.default)]
        });
        table(&mut text, section, ["Name", "Description", "Value"], rows.collect());
    }
    let rows = parameters.later.iter().map(|later| [format!("`{}`", later.name), format!("`{}`", later.of)]);
    table(&mut text, "Later names", ["Name", "The same as, and goes before"], rows.collect());
    text
}

fn table<const N: usize>(text: &mut String, title: &str, head: [&str; N], rows: Vec<[String; N]>) {
    let widths: Vec<usize> = (0..N)
        .map(|at| rows.iter().map(|row| row[at].chars().count()).chain([head[at].len()]).max().unwrap_or(0))
        .collect();
    let mut lines =
        vec![head.map(str::to_owned).to_vec(), widths.iter().map(|width| "-".repeat(*width)).collect()];
    lines.extend(rows.iter().map(|row| row.to_vec()));
    let mut out = format!("\n## {title}\n\n");
    for cells in lines {
        let cells: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    text.push_str(&out);
}
