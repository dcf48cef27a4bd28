//! Writes the chart's README.md and values.schema.json from its values.yaml: `cargo xtask chart` runs this.

mod parameter;
mod readme;
mod schema;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

pub(crate) use parameter::{Parameters, parameters};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("usage: chart FOLDER")?;
    let values = fs::read_to_string(folder.join("values.yaml"))?;
    write(&folder, &parameters(&values)?)
}

/// Writes both into `folder`.
pub(crate) fn write(folder: &Path, parameters: &Parameters) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join("README.md"), readme::readme(parameters))?;
    let schema = serde_json::to_string_pretty(&schema::schema(parameters))?;
    fs::write(folder.join("values.schema.json"), schema + "\n")?;
    Ok(())
}
