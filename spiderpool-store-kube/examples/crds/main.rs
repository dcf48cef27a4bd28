//! Writes the custom resource definitions as YAML, one file for each kind, and the page of all their fields: `cargo xtask crds`
//! runs this.

mod reference;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

pub(crate) use reference::page;
use spiderpool_store_kube::{CustomResource, crd};

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(file)) = (paths.next(), paths.next()) else {
        return Err("usage: crds FOLDER PAGE".into());
    };
    write(&folder)?;
    Ok(fs::write(file, page())?)
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
