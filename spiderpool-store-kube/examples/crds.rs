//! Writes the custom resource definitions as YAML, one file for each kind: `cargo xtask crds` runs this.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use spiderpool_store_kube::{CustomResource, crd};

fn main() -> Result<(), Box<dyn Error>> {
    write(&env::args_os().nth(1).map(PathBuf::from).ok_or("usage: crds FOLDER")?)
}

/// Writes all definitions into `folder`.
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for resource in CustomResource::ALL {
        let body = serde_saphyr::to_string(&crd::definition(&resource))?;
        let text = format!("# Written by `cargo xtask crds`. Do not edit.\n{body}");
        fs::write(folder.join(crd::file_name(&resource)), text)?;
    }
    Ok(())
}
