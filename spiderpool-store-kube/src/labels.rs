//! The labels of blocks, written in the same compare-and-swap as the block, and what a selector asks for by them.

use spiderpool_core::{
    addr::Family,
    model::Block,
    name::ScopeName,
    store::{Key, Room, Selector},
};

/// Label: scope and family, `default.v4`.
const SPACE: &str = "ipam.spidernet.io/block-space";
/// Label: the number of the window of 256 neighbouring blocks that the block lies in, in hexadecimal.
const WINDOW: &str = "ipam.spidernet.io/block-window";
/// Label: `yes` or `no`, whether an address may be had.
const ROOM: &str = "ipam.spidernet.io/block-room";

/// Blocks per window, as a power of two: with 16 addresses per block, a /20.
const WINDOW_BITS: u32 = 8;
/// A listing over more windows than this names none of them.
const MOST_WINDOWS: u128 = 16;

/// The labels of `block`.
pub(crate) fn of_block(block: &Block) -> [(&'static str, String); 3] {
    let id = block.id();
    [
        (SPACE, space(&id.scope, id.family)),
        (WINDOW, window(id.index)),
        (ROOM, if block.has_room() { "yes" } else { "no" }.into()),
    ]
}

fn window(index: u128) -> String {
    format!("{:x}", index >> WINDOW_BITS)
}

/// A label's value has at most 63 bytes and begins and ends with a letter or digit: a long name of a scope is cut to
/// its end, which only makes a listing longer than it needs to be.
fn space(scope: &ScopeName, family: Family) -> String {
    let text = scope.as_str();
    let start = text.len().saturating_sub(60);
    let kept = text.get(start..).unwrap_or_default().trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    format!("{kept}.v{}", family.number())
}

/// What the API server selects of what `selector` does: never less, sometimes more.
pub(crate) fn query(selector: &Selector) -> String {
    match selector {
        Selector::EndpointsOn(node) => {
            format!("fieldSelector={}", encoded(&format!("status.current.node={node}")))
        }
        Selector::Blocks { scope, family, first, last, room } => {
            let mut wanted = format!("{SPACE}={}", space(scope, *family));
            let (low, high) = (first >> WINDOW_BITS, last >> WINDOW_BITS);
            if low <= high && high - low < MOST_WINDOWS {
                let windows: Vec<String> = (low..=high).map(|window| format!("{window:x}")).collect();
                wanted.push_str(&format!(",{WINDOW} in ({})", windows.join(",")));
            }
            if *room == Room::Some {
                wanted.push_str(&format!(",{ROOM}=yes"));
            }
            format!("labelSelector={}", encoded(&wanted))
        }
        _ => String::new(),
    }
}

/// Whether a document under `key` may be selected at all.
pub(crate) fn may_select(selector: &Selector, key: &Key) -> bool {
    match (selector, key) {
        (Selector::Blocks { scope, family, first, last, .. }, Key::Block(id)) => {
            id.scope == *scope && id.family == *family && (*first..=*last).contains(&id.index)
        }
        _ => true,
    }
}

/// `text` as a value in a query, or as a segment of a path.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_label_value(text: &str) -> bool {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.len() <= 63
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && edge(text.chars().next())
            && edge(text.chars().last())
    }

    proptest! {
        #[test]
        fn values_are_label_values(scope in "[a-z0-9]([-a-z0-9.]{0,200}[a-z0-9])?", index in any::<u128>()) {
            let space = space(&ScopeName::new(scope).unwrap(), Family::V6);
            prop_assert!(is_label_value(&space), "{}", space);
            prop_assert!(is_label_value(&window(index)));
        }
    }

    #[test]
    fn a_range_of_few_windows_names_them() {
        let blocks = |first, last, room| {
            let (scope, family) = (ScopeName::default_scope(), Family::V4);
            query(&Selector::Blocks { scope, family, first, last, room })
        };
        let space = "labelSelector=ipam.spidernet.io%2Fblock-space%3Ddefault.v4";
        let window = "%2Cipam.spidernet.io%2Fblock-window%20in%20%281%2C2%29";
        assert_eq!(blocks(0x1ff, 0x200, Room::Any), format!("{space}{window}"));
        assert_eq!(blocks(0, u128::MAX, Room::Any), space);
        let room = "%2Cipam.spidernet.io%2Fblock-room%3Dyes";
        assert_eq!(
            blocks(9, 2, Room::Some),
            format!("{space}%2Cipam.spidernet.io%2Fblock-window%20in%20%280%29{room}")
        );
    }
}
