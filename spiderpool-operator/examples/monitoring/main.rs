//! Writes alert rules, the Grafana dashboard and the page of both, from the figures that agent and controller have: `cargo xtask
//! monitoring` runs this.

mod alerts;
mod dashboard;
mod figures;
mod page;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use figures::{Figure, figures};

fn main() -> Result<(), Box<dyn Error>> {
    let [folder, page] = [1, 2].map(|place| env::args_os().nth(place).map(PathBuf::from));
    let (folder, page) = folder.zip(page).ok_or("usage: monitoring FOLDER PAGE")?;
    write(&folder)?;
    Ok(fs::write(page, self::page())?)
}

/// The figures of both programs.
pub(crate) fn all() -> [(&'static str, Vec<Figure>); 2] {
    [
        ("Agents", figures(&spiderpool_cni::agent::sample_metrics())),
        ("Controller", figures(&spiderpool_operator::process::sample_metrics())),
    ]
}

/// The page of all figures and alerts.
pub(crate) fn page() -> String {
    page::page(&all())
}

/// Writes rules and dashboard into `folder`.
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let rules = serde_saphyr::to_string(&alerts::rule())?;
    let rules = format!("# Written by `cargo xtask monitoring`. Do not edit.\n{rules}");
    fs::write(folder.join("prometheus-rule.yaml"), rules)?;
    let dashboard = serde_json::to_string_pretty(&dashboard::dashboard(&all()))?;
    fs::write(folder.join("grafana-dashboard.json"), dashboard + "\n")?;
    Ok(())
}
