//! `routes`: more routes for a pod.

use super::{
    Violations, Warning,
    reader::{Annotation, Reader},
};
use crate::{
    addr::{Address, InterfaceAddress},
    api::{ViolationKind, keys},
    model::Route,
};

const ROUTES: Annotation =
    Annotation { key: keys::ROUTES, example: r#"`[{"dst":"10.0.0.0/16","gw":"192.168.1.1"}]`"# };

/// Parses [`keys::ROUTES`]. Default routes are allowed here.
///
/// # Errors
/// Everything that is wrong with it.
pub fn routes(text: &str, warnings: &mut Vec<Warning>) -> Result<Vec<Route>, Violations> {
    let mut reader = Reader::new(ROUTES, warnings);
    let value = reader.json(text).unwrap_or_default();
    let mut routes = Vec::new();
    for (i, value) in reader.list(&value, "").iter().enumerate() {
        let at = format!("[{i}]");
        let Some(object) = reader.object(value, &at) else { continue };
        let [dst, gw] = reader.fields(object, &at, ["dst", "gw"]);
        for (key, value) in [("dst", dst), ("gw", gw)] {
            if value.is_none() {
                reader.violation(ViolationKind::Required, &format!("{at}.{key}"), "this is missing");
            }
        }
        let (Some(dst), Some(gw)) = (dst, gw) else { continue };
        let destination = reader.parsed::<InterfaceAddress>(dst, &format!("{at}.dst"), "a network");
        let gateway = reader.parsed::<Address>(gw, &format!("{at}.gw"), "an address");
        let Some((destination, gateway)) = destination.zip(gateway) else { continue };
        if destination.address().family() == gateway.family() {
            routes.push(Route { destination: destination.network(), gateway });
        } else {
            reader.invalid(&at, "`dst` and `gw` are of different families");
        }
    }
    reader.found.into_result(routes)
}
