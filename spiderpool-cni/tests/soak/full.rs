//! A disk that fills up at random moments under load.

use crate::load;
use crate::settings;
use crate::support::Node;
use crate::tiny::{Tiny, skipped};
use std::fs;
use std::time::Duration;

#[test]
fn what_clients_saw_while_the_disk_filled_up_can_be_true() {
    let rounds = settings::times("SPIDERPOOL_SOAK_FULL_DISKS", 3);
    let mut dice = settings::dice("full disks");
    let node = Node::new();
    let Some(tiny) = Tiny::mount(node.path("db"), "8m") else { return skipped("soak::full") };
    let mut agent = node.start();
    load::apply(&node);
    for round in 1..=rounds {
        let (alive, checked) = load::run(&node, agent, &mut dice, |agent, answers, dice| {
            answers.wait_for(1 + dice.below(200));
            let ballast = tiny.fill();
            // Until it fails, or for as long as what was set aside lasts.
            std::thread::sleep(Duration::from_millis(20 + dice.below(100)));
            agent.killed();
            fs::remove_file(ballast).unwrap();
            let agent = node.start();
            answers.wait_for(20);
            agent
        });
        agent = alive;
        println!(
            "full disks: {round} of {rounds}: {} calls answered, {} without an answer",
            checked.answered, checked.lost
        );
    }
    agent.stopped();
}
