//! Which of our kinds a manifest is of, and what becomes of older versions.

use serde_json::{Map, Value};

use crate::api::{API_VERSION, GROUP, Warning};

/// The kinds that are typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Upgraded {
    Pool,
    Subnet,
    Reservation,
    Endpoint,
    Other,
}

/// Tells the kind, and changes `fields` of an older version into the present one.
pub(super) fn upgrade(
    api_version: &str,
    kind: &str,
    fields: &mut Map<String, Value>,
    warnings: &mut Vec<Warning>,
) -> Result<Upgraded, String> {
    let Some(version) = api_version.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix('/')) else {
        return Ok(Upgraded::Other);
    };
    let known = match kind {
        "SpiderIPPool" => Upgraded::Pool,
        "SpiderSubnet" => Upgraded::Subnet,
        "SpiderReservedIP" => Upgraded::Reservation,
        "SpiderEndpoint" => Upgraded::Endpoint,
        other => {
            let message = format!(
                "{other} is kept but has no effect here: addresses are governed by SpiderIPPool, SpiderSubnet and \
                 SpiderReservedIP"
            );
            warnings.push(Warning::new("kind", message));
            return Ok(Upgraded::Other);
        }
    };
    match version {
        "v2beta1" => {}
        "v1" => {
            warnings.push(Warning::new(
                "apiVersion",
                format!("{GROUP}/v1 is of an old release: read as {API_VERSION}"),
            ));
            // Its status had another form, and is derived from what pods hold in any case.
            if fields.remove("status").is_some() {
                warnings.push(Warning::new("status", "the status of an old release is left out"));
            }
        }
        _ => return Err(format!("`{api_version}` is not known: write `{API_VERSION}`")),
    }
    Ok(known)
}
