//! `fsck`.

use std::sync::Arc;

use spiderpool_core::{
    admin::Mode,
    inspect::{Finding, Severity},
    repair::{RepairError, Repaired, repair},
    sweep::{Declared, Sources, StoreSources, SweepPolicy},
};

use crate::{
    answer::Answer,
    args::{Format, FsckArgs},
    failure::{Exit, Failure},
    output::count,
    session::{Session, open_failure, store_failure},
};

/// Checks the store, and says what is wrong; repairs it where that is asked for.
pub(super) async fn fsck(session: &Session, args: &FsckArgs, format: Format) -> Result<Answer, Failure> {
    if args.repair {
        return mend(session, args, format).await;
    }
    let findings = session.inspect().await?.fsck().await.map_err(store_failure)?;
    let mut answer = match format {
        Format::Json | Format::Yaml => Answer::data(&findings, format)?,
        Format::Name => Answer::text(lines(findings.iter().map(|finding| finding.object.clone()))),
        Format::Table | Format::Wide => Answer::text(told(&findings)),
    };
    if findings.iter().any(|finding| finding.severity > Severity::Info) {
        answer.exit = Some(Exit::Refused);
    }
    Ok(answer)
}

async fn mend(session: &Session, args: &FsckArgs, format: Format) -> Result<Answer, Failure> {
    let mode = if args.yes { Mode::Real } else { Mode::DryRun };
    if !args.gone_nodes.is_empty()
        && let Some(node) = session.agent_node().await?
        && args.gone_nodes.iter().any(|gone| gone.as_str() == node)
    {
        return Err(Failure::refused(format!("node {node} is not gone: its agent answers"))
            .remedy("without --gone-node, or with the names of other nodes"));
    }
    let (store, clock) = (session.store().clone(), session.env().clock.clone());
    // A store that has never seen a pod or a node knows nothing of any that is gone.
    let sandboxes = session.sandboxes().await?;
    let sources = StoreSources::new(store.clone(), clock, sandboxes, Declared::WhereAny);
    let sources: Arc<dyn Sources> = Arc::new(sources.with_gone_nodes(args.gone_nodes.iter().cloned()));
    let (config, policy) = (Session::config()?, SweepPolicy::default());
    let repaired = repair(store, session.env(), config, &sources, &policy, mode).await;
    let repaired = repaired.map_err(|error| match error {
        RepairError::Open(error) => open_failure(error),
        RepairError::Store(error) => store_failure(error),
        error => Failure::refused(error.to_string()),
    })?;
    let mut answer = match format {
        Format::Json | Format::Yaml => Answer::data(&repaired, format)?,
        Format::Name => Answer::text(lines(repaired.actions.iter().map(|action| action.object.clone()))),
        Format::Table | Format::Wide => Answer::text(repairs(&repaired)),
    };
    answer.notes.extend(repaired.failures.iter().map(|failure| format!("warning: {failure}")));
    let to_do = mode == Mode::DryRun && !repaired.actions.is_empty();
    if to_do && !matches!(format, Format::Json | Format::Yaml) {
        answer = answer.note("nothing is changed yet: repeat with --yes to do this");
    }
    if to_do || !repaired.is_clean() {
        answer.exit = Some(Exit::Refused);
    }
    Ok(answer)
}

/// What is done, or would be; then what is left.
fn repairs(repaired: &Repaired) -> String {
    let (done, verb) = match repaired.mode {
        Mode::Real => ("done", "made"),
        Mode::DryRun => ("would do", "to make"),
    };
    let actions = repaired.actions.iter().map(|action| format!("{done:<8} {action}"));
    let summary = format!("{} {verb}", count(repaired.actions.len(), "repair"));
    let left = match repaired.left.is_empty() {
        true => "nothing contradicts itself afterwards".to_owned(),
        false => format!("what is left is for you to decide:\n{}", told(&repaired.left)),
    };
    lines(actions.chain([format!("{summary}; {left}")]))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// Each finding with what it means and what to do, then how many there are.
pub(crate) fn told(findings: &[Finding]) -> String {
    let finding = |finding: &Finding| {
        let Finding { severity, object, what, means, remedy, .. } = finding;
        format!("{severity:<8} {object}: {what}\n         means: {means}\n         to do: {remedy}")
    };
    let number = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let [errors, warnings, infos] = [Severity::Error, Severity::Warning, Severity::Info].map(number);
    let verdict = match (errors, warnings) {
        (0, 0) => "nothing contradicts itself".to_owned(),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    let more = if infos > 0 { format!(", {}", count(infos, "remark")) } else { String::new() };
    lines(findings.iter().map(finding).chain([verdict + &more]))
}
