//! Names of pools, and patterns over them, as Go's `filepath.Match` defines them.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::name::{NameError, ObjectName};

/// A name or a pattern, as written in an annotation or a CNI configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PoolRef {
    /// One pool.
    Name(ObjectName),
    /// Every pool whose name matches.
    Pattern(Pattern),
}

/// A text that names no pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolRefError {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Not a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl FromStr for PoolRef {
    type Err = PoolRefError;

    fn from_str(text: &str) -> Result<Self, PoolRefError> {
        if text.contains(['*', '?', '[']) {
            Ok(Self::Pattern(text.parse()?))
        } else {
            Ok(Self::Name(ObjectName::new(text)?))
        }
    }
}

impl fmt::Display for PoolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
        }
    }
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a pattern: {reason}")]
pub struct PatternError {
    text: String,
    reason: &'static str,
}

/// A shell pattern: `*` any characters, `?` one, `[a-z]` one of, `[^a-z]` none of, `\` takes the next as it is.
/// None of them matches `/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    /// Any number of characters other than `/`.
    Any,
    /// One character other than `/`.
    One,
    /// This character.
    Literal(char),
    /// A character inside (or outside) the ranges. `/` can be inside a range, as in Go.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// The longest pattern, in bytes; no name is longer.
const MAX_BYTES: usize = 2 * crate::name::MAX_NAME_BYTES;

impl Pattern {
    /// Whether `name` matches. Cost: at most the product of both lengths.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (mut part, mut at) = (0, 0);
        // Where to go on when what follows the last `*` fails: one character further.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let next = name[at..].chars().next();
            let step = match (self.parts.get(part), next) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    retry = Some((part, at));
                    part += 1;
                    continue;
                }
                (Some(part), Some(c)) if part.takes(c) => c.len_utf8(),
                _ => match retry {
                    Some((any, from)) => match name[from..].chars().next() {
                        Some(c) if c != '/' => {
                            retry = Some((any, from + c.len_utf8()));
                            (part, at) = (any + 1, from + c.len_utf8());
                            continue;
                        }
                        _ => return false,
                    },
                    None => return false,
                },
            };
            (part, at) = (part + 1, at + step);
        }
    }

    /// What every matching name begins with.
    #[must_use]
    pub fn literal_prefix(&self) -> Cow<'_, str> {
        let literals = self.parts.iter().map_while(|part| match part {
            Part::Literal(c) => Some(*c),
            _ => None,
        });
        literals.collect::<String>().into()
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Part {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => c != '/',
            Self::Literal(own) => *own == c,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let fail = |reason| PatternError { text: text.chars().take(80).collect(), reason };
        if text.len() > MAX_BYTES {
            return Err(fail("it is longer than any name"));
        }
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            parts.push(match c {
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Literal(rest.next().ok_or_else(|| fail("nothing follows the last `\\`"))?),
                '[' => class(&mut rest).map_err(fail)?,
                c => Part::Literal(c),
            });
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// The rest of a class, after its `[`.
fn class(rest: &mut Rest<'_>) -> Result<Part, &'static str> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && rest.next_if_eq(&']').is_some() {
            return Ok(Part::Class { negated, ranges });
        }
        let low = class_char(rest)?;
        let high = if rest.next_if_eq(&'-').is_some() { class_char(rest)? } else { low };
        ranges.push((low, high));
    }
}

fn class_char(rest: &mut Rest<'_>) -> Result<char, &'static str> {
    const OPEN: &str = "a `[` is not closed by `]`";
    match rest.next().ok_or(OPEN)? {
        '\\' => rest.next().ok_or(OPEN),
        '-' => Err("`-` inside `[…]` stands between two characters; write `\\-` for the character"),
        ']' => Err("`[…]` holds nothing; write `\\]` for the character"),
        c => Ok(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// Expectations of Go's own documentation of `filepath.Match`.
    #[rstest]
    #[case("abc", "abc", true)]
    #[case("*", "abc", true)]
    #[case("*", "", true)]
    #[case("*c", "abc", true)]
    #[case("a*", "a", true)]
    #[case("a*/b", "abc/b", true)]
    #[case("a*/b", "a/c/b", false)]
    #[case("a*b*c*d*e*", "axbxcxdxe", true)]
    #[case("a*b?c*x", "abxbbxdbxebxczzx", true)]
    #[case("a*b?c*x", "abxbbxdbxebxczzy", false)]
    #[case("ab[c]", "abc", true)]
    #[case("ab[b-d]", "abc", true)]
    #[case("ab[e-g]", "abc", false)]
    #[case("ab[^c]", "abc", false)]
    #[case("ab[^e-g]", "abc", true)]
    #[case("a\\*b", "a*b", true)]
    #[case("a\\*b", "ab", false)]
    #[case("a?b", "a/b", false)]
    #[case("a*b", "a/b", false)]
    #[case("[a-ζ]*", "α", true)]
    #[case("*[a-ζ]", "A", false)]
    #[case("[\\]a]", "]", true)]
    #[case("[\\-]", "-", true)]
    #[case("[x\\-]", "-", true)]
    #[case("[z-a]", "m", false)]
    #[case("*x", "xxx", true)]
    fn matches_as_go_does(#[case] pattern: &str, #[case] name: &str, #[case] expected: bool) {
        assert_eq!(pattern.parse::<Pattern>().unwrap().matches(name), expected);
    }

    #[rstest]
    fn malformed_patterns_are_refused(
        #[values("[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "\\")] text: &str,
    ) {
        assert!(text.parse::<Pattern>().is_err());
    }

    /// The definition, by recursion.
    fn naive(parts: &[Part], name: &[char]) -> bool {
        match (parts.split_first(), name.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((Part::Any, parts)), rest) => {
                naive(parts, name) || rest.is_some_and(|(c, rest)| *c != '/' && naive_any(parts, rest))
            }
            (Some((part, parts)), Some((c, name))) => part.takes(*c) && naive(parts, name),
            (Some(_), None) => false,
        }
    }

    fn naive_any(parts: &[Part], name: &[char]) -> bool {
        naive(parts, name) || name.split_first().is_some_and(|(c, rest)| *c != '/' && naive_any(parts, rest))
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in r"[ab*?/\[\]^\\-]{0,8}", name in "[ab/-]{0,8}") {
            if let Ok(pattern) = pattern.parse::<Pattern>() {
                let chars: Vec<char> = name.chars().collect();
                prop_assert_eq!(pattern.matches(&name), naive(&pattern.parts, &chars));
                if pattern.matches(&name) {
                    prop_assert!(name.starts_with(&*pattern.literal_prefix()));
                }
            }
        }

        #[test]
        fn a_name_matches_itself_and_a_star(name in "[a-z0-9.-]{1,20}") {
            prop_assert!("*".parse::<Pattern>().unwrap().matches(&name));
            let written: PoolRef = name.parse().unwrap();
            prop_assert_eq!(written, PoolRef::Name(ObjectName::new(&name).unwrap()));
        }
    }
}
