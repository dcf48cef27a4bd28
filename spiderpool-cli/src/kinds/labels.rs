//! `-l app=web,tier!=db,new`: the equality-based selectors of kubectl.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// One requirement.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Requirement {
    Is(String, String),
    IsNot(String, String),
    Exists(String),
    Absent(String),
}

/// All of these.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LabelFilter(Vec<Requirement>);

impl LabelFilter {
    /// Reads a selector.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let requirements = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
            let pair = |(key, value): (&str, &str)| (key.trim().to_owned(), value.trim().to_owned());
            let (requirement, key) = if let Some((key, value)) = part.split_once("!=").map(pair) {
                (Requirement::IsNot(key.clone(), value), key)
            } else if let Some((key, value)) = part.split_once("==").or(part.split_once('=')).map(pair) {
                (Requirement::Is(key.clone(), value), key)
            } else if let Some(key) = part.strip_prefix('!') {
                (Requirement::Absent(key.into()), key.to_owned())
            } else {
                (Requirement::Exists(part.into()), part.to_owned())
            };
            if key.is_empty() || key.contains(char::is_whitespace) {
                return Err(Failure::usage(format!("{part:?} is no label requirement"))
                    .remedy("write them as app=web,tier!=db,new,!old"));
            }
            Ok(requirement)
        });
        requirements.collect::<Result<_, _>>().map(Self)
    }

    /// Whether `labels` meet all requirements.
    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::Is(key, value) => labels.get(key) == Some(value),
            Requirement::IsNot(key, value) => labels.get(key) != Some(value),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Absent(key) => !labels.contains_key(key),
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", true)]
    #[case("app=web", true)]
    #[case("app==web,tier!=db", true)]
    #[case("app, !old", true)]
    #[case("app=shop", false)]
    #[case("app!=web", false)]
    #[case("new", false)]
    #[case("!app", false)]
    fn selectors_are_kubectls(#[case] text: &str, #[case] matches: bool) {
        let labels = [("app".to_owned(), "web".to_owned())].into();
        assert_eq!(LabelFilter::read(text).unwrap().matches(&labels), matches);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(LabelFilter::read("=web").is_err());
        assert!(LabelFilter::read("app in (a b)").is_err());
    }
}
