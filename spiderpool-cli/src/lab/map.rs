//! A pool's addresses as a picture.

use std::fmt::Write as _;

use spiderpool_core::{addr::Address, inspect::AddressState};

use crate::output::{Paint, Style};

/// How many addresses a line shows.
const WIDTH: u128 = 32;

/// All states in the order of the legend, with the sign and the style of each.
const LEGEND: [(AddressState, char, Style, &str); 6] = [
    (AddressState::Free, '.', Style::Green, "free"),
    (AddressState::Held, '#', Style::Red, "held"),
    (AddressState::Bound, 'B', Style::Magenta, "bound"),
    (AddressState::Reserved, 'R', Style::Blue, "reserved"),
    (AddressState::Excluded, 'x', Style::Dim, "excluded"),
    (AddressState::Cooling, '~', Style::Cyan, "cooling"),
];

fn sign(state: AddressState) -> (char, Style) {
    let found = LEGEND.iter().find(|(own, ..)| *own == state);
    found.map_or(('?', Style::Plain), |(_, sign, style, _)| (*sign, *style))
}

/// The addresses in lines that begin at multiples of their width; a gap between ranges begins a new line.
pub(crate) fn picture(cells: impl IntoIterator<Item = (Address, AddressState)>, paint: Paint) -> String {
    let mut lines: Vec<(Address, Vec<(char, Style)>)> = Vec::new();
    let mut last: Option<Address> = None;
    for (address, state) in cells {
        let follows = last.is_some_and(|last| last.value().checked_add(1) == Some(address.value()));
        match lines.last_mut() {
            Some((_, line)) if follows && address.value() % WIDTH != 0 => line.push(sign(state)),
            _ => lines.push((address, vec![sign(state)])),
        }
        last = Some(address);
    }
    let widest = lines.iter().map(|(first, _)| first.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (first, line) in lines {
        let _ = write!(text, "  {:<widest$}  ", first.to_string());
        let mut line = line.into_iter().peekable();
        // One escape for a run of one kind, not one for each address.
        while let Some((sign, style)) = line.next() {
            let mut run = String::from(sign);
            while let Some((sign, _)) = line.next_if(|next| *next == (sign, style)) {
                run.push(sign);
            }
            text.push_str(&paint.text(style, run));
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// What the signs mean.
pub(crate) fn legend(paint: Paint) -> String {
    let entries = LEGEND.map(|(_, sign, style, name)| format!("{} {name}", paint.text(style, sign)));
    format!("  {}", entries.join("   "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(first: &str, states: &[AddressState]) -> Vec<(Address, AddressState)> {
        let first: Address = first.parse().unwrap();
        let at = |i: usize| first.checked_add(i as u128).unwrap();
        states.iter().enumerate().map(|(i, state)| (at(i), *state)).collect()
    }

    #[test]
    fn lines_begin_at_round_addresses_and_after_gaps() {
        use AddressState::{Bound, Cooling, Excluded, Free, Held, Reserved};
        let mut all = cells("10.0.0.30", &[Held, Free, Free, Bound, Reserved]);
        all.extend(cells("10.0.0.100", &[Excluded, Cooling]));
        insta::assert_snapshot!(format!("{}\n{}", picture(all, Paint::Plain), legend(Paint::Plain)), @"
          10.0.0.30   #.
          10.0.0.32   .BR
          10.0.0.100  x~
          . free   # held   B bound   R reserved   x excluded   ~ cooling
        ");
    }

    #[test]
    fn colours_mark_runs() {
        let picture = picture(cells("fd00::1", &[AddressState::Held; 3]), Paint::Colour);
        assert_eq!(picture, "  fd00::1  \u{1b}[31m###\u{1b}[0m");
    }
}
