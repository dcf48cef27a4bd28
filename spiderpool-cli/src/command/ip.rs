//! `ip show`, `ip free`, `ip release`.

use std::io::{IsTerminal as _, Write as _};

use serde_json::json;
use spiderpool_core::{
    addr::{Address, AddressRange},
    admin::Freeing,
    inspect::{Holding, InspectError},
    model::Record,
    name::ObjectName,
    protocol::Kept,
    store::StoreExt as _,
};

use super::outcome::admin_failure;

use crate::{
    answer::Answer,
    args::{Format, IpCommand},
    failure::Failure,
    output::Table,
    session::{Session, store_failure},
};

/// `ip …`.
pub(super) async fn ip(session: &Session, command: &IpCommand, format: Format) -> Result<Answer, Failure> {
    match command {
        IpCommand::Show { address } => show(session, *address, format).await,
        IpCommand::Free { pool } => free(session, pool, format).await,
        IpCommand::Release { address, yes } => {
            let consent = if *yes { Consent::Given } else { Consent::Ask };
            release(session, *address, consent, format).await
        }
    }
}

/// A view's failure as a command tells it.
pub(crate) fn inspect_failure(error: InspectError) -> Failure {
    match error {
        InspectError::Store(error) => store_failure(error),
        InspectError::NotFound { .. } => Failure::not_found(error.to_string()),
        error => Failure::refused(error.to_string()).remedy("correct it and apply it again"),
    }
}

async fn show(session: &Session, address: Address, format: Format) -> Result<Answer, Failure> {
    let holding = session.inspect().await?.who(address).await.map_err(store_failure)?;
    match format {
        Format::Json | Format::Yaml => Answer::data(&holding, format),
        Format::Name => Ok(Answer::text(owner_name(&holding))),
        Format::Table | Format::Wide => Ok(Answer::text(address_sheet(&holding))),
    }
}

/// `pod/NAME` of whoever holds it; nothing for nobody.
fn owner_name(holding: &Holding) -> String {
    match holding {
        Holding::Held { record, .. } => match &record.owner.pod {
            Some(pod) => format!("pod/{pod}"),
            None => format!("sandbox/{}", record.owner.uid),
        },
        _ => String::new(),
    }
}

/// A held address line by line; anything else in one sentence.
pub(crate) fn address_sheet(holding: &Holding) -> String {
    let Holding::Held { address, pool, record, reserved_by } = holding else { return holding.to_string() };
    let mut lines = vec![
        ("Address", address.to_string()),
        ("Pool", pool.as_ref().map_or_else(|| format!("(gone; uid {})", record.pool), ToString::to_string)),
    ];
    match &record.owner.pod {
        Some(pod) => lines.extend([("Pod", pod.to_string()), ("Pod UID", record.owner.uid.to_string())]),
        None => lines.push(("Sandbox", record.owner.uid.to_string())),
    }
    if let Some(controller) = &record.controller {
        lines.push(("Controller", format!("{} {}", controller.kind, controller.name)));
    }
    let interface = record.interface.as_ref().map_or_else(|| record.slot.to_string(), ToString::to_string);
    lines.push(("Interface", interface));
    if let Some(network) = &record.network {
        lines.push(("Network", network.to_string()));
    }
    lines.extend([
        ("Attached to", record.attachment.to_string()),
        ("Node", record.node.to_string()),
        ("Since", record.since.to_string()),
    ]);
    if !reserved_by.is_empty() {
        let names: Vec<_> = reserved_by.iter().map(ToString::to_string).collect();
        lines.push(("Reserved by", format!("{} (it will not be granted again)", names.join(", "))));
    }
    let line = |(label, value): &(&str, String)| format!("{:<13}{value}", format!("{label}:"));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn free(session: &Session, pool: &str, format: Format) -> Result<Answer, Failure> {
    let name = ObjectName::new(pool).map_err(|error| Failure::usage(error.to_string()))?;
    let found = session.store().pool(&name).await.map_err(store_failure)?;
    let (object, _) = found.ok_or_else(|| {
        Failure::not_found(format!("pool {pool} does not exist"))
            .remedy("spiderpoolctl get sp lists those that do")
    })?;
    let inspect = session.inspect().await?;
    let free = inspect.free_ranges(&object).await.map_err(inspect_failure)?;
    let counts = inspect.pool_counts(&object).await.map_err(inspect_failure)?;
    let ranges: Vec<String> = free.ranges().map(|range| range.to_string()).collect();
    match format {
        Format::Json | Format::Yaml => {
            Answer::data(&json!({"pool": pool, "free": ranges, "counts": counts}), format)
        }
        Format::Name => Ok(Answer::text(ranges.join("\n"))),
        Format::Table | Format::Wide => {
            let mut table = Table::new(["RANGE", "COUNT"]);
            for range in free.ranges() {
                table.row([range.to_string(), count(&range).to_string()]);
            }
            let resting = match counts.cooling {
                0 => String::new(),
                cooling => format!(", {cooling} of them cooling down after their release"),
            };
            let total = format!("{} of {} addresses are free{resting}", free.len_saturating(), counts.total);
            let text = if table.is_empty() { total } else { format!("{table}\n{total}") };
            let answer = Answer::text(text);
            let disabled = object.spec.disable == Some(true);
            Ok(if disabled {
                answer.note(format!("note: pool {pool} is disabled and grants none of them"))
            } else {
                answer
            })
        }
    }
}

/// The number of addresses in `range`.
pub(super) fn count(range: &AddressRange) -> u128 {
    (range.last().value() - range.first().value()).saturating_add(1)
}

/// Whether somebody said yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Consent {
    Given,
    Ask,
}

async fn release(
    session: &Session,
    address: Address,
    consent: Consent,
    format: Format,
) -> Result<Answer, Failure> {
    let holding = session.inspect().await?.who(address).await.map_err(store_failure)?;
    let Holding::Held { record, .. } = &holding else {
        return Err(Failure::not_found(format!("nobody holds it: {holding}")));
    };
    if consent == Consent::Ask && !ask(&holding)? {
        return Err(Failure::refused(format!("{address} is left with {}", record.owner)));
    }
    let allocator = session.allocator().await?;
    match allocator.release(address, record).await.map_err(admin_failure)? {
        Freeing::Freed => {}
        Freeing::Kept(why) => return Err(kept(address, record, &why)),
        _ => {
            return Err(Failure::refused(format!("{address} is not held by {} any more", record.owner))
                .remedy(format!("spiderpoolctl ip show {address} says who holds it now")));
        }
    }
    match format {
        Format::Json | Format::Yaml => Answer::data(&json!({"address": address, "released": true}), format),
        Format::Name => Ok(Answer::text(address.to_string())),
        Format::Table | Format::Wide => {
            Ok(Answer::text(format!("{address} is released; {} had it", record.owner)))
        }
    }
}

/// Why a stateful owner's address stays.
fn kept(address: Address, record: &Record, why: &Kept) -> Failure {
    let (reason, remedy) = match why {
        Kept::PodExists => {
            ("its pod exists", "delete the pod, and its controller or its replicas, then repeat this".into())
        }
        Kept::Wanted => (
            "its controller still counts this pod among its replicas",
            "scale the controller down or delete it, then repeat this".into(),
        ),
        Kept::Attached(node) => {
            ("a container still uses it", format!("wait for the pod's end on node {node}, then repeat this"))
        }
    };
    let owner = record.owner.pod.as_ref().map_or_else(|| record.owner.to_string(), ToString::to_string);
    Failure::refused(format!("{address} stays bound to {owner}: {reason}")).remedy(remedy)
}

/// Shows who holds the address and asks; without a terminal nobody can answer.
#[expect(clippy::print_stderr, reason = "a question on the terminal")]
fn ask(holding: &Holding) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("{holding}")).remedy("repeat with --yes to release it"));
    }
    eprintln!("{}", address_sheet(holding));
    eprint!("Release it? A pod that still runs keeps it on its interface. [y/N] ");
    let mut line = String::new();
    let read = std::io::stderr().flush().and_then(|()| std::io::stdin().read_line(&mut line));
    read.map_err(|error| Failure::usage("no answer").because(error))?;
    Ok(["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str()))
}
