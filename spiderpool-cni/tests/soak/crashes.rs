//! kill -9 at random moments under load.

use crate::dice::Dice;
use crate::load::{self, ADDRESSES, Answers};
use crate::settings;
use crate::support::{AgentProcess, Node};
use spiderpool_core::history::Checked;
use std::time::Duration;

/// Deaths between two looks at the history.
const A_ROUND: u64 = 25;

/// Kills it somewhere in the next answers, or a moment later, or while it starts.
fn kill(node: &Node, agent: AgentProcess, answers: &Answers, dice: &mut Dice) -> AgentProcess {
    answers.wait_for(1 + dice.below(120));
    // Chooses the moment, within some requests' time. Nothing waits for it.
    std::thread::sleep(Duration::from_micros(dice.below(3000)));
    agent.killed();
    if dice.one_in(4) {
        let mut early = node.command().spawn().unwrap();
        std::thread::sleep(Duration::from_micros(dice.below(30_000)));
        early.kill().unwrap();
        early.wait().unwrap();
    }
    node.start()
}

#[test]
fn what_clients_saw_of_an_agent_that_was_killed_again_and_again_can_be_true() {
    let crashes = settings::times("SPIDERPOOL_SOAK_CRASHES", 12);
    if crashes == 0 {
        return println!("crashes: none are asked for");
    }
    let mut dice = settings::dice("crashes");
    let node = Node::new();
    let mut agent = node.start();
    load::apply(&node);
    let mut all = Checked::default();
    let mut survived = 0;
    while survived < crashes {
        let now = A_ROUND.min(crashes - survived);
        let (alive, checked) = load::run(&node, agent, &mut dice, |agent, answers, dice| {
            (0..now).fold(agent, |agent, _| kill(&node, agent, answers, dice))
        });
        agent = alive;
        survived += now;
        all.answered += checked.answered;
        all.lost += checked.lost;
        all.refusals += checked.refusals;
        all.widest = all.widest.max(checked.widest);
        println!(
            "crashes: {survived} of {crashes}: {} calls answered, {} of them refusals, {} without an answer, \
             at most {} possible pasts of an address",
            all.answered, all.refusals, all.lost, all.widest
        );
    }
    assert!(all.refusals > 0, "the pool was never full");
    assert!(all.lost > 0, "no call was in flight at any death");
    for n in 0..ADDRESSES {
        assert!(node.plugin("ADD", &format!("last-{n}"), None).success, "an address is lost");
    }
    assert_eq!(node.plugin("ADD", "one-more", None).answer["code"], 100);
    agent.stopped();
}
