//! What people should know about an application, a pool or a Subnet: Events on a cluster, lines of the log everywhere.

use std::{collections::HashMap, fmt::Debug};

use async_trait::async_trait;
use parking_lot::Mutex;
use spiderpool_core::{
    autopool::Workload,
    model::Application,
    name::{ObjectName, Uid},
};

/// What a notice is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum About {
    /// An application, and which incarnation.
    Application(Application, Uid),
    /// A Subnet, and its uid.
    Subnet(ObjectName, Uid),
    /// A pool, and its uid.
    Pool(ObjectName, Uid),
}

impl About {
    /// An application as it is known.
    #[must_use]
    pub fn workload(workload: &Workload) -> Self {
        Self::Application(workload.application.clone(), workload.uid.clone())
    }
}

impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Application(application, _) => write!(f, "{application}"),
            Self::Subnet(name, _) => write!(f, "Subnet {name}"),
            Self::Pool(name, _) => write!(f, "pool {name}"),
        }
    }
}

/// A warning to people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// About what.
    pub about: About,
    /// One word: `SubnetExhausted`.
    pub reason: &'static str,
    /// What happened, and what to do.
    pub message: String,
}

/// Where notices go besides the log.
#[async_trait]
pub trait Notices: Debug + Send + Sync {
    /// Shows `notice`. What fails is said in the log: nothing hangs on it.
    async fn show(&self, notice: &Notice);
}

/// Notices that were shown and still hold, so that each is shown once and not at every look.
#[derive(Debug, Default)]
pub(crate) struct Shown(Mutex<HashMap<(About, &'static str), String>>);

impl Shown {
    /// Whether it was not shown already in these words.
    pub(crate) fn is_new(&self, notice: &Notice) -> bool {
        let key = (notice.about.clone(), notice.reason);
        let mut shown = self.0.lock();
        shown.insert(key, notice.message.clone()).as_ref() != Some(&notice.message)
    }

    /// What holds no more about `about`: everything but these reasons.
    pub(crate) fn only(&self, about: &About, reasons: &[&'static str]) {
        self.0.lock().retain(|(other, reason), _| other != about || reasons.contains(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_shown_once_until_it_holds_no_more() {
        let about = About::Subnet(ObjectName::new("s").unwrap(), Uid::new("u").unwrap());
        let notice = |reason, message: &str| Notice { about: about.clone(), reason, message: message.into() };
        let shown = Shown::default();
        assert!(shown.is_new(&notice("Full", "2 missing")));
        assert!(!shown.is_new(&notice("Full", "2 missing")));
        assert!(shown.is_new(&notice("Full", "1 missing")));
        shown.only(&about, &[]);
        assert!(shown.is_new(&notice("Full", "1 missing")));
    }
}
