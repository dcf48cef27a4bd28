//! Which checks to run.

use super::CHECKS;

/// Which checks to run: those named by `--only`, or all, less those named by `--skip`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    /// A selection by name. A name that no check has is an error, so that a typing mistake cannot pass for a green
    /// run of nothing.
    pub(crate) fn new(only: Vec<String>, skip: Vec<String>) -> Result<Self, String> {
        let unknown =
            only.iter().chain(&skip).find(|name| CHECKS.iter().all(|check| check.name != name.as_str()));
        if let Some(name) = unknown {
            let known: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
            return Err(format!("there is no check '{name}'; there are {}", known.join(", ")));
        }
        let selection = Self { only, skip };
        if CHECKS.iter().any(|check| selection.includes(check.name)) {
            Ok(selection)
        } else {
            Err("that leaves no check to run".to_owned())
        }
    }

    /// Whether the check of this name is to run.
    pub(super) fn includes(&self, name: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|candidate| candidate == name);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn only_and_skip_work_together() {
        let selection = Selection::new(names(&["fmt", "doc"]), names(&["doc"])).unwrap();
        let chosen = CHECKS.iter().filter(|check| selection.includes(check.name)).map(|check| check.name);
        assert_eq!(chosen.collect::<Vec<_>>(), ["fmt"]);
    }

    #[test]
    fn an_empty_run_is_refused() {
        assert!(Selection::new(names(&["fmt"]), names(&["fmt"])).is_err());
    }

    #[test]
    fn names_are_unique() {
        for (index, check) in CHECKS.iter().enumerate() {
            assert!(CHECKS[index + 1..].iter().all(|other| other.name != check.name), "{}", check.name);
        }
    }
}
