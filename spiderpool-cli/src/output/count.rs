//! Numbers with their nouns.

/// `1 pod`, `2 pods`: with `es` where the noun ends in an `s`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.ends_with('s')) {
        (1, _) => format!("1 {noun}"),
        (number, true) => format!("{number} {noun}es"),
        (number, false) => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_numbers() {
        let told = [count(0, "pod"), count(1, "address"), count(2, "address")];
        assert_eq!(told, ["0 pods", "1 address", "2 addresses"]);
    }
}
