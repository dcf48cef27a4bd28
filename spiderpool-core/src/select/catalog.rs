//! The pools that selection looks in, kept by name by whoever watches them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use crate::{
    addr::Family,
    api::{SpiderIPPool, Violations},
    model::{Application, Pattern, Pool},
    name::{NameError, ObjectName},
};

/// All pools, by name; those marked as default and those made for applications found without a search.
///
/// Changed pool by pool as objects change. Cloning copies the maps, not the pools.
#[derive(Clone, Debug, Default)]
pub struct PoolCatalog {
    entries: BTreeMap<ObjectName, Entry>,
    defaults: BTreeSet<(Family, ObjectName)>,
    autos: BTreeMap<Application, BTreeSet<ObjectName>>,
}

/// What stands under a name.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Pool(Arc<Pool>),
    /// An object that is not a pool, and why.
    Malformed(Arc<Violations>),
}

impl PoolCatalog {
    /// A catalog without pools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `pool`, in place of one of its name.
    pub fn insert(&mut self, pool: Arc<Pool>) {
        self.remove(pool.name.as_str());
        if pool.default {
            self.defaults.insert((pool.family, pool.name.clone()));
        }
        if let Some(auto) = &pool.auto {
            self.autos.entry(auto.application.clone()).or_default().insert(pool.name.clone());
        }
        self.entries.insert(pool.name.clone(), Entry::Pool(pool));
    }

    /// Parses `object` and adds it. One that does not parse stays in the catalog as refused for that, so that whoever
    /// names it learns why.
    ///
    /// # Errors
    /// The object's name is none; nothing was added.
    pub fn insert_object(&mut self, object: &SpiderIPPool) -> Result<(), NameError> {
        match Pool::try_from(object) {
            Ok(pool) => self.insert(Arc::new(pool)),
            Err(violations) => {
                let name = ObjectName::new(&object.metadata.name)?;
                self.remove(name.as_str());
                self.entries.insert(name, Entry::Malformed(Arc::new(violations)));
            }
        }
        Ok(())
    }

    /// Takes the pool `name` out.
    pub fn remove(&mut self, name: &str) {
        let Some(Entry::Pool(pool)) = self.entries.remove(name) else { return };
        self.defaults.remove(&(pool.family, pool.name.clone()));
        if let Some(auto) = &pool.auto
            && let Some(names) = self.autos.get_mut(&auto.application)
        {
            names.remove(name);
            if names.is_empty() {
                self.autos.remove(&auto.application);
            }
        }
    }

    /// The pool `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Pool>> {
        match self.entries.get(name)? {
            Entry::Pool(pool) => Some(pool),
            Entry::Malformed(_) => None,
        }
    }

    /// All pools, ascending by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Pool(pool) => Some(pool),
            Entry::Malformed(_) => None,
        })
    }

    /// The pools of `family` that are marked as default, ascending by name.
    pub fn defaults(&self, family: Family) -> impl Iterator<Item = &Arc<Pool>> {
        let of_family = self.defaults.iter().filter(move |(own, _)| *own == family);
        of_family.filter_map(|(_, name)| self.get(name.as_str()))
    }

    /// The pools of `family` whose name matches, ascending by name.
    pub fn matching<'c>(
        &'c self,
        pattern: &'c Pattern,
        family: Family,
    ) -> impl Iterator<Item = &'c Arc<Pool>> {
        let prefix = pattern.literal_prefix();
        let from = self.entries.range::<str, _>((Bound::Included(prefix.as_ref()), Bound::Unbounded));
        let within = from.map(|(_, entry)| entry).filter_map(|entry| match entry {
            Entry::Pool(pool) => Some(pool),
            Entry::Malformed(_) => None,
        });
        let within = within.take_while(move |pool| pool.name.as_str().starts_with(&*prefix));
        within.filter(move |pool| pool.family == family && pattern.matches(pool.name.as_str()))
    }

    /// The pools that were made for `application`, ascending by name.
    pub fn of_application(&self, application: &Application) -> impl Iterator<Item = &Arc<Pool>> {
        let names = self.autos.get(application).into_iter().flatten();
        names.filter_map(|name| self.get(name.as_str()))
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }
}

impl FromIterator<Arc<Pool>> for PoolCatalog {
    fn from_iter<I: IntoIterator<Item = Arc<Pool>>>(pools: I) -> Self {
        let mut catalog = Self::new();
        pools.into_iter().for_each(|pool| catalog.insert(pool));
        catalog
    }
}
