//! The order of a release that may find no agent (design, rule 6), as a machine without input and output.
//!
//! What it hears is the outcome of its last step. The plugin drives it with a socket and a directory, the tests with
//! every interleaving of an agent that starts and dies.

/// What is to be done next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Ask the agent to release. → [`Heard::Released`], [`Heard::Refused`] or [`Heard::Unanswered`]
    Ask,
    /// Write the entry. → [`Heard::Noted`] or [`Heard::NotNoted`]
    Note,
    /// Remove the entry; it does not matter whether that works. → anything
    Forget,
    /// Answer the runtime.
    Answer(Answer),
}

/// How the release ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// An agent confirmed it.
    Released,
    /// Noted for an agent to come: success too.
    Noted,
    /// An agent is there and could not: the runtime must come again.
    Refused,
    /// No agent, and no room for the entry: the runtime must come again.
    NotNoted,
}

/// The outcome of a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Heard {
    /// Nothing yet.
    Start,
    /// The agent confirmed, or knows nothing of it.
    Released,
    /// The agent answered that it could not.
    Refused,
    /// Nothing that could be called an answer came; it may have been done.
    Unanswered,
    /// The entry is written.
    Noted,
    /// The entry could not be written.
    NotNoted,
}

/// A release under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Releasing {
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
enum Stage {
    #[default]
    Begun,
    Asked,
    Noting,
    /// Asked once more, after the entry was written or could not be.
    AskedAgain(Answer),
    Forgetting,
}

impl Releasing {
    /// The next step, after the outcome of the last one.
    pub fn next(&mut self, heard: Heard) -> Step {
        let (stage, step) = match (self.stage, heard) {
            (Stage::Begun, _) => (Stage::Asked, Step::Ask),
            (Stage::Asked, Heard::Released) => (self.stage, Step::Answer(Answer::Released)),
            (Stage::Asked, Heard::Refused) => (self.stage, Step::Answer(Answer::Refused)),
            (Stage::Asked, _) => (Stage::Noting, Step::Note),
            // An agent that began in between has read the directory already: it has to hear of this one.
            (Stage::Noting, Heard::Noted) => (Stage::AskedAgain(Answer::Noted), Step::Ask),
            (Stage::Noting, _) => (Stage::AskedAgain(Answer::NotNoted), Step::Ask),
            // An entry left behind is only replayed once more, and finds nothing to release.
            (Stage::AskedAgain(_), Heard::Released) => (Stage::Forgetting, Step::Forget),
            (Stage::AskedAgain(_), Heard::Refused) => (self.stage, Step::Answer(Answer::Refused)),
            (Stage::AskedAgain(answer), _) => (self.stage, Step::Answer(answer)),
            (Stage::Forgetting, _) => (self.stage, Step::Answer(Answer::Released)),
        };
        self.stage = stage;
        step
    }
}
