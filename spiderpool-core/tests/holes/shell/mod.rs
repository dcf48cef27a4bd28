//! The same for the whole allocator: not one machine after the other, but everything that an agent keeps between
//! them, its turns, its index, its cache and its group commit, under every schedule of its requests.
//!
//! The allocator's futures cannot be cloned, so a state is reached by playing the scene from its beginning. States are
//! told apart by what the store holds and by what happened to each agent, in order. Pauses end only when nobody else
//! can go on.

mod cases;
mod desk;
mod hourglass;
mod scene;
mod stage;

use std::collections::{HashSet, VecDeque};

use spiderpool_core::mutation::Mutation;

pub(crate) use self::{
    hourglass::Hourglass,
    scene::{add_eth0, del},
};
use self::{
    scene::Scene,
    stage::{Event, Stage},
};
use super::explore::{Explored, Violation};

/// What is judged where everybody is done.
type Last = dyn Fn(&Stage) -> Result<(), String>;

fn play(scene: &Scene, script: &[Event]) -> Stage {
    let mut stage = Stage::new(scene);
    script.iter().for_each(|event| stage.happen(event));
    stage
}

/// Explores `scene` completely, breadth first, or until something is wrong.
fn explore(scene: &Scene, last: &Last) -> Explored {
    const LIMIT: usize = 400_000;
    let start = Stage::new(scene);
    let mut seen = HashSet::from([start.fingerprint()]);
    let mut queue = VecDeque::from([(Vec::new(), start.events())]);
    let mut steps = 0;
    while let Some((script, events)) = queue.pop_front() {
        for event in events {
            let mut script: Vec<Event> = script.clone();
            script.push(event);
            let stage = play(scene, &script);
            steps += 1;
            if !seen.insert(stage.fingerprint()) {
                continue;
            }
            let judged = stage.check().and_then(|()| if stage.idle() { last(&stage) } else { Ok(()) });
            if let Err(what) = judged {
                let trace = trace(scene, &script);
                return Explored { states: seen.len(), steps, violation: Some(Violation { what, trace }) };
            }
            let events = stage.events();
            assert!(stage.idle() || !events.is_empty(), "nobody can go on:\n{}", trace(scene, &script));
            queue.push_back((script, events));
        }
        assert!(seen.len() <= LIMIT, "more than {LIMIT} states: make the scene smaller");
    }
    Explored { states: seen.len(), steps, violation: None }
}

fn trace(scene: &Scene, script: &[Event]) -> String {
    let mut stage = Stage::new(scene);
    let mut text = String::new();
    for event in script {
        text.push_str(&format!("  {}\n", stage.tell(event)));
        stage.happen(event);
    }
    text
}

/// A scene that the code as it stands survives under every schedule, and mutants that do not.
struct Case {
    hole: &'static str,
    name: &'static str,
    scene: Scene,
    last: Box<Last>,
}

impl Case {
    fn new(hole: &'static str, name: &'static str, scene: Scene) -> Self {
        Self { hole, name, scene, last: Box::new(|_| Ok(())) }
    }

    fn at_the_end(mut self, last: impl Fn(&Stage) -> Result<(), String> + 'static) -> Self {
        self.last = Box::new(last);
        self
    }

    fn survives(self) -> Self {
        let Explored { states, steps, violation } = explore(&self.scene, &self.last);
        if let Some(violation) = violation {
            panic!("{} {}: {}\n{}", self.hole, self.name, violation.what, violation.trace);
        }
        println!("| {} | allocator: {} | {states} | {steps} | | | |", self.hole, self.name);
        self
    }

    fn falls_to(self, mutation: Mutation) -> Self {
        let Explored { states, violation, .. } = mutation.during(|| explore(&self.scene, &self.last));
        let Some(Violation { what, trace }) = violation else {
            panic!("{} {}: {mutation:?} is not found in {states} states", self.hole, self.name);
        };
        println!(
            "| {} | allocator: {} | | | {mutation:?} | {states} | {what} |\n{trace}",
            self.hole, self.name
        );
        self
    }
}
