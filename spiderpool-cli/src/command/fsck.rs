//! `fsck`.

use spiderpool_core::inspect::{Finding, Severity};

use crate::{
    answer::Answer,
    args::Format,
    failure::{Exit, Failure},
    output::count,
    session::{Session, store_failure},
};

/// Checks the store, and says what is wrong.
pub(super) async fn fsck(session: &Session, format: Format) -> Result<Answer, Failure> {
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
