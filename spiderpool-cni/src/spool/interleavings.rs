//! Hole H24: every interleaving of a DEL with an agent that starts, serves and dies, through the plugin's own machine.
//! What the order of its steps is good for is shown by two that have another one.

use super::release::{Answer, Heard, Releasing, Step};
use std::collections::HashSet;

/// What is taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mutant {
    None,
    /// The plugin believes that there is still no agent when it has written its entry.
    NoSecondTry,
    /// The agent reads the directory before it listens.
    ReadBeforeListening,
    /// The agent drops an entry before its release is confirmed.
    DroppedEarly,
}

/// The agent, as far as a release goes. An agent that listens lets callers wait until it serves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Agent {
    Down,
    /// Only with [`Mutant::ReadBeforeListening`]; whether the entry was there.
    Read(bool),
    Listens,
    /// Whether the entry is to be replayed.
    Serves(bool),
}

/// The plugin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Plugin {
    /// About to do this.
    Before(Step),
    /// Its request is with an agent that listens and does not serve yet.
    Waits,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct World {
    machine: Releasing,
    plugin: Plugin,
    asked: u8,
    agent: Agent,
    /// Deaths that may still happen.
    deaths: u8,
    /// The container's entry is in the directory.
    entry: bool,
    /// The container's address is held.
    held: bool,
}

impl World {
    fn begin() -> Self {
        let mut machine = Releasing::default();
        let plugin = Plugin::Before(machine.next(Heard::Start));
        Self { machine, plugin, asked: 0, agent: Agent::Down, deaths: 2, entry: false, held: true }
    }

    fn heard(mut self, heard: Heard) -> Self {
        self.plugin = Plugin::Before(self.machine.next(heard));
        self
    }

    /// The worlds that one step makes of this one.
    fn next(self, mutant: Mutant) -> Vec<Self> {
        let mut next = Vec::new();
        match self.agent {
            Agent::Down if mutant == Mutant::ReadBeforeListening => {
                next.push(Self { agent: Agent::Read(self.entry), ..self });
            }
            Agent::Down => next.push(Self { agent: Agent::Listens, ..self }),
            Agent::Read(pending) => next.push(Self { agent: Agent::Serves(pending), ..self }),
            Agent::Listens => next.push(Self { agent: Agent::Serves(self.entry), ..self }),
            Agent::Serves(true) if mutant == Mutant::DroppedEarly && self.entry => {
                next.push(Self { entry: false, ..self });
            }
            Agent::Serves(true) => {
                // Released, then forgotten; a death in between leaves the entry.
                next.push(Self { held: false, ..self });
                next.push(Self { held: false, entry: false, agent: Agent::Serves(false), ..self });
            }
            Agent::Serves(false) => {}
        }
        if self.deaths > 0 && self.agent != Agent::Down {
            let dead = Self { agent: Agent::Down, deaths: self.deaths - 1, ..self };
            next.push(if self.plugin == Plugin::Waits { dead.heard(Heard::Unanswered) } else { dead });
        }
        match (self.plugin, self.agent) {
            (Plugin::Before(Step::Ask), _) if mutant == Mutant::NoSecondTry && self.asked > 0 => {
                next.push(self.heard(Heard::Unanswered));
            }
            (Plugin::Before(Step::Ask), agent) => {
                let asked = Self { asked: self.asked + 1, ..self };
                next.push(match agent {
                    Agent::Down | Agent::Read(_) => asked.heard(Heard::Unanswered),
                    Agent::Listens | Agent::Serves(_) => Self { plugin: Plugin::Waits, ..asked },
                });
            }
            (Plugin::Waits, Agent::Serves(_)) => {
                next.push(
                    Self { held: false, entry: false, agent: Agent::Serves(false), ..self }
                        .heard(Heard::Released),
                );
                next.push(self.heard(Heard::Refused));
                if self.deaths > 0 {
                    // It dies when it has done it and before it can say so.
                    let dead = Self { held: false, agent: Agent::Down, deaths: self.deaths - 1, ..self };
                    next.push(dead.heard(Heard::Unanswered));
                }
            }
            (Plugin::Before(Step::Note), _) => {
                next.push(Self { entry: true, ..self }.heard(Heard::Noted));
                next.push(self.heard(Heard::NotNoted));
            }
            (Plugin::Before(Step::Forget), _) => {
                next.push(Self { entry: false, ..self }.heard(Heard::Noted));
                // Or not; then it is found again.
                next.push(self.heard(Heard::NotNoted));
            }
            (Plugin::Waits | Plugin::Before(Step::Answer(_)), _) => {}
        }
        next
    }

    /// Once the runtime was told that it is done, somebody knows of it: the address is free, or an agent that serves is
    /// to replay it, or the next one will.
    fn holds(self) -> bool {
        let done = matches!(self.plugin, Plugin::Before(Step::Answer(Answer::Released | Answer::Noted)));
        !done
            || !self.held
            || match self.agent {
                Agent::Serves(pending) => pending && self.entry,
                Agent::Read(pending) => pending,
                Agent::Down | Agent::Listens => self.entry,
            }
    }
}

/// Goes through all of them; gives their number, or one that does not hold.
fn explore(mutant: Mutant) -> Result<usize, World> {
    let mut seen = HashSet::from([World::begin()]);
    let mut open = vec![World::begin()];
    while let Some(world) = open.pop() {
        if !world.holds() {
            return Err(world);
        }
        open.extend(world.next(mutant).into_iter().filter(|next| seen.insert(*next)));
    }
    Ok(seen.len())
}

#[test]
fn h24_a_release_that_was_answered_is_known_to_somebody() {
    let worlds = explore(Mutant::None).unwrap();
    assert!(worlds > 50, "only {worlds}");
    for mutant in [Mutant::NoSecondTry, Mutant::ReadBeforeListening, Mutant::DroppedEarly] {
        assert!(explore(mutant).is_err(), "{mutant:?} is not found");
    }
}
