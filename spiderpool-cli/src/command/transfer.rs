//! `export` and `import`.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
};

use serde::Serialize;
use spiderpool_core::{
    admin::Mode,
    transfer::{Export, ImportOptions, Imported, TransferError},
};

use crate::{
    answer::Answer,
    args::{ExportArgs, Format, ImportArgs},
    failure::{Exit, Failure},
    output::count,
    session::{Session, store_failure},
};

/// Everything as one JSON document.
pub(super) async fn export(session: &Session, args: &ExportArgs) -> Result<Answer, Failure> {
    let export = session.allocator().await?.export().await.map_err(transfer_failure)?;
    let mut answer = Answer::data(&export, Format::Json)?;
    let Some(file) = &args.file else { return Ok(answer) };
    answer.text.push('\n');
    write(file, answer.text.as_bytes())
        .map_err(|error| Failure::refused(format!("{} cannot be written", file.display())).because(error))?;
    let held: usize = export.scopes.iter().map(|scope| scope.held.len()).sum();
    let (objects, held) = (count(export.objects.len(), "object"), count(held, "held address"));
    Ok(Answer::default().note(format!("{objects} and {held} are written to {}", file.display())))
}

/// Writes under another name first: what stands under `file` is always whole.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    fresh.as_file().sync_all()?;
    fresh.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// What was imported, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    #[serde(flatten)]
    imported: Imported,
    dry_run: bool,
}

/// Everything back, into an empty store.
pub(super) async fn import(session: &Session, args: &ImportArgs, format: Format) -> Result<Answer, Failure> {
    let name = args.file.display();
    let mut bytes = Vec::new();
    let read = match args.file.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut bytes).map(drop),
        false => fs::read(&args.file).map(|read| bytes = read),
    };
    read.map_err(|error| Failure::usage(format!("{name} cannot be read")).because(error))?;
    let export = Export::from_json(&bytes).map_err(|error| match error {
        TransferError::Malformed { .. } => Failure::usage(format!("{name} is no export: {error}")),
        error => transfer_failure(error),
    })?;
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Real };
    let options = ImportOptions { block_bits: args.block_bits(), mode };
    let imported = export.import(session.store().clone(), session.env(), options).await;
    let imported = imported.map_err(transfer_failure)?;
    if matches!(format, Format::Json | Format::Yaml) {
        return Answer::data(&Told { imported, dry_run: args.dry_run }, format);
    }
    let Imported { objects, held, blocks, .. } = imported;
    let what = [count(objects, "object"), count(held, "held address"), count(blocks, "block")].join(", ");
    let done = if args.dry_run { "would be imported" } else { "imported" };
    Ok(Answer::text(format!("{done}: {what}")))
}

fn transfer_failure(error: TransferError) -> Failure {
    match error {
        TransferError::Store(error) => store_failure(error),
        TransferError::Open(_) => Failure::new(Exit::Unreachable, error.to_string()),
        error => Failure::refused(error.to_string()),
    }
}
