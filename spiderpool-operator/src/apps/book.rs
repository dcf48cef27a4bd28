//! Which applications are there.

use std::collections::{HashMap, HashSet};

use spiderpool_core::{autopool::Workload, model::Application};

use super::{AppKind, News};

/// What the book says of an application.
#[derive(Clone, PartialEq, Debug)]
pub enum Known {
    /// It is there.
    Here(Workload),
    /// It was told gone, or its kind is told completely and it is not among them.
    Gone,
    /// Its kind is not told completely yet, or at all.
    Unsure,
}

/// What sources have told.
#[derive(Debug, Default)]
pub struct Book {
    here: HashMap<Application, Workload>,
    complete: HashSet<AppKind>,
}

impl Book {
    /// Takes in a piece of news. Which application to look at because of it; none where nothing changed.
    pub fn take(&mut self, news: &News) -> Option<Application> {
        match news {
            News::Put(workload) => {
                let before = self.here.insert(workload.application.clone(), workload.clone());
                (before.as_ref() != Some(workload)).then(|| workload.application.clone())
            }
            News::Gone(application) => {
                self.here.remove(application);
                Some(application.clone())
            }
            News::Complete(kind) => {
                self.complete.insert(kind.clone());
                None
            }
            News::Notice(_) => None,
        }
    }

    /// What is known of `application`.
    #[must_use]
    pub fn get(&self, application: &Application) -> Known {
        match self.here.get(application) {
            Some(workload) => Known::Here(workload.clone()),
            None if self.complete.contains(&AppKind::of(application)) => Known::Gone,
            None => Known::Unsure,
        }
    }
}
