//! `migrate`.

use spiderpool_core::{
    admin::Mode,
    migrate::{MigrateError, Migrated, migrate},
    name::{Namespace, ObjectName},
    store::{Key, ResourceName},
};

use crate::{
    answer::Answer,
    args::{Format, MigrateArgs},
    failure::{Exit, Failure},
    output::count,
    session::{Session, open_failure, store_failure},
};

/// Upstream's programs: kind, name, and which count of its status says that it runs.
const PROGRAMS: [(&str, &str, &str); 2] = [
    ("DaemonSet", "spiderpool-agent", "numberReady"),
    ("Deployment", "spiderpool-controller", "readyReplicas"),
];

/// Takes over what upstream granted.
pub(super) async fn upstream(
    session: &Session,
    args: &MigrateArgs,
    format: Format,
) -> Result<Answer, Failure> {
    if !args.stopped {
        refuse_while_it_runs(session, &args.namespace).await?;
    }
    let mode = if args.yes { Mode::Real } else { Mode::DryRun };
    let migrated = migrate(session.store().clone(), session.env(), Session::config()?, mode).await;
    let migrated = migrated.map_err(|error| match error {
        MigrateError::Open(error) => open_failure(error),
        MigrateError::Store(error) => store_failure(error),
        error => Failure::refused(error.to_string()),
    })?;
    let for_programs = matches!(format, Format::Json | Format::Yaml);
    let mut answer = match for_programs {
        true => Answer::data(&migrated, format)?,
        false => Answer::text(told(&migrated)),
    };
    if mode == Mode::DryRun && !for_programs {
        answer = answer.note("nothing is changed yet: repeat with --yes to do this");
    }
    if !migrated.is_whole() {
        answer.exit = Some(Exit::Refused);
    }
    Ok(answer)
}

async fn refuse_while_it_runs(session: &Session, namespace: &Namespace) -> Result<(), Failure> {
    for (kind, name, ready) in PROGRAMS {
        let [Ok(kind), Ok(group), Ok(name)] = [kind, "apps", name].map(ObjectName::new) else { continue };
        let resource = ResourceName { kind, group: Some(group), namespace: Some(namespace.clone()), name };
        let found = session.store().get(&Key::Resource(resource.clone())).await.map_err(store_failure)?;
        let status = found.as_ref().and_then(|found| found.document.as_resource()?.rest.get("status"));
        let running = status.and_then(|status| status.get(ready)?.as_u64()).unwrap_or_default();
        if running > 0 {
            return Err(Failure::refused(format!("{resource} runs still, {running} of it ready")).remedy(
                "stop upstream first (docs/migration.md), or say --stopped if that is something else",
            ));
        }
    }
    Ok(())
}

/// Each disagreement, then what was done.
fn told(migrated: &Migrated) -> String {
    let (taken, found) = match migrated.mode {
        Mode::Real => ("taken over", "were held already"),
        Mode::DryRun => ("to take over", "are held already"),
    };
    let one = |found: &spiderpool_core::migrate::Disagreement| {
        let severity = if found.kind.is_kept() { "warning" } else { "error" };
        format!("{severity:<8} {found}")
    };
    let failures = migrated.failures.iter().map(|failure| format!("warning  {failure}"));
    let summary = [
        format!("{} {taken}", count(migrated.taken_over, "address")),
        format!("{} {found}", migrated.already),
        count(migrated.disagreements.len(), "disagreement"),
    ];
    migrated
        .disagreements
        .iter()
        .map(one)
        .chain(failures)
        .chain([summary.join(", ")])
        .collect::<Vec<_>>()
        .join("\n")
}
