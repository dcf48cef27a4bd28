//! The lab's last words.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};
use spiderpool_core::api::{SpiderIPPool, manifest::Object};

use super::{
    place::Place,
    report::{Outcome, Report},
    show::{self, PodView},
    world::World,
};
use crate::{
    answer::Answer,
    args::{Format, LabArgs},
    failure::{Exit, Failure},
    output::Style,
    session::store_failure,
};

/// What was up at the end.
#[derive(Debug)]
pub(crate) struct Shown {
    mode: &'static str,
    pods: Vec<PodView>,
    pools: Vec<SpiderIPPool>,
}

impl Shown {
    /// What is up now.
    pub(crate) async fn of(world: &World, mode: &'static str) -> Result<Self, Failure> {
        let pools = show::pools(&world.inspect().await?).await.map_err(store_failure)?;
        Ok(Self { mode, pods: show::pod_views(&world.cluster), pools })
    }
}

/// For programs.
#[derive(Serialize)]
struct Data<'a> {
    dir: String,
    prefix: &'a str,
    mode: &'static str,
    checks: Value,
    pods: &'a [PodView],
    pools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<Value>,
}

fn data(
    shown: &Shown,
    report: &Report,
    place: &Place,
    kept: Option<Value>,
    format: Format,
) -> Result<Answer, Failure> {
    let pools = shown.pools.iter().cloned().map(|pool| Object::Pool(Box::new(pool)).to_value());
    let pools = pools.collect::<Result<_, _>>().map_err(|error| Failure::refused(error.to_string()))?;
    let checks = serde_json::to_value(report.checks()).unwrap_or_default();
    let (dir, prefix) = (place.dir().display().to_string(), place.state().prefix.as_str());
    Answer::data(&Data { dir, prefix, mode: shown.mode, checks, pods: &shown.pods, pools, kept }, format)
}

fn is_for_programs(format: Format) -> bool {
    matches!(format, Format::Json | Format::Yaml)
}

/// The count of checks, what failed, and what to try next.
fn verdict(report: &Report) -> String {
    let [passed, failed, skipped] =
        [Outcome::Passed, Outcome::Failed, Outcome::Skipped].map(|outcome| report.count(outcome));
    let paint = report.paint();
    let mut text = format!("\n{}\n", paint.text(Style::Bold, "== Summary =="));
    let style = if failed == 0 { Style::Green } else { Style::Red };
    let count = format!("{passed} checks passed, {failed} failed");
    let _ = write!(text, "{}", paint.text(style, count));
    if skipped > 0 {
        let _ = write!(text, ", {skipped} skipped");
    }
    for check in report.checks().iter().filter(|check| check.outcome != Outcome::Passed) {
        let word = if check.outcome == Outcome::Failed { "failed" } else { "skipped" };
        let _ = write!(text, "\n  {word}: {}: {}", check.name, check.detail);
    }
    if failed > 0 {
        text.push_str("\nThe agent's and the plugin's logs tell more: run it again with --keep.");
    }
    text
}

/// The last words of a lab that is removed now.
pub(crate) fn summary(
    shown: &Shown,
    report: &Report,
    place: &Place,
    args: &LabArgs,
    format: Format,
) -> Result<Answer, Failure> {
    if is_for_programs(format) {
        return data(shown, report, place, None, format);
    }
    let mut text = verdict(report);
    text.push_str("\n\nTry next:\n");
    text.push_str("  lab --keep                      leave it up and play with it\n");
    if args.manifests.is_empty() {
        text.push_str("  lab --manifests examples/lab    your own manifests, or these to begin with\n");
    }
    text.push_str("  lab --pods 100 --families v6    a larger burst, other families");
    Ok(Answer::text(text))
}

/// The last words of a lab that stays up.
pub(crate) fn kept(shown: &Shown, report: &Report, place: &Place, format: Format) -> Result<Answer, Failure> {
    let (dir, socket) = (place.dir().display(), place.socket().display().to_string());
    let mut answer = if is_for_programs(format) {
        data(shown, report, place, Some(json!({"agent": socket})), format)?
    } else {
        let mut text = verdict(report);
        let _ = write!(
            text,
            "\n\nThe lab is still up. Play with it:\n  export SPIDERPOOL_AGENT_SOCKET={socket}\n"
        );
        if let Ok(own) = std::env::current_exe() {
            let _ = writeln!(text, "  alias spiderpoolctl={}", own.display());
        }
        text.push_str("  spiderpoolctl get sp\n  spiderpoolctl get pods -o wide\n");
        if let Some(pod) = shown.pods.iter().find(|pod| !pod.addresses.is_empty()) {
            let _ = writeln!(text, "  spiderpoolctl ip show {}", pod.addresses[0].address);
            let _ = writeln!(text, "  spiderpoolctl explain {}", pod.pod);
        }
        if shown.mode != "none" {
            let prefix = &place.state().prefix;
            let _ = writeln!(text, "  ip netns list | grep {prefix}");
            let _ = writeln!(text, "  ip -n {prefix}.node link");
        }
        let _ = writeln!(text, "  less {}", place.agent_log().display());
        let _ = write!(text, "Remove it:\n  spiderpoolctl lab --down {dir}");
        Answer::text(text)
    };
    if report.count(Outcome::Failed) > 0 {
        answer.exit = Some(Exit::Refused);
    }
    Ok(answer)
}
