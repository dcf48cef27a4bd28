//! A named case: a world that the code as it stands survives over all interleavings, and mutants that do not.

use spiderpool_core::mutation::Mutation;

use super::{
    explore::{Ends, Explored, Last, Search, explore},
    world::World,
};

/// One world of a hole.
pub(crate) struct Case {
    hole: &'static str,
    name: &'static str,
    world: World,
    last: Box<Last>,
    search: Search,
}

impl Case {
    /// A world whose every state must hold.
    pub(crate) fn new(hole: &'static str, name: &'static str, world: World) -> Self {
        Self {
            hole,
            name,
            world,
            last: Box::new(|_| Ok(())),
            search: Search { limit: 2_000_000, ends: Ends::Last },
        }
    }

    /// A world for a long run, with a good deal of memory.
    pub(crate) fn deep(self) -> Self {
        Self { search: Search { limit: 60_000_000, ..self.search }, ..self }
    }

    /// What must hold besides where nothing is left to do.
    pub(crate) fn at_the_end(mut self, last: impl Fn(&World) -> Result<(), String> + 'static) -> Self {
        self.last = Box::new(last);
        self
    }

    /// Everybody may die in every state, and everything recovers.
    pub(crate) fn recovering_everywhere(self) -> Self {
        Self { search: Search { ends: Ends::Everywhere, ..self.search }, ..self }
    }

    /// The code as it stands survives. Prints a row of a table: hole, world, states, steps.
    pub(crate) fn survives(self) -> Self {
        let Explored { states, steps, violation } = explore(&self.world, &self.last, self.search);
        if let Some(violation) = violation {
            panic!("{} {}: {}\n{}", self.hole, self.name, violation.what, violation.trace);
        }
        println!("| {} | {} | {states} | {steps} | | | |", self.hole, self.name);
        self
    }

    /// Without this rule the exploration finds a violation, and prints it.
    pub(crate) fn falls_to(self, mutation: Mutation) -> Self {
        let Explored { states, violation, .. } =
            mutation.during(|| explore(&self.world, &self.last, self.search));
        let Some(violation) = violation else {
            panic!("{} {}: {mutation:?} is not found in {states} states", self.hole, self.name);
        };
        let (what, trace) = (violation.what, violation.trace);
        println!("| {} | {} | | | {mutation:?} | {states} | {what} |\n{trace}", self.hole, self.name);
        self
    }
}
