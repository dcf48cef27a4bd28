//! Runs simulations.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for the terminal")]

use spiderpool_core::{
    mutation::Mutation,
    simulation::{Coverage, Settings, run},
};

fn main() {
    let arg = |n| std::env::args().nth(n).and_then(|a| a.parse::<u64>().ok());
    let (from, n) = (arg(1).unwrap_or(0), arg(2).unwrap_or(1));
    let trace = std::env::args().any(|a| a == "--trace");
    if std::env::args().any(|a| a == "--mutations") {
        let mut missing = 0;
        for m in Mutation::ALL {
            let start = std::time::Instant::now();
            let found = m.during(|| {
                (from..from + n).find_map(|seed| Some((seed, run(seed, &Settings::default()).violation?)))
            });
            match found {
                Some((seed, v)) => println!(
                    "{m:?}: seed {seed} {:?}: {}",
                    start.elapsed(),
                    v.to_string().chars().take(150).collect::<String>()
                ),
                None => {
                    missing += 1;
                    println!("{m:?}: NOT FOUND {:?}", start.elapsed())
                }
            }
        }
        println!("{missing} missing");
        return;
    }
    let start = std::time::Instant::now();
    let (mut ops, mut req, mut steps) = (0, 0, 0);
    let mut cov = Coverage::default();
    for seed in from..from + n {
        let only =
            std::env::args().find_map(|a| Some(*Mutation::ALL.iter().find(|m| format!("{m:?}") == a)?));
        let settings = Settings { trace, ..Default::default() };
        let r = match only {
            Some(m) => m.during(|| run(seed, &settings)),
            None => run(seed, &settings),
        };
        if trace {
            for l in &r.trace {
                println!("{l}");
            }
        }
        ops += r.store_operations;
        req += r.requests;
        steps += r.steps;
        cov.add(&r.coverage);
        if n < 30 || r.violation.is_some() {
            println!(
                "seed {seed} steps {} ops {} req {} secs {} digest {} {:?}",
                r.steps,
                r.store_operations,
                r.requests,
                r.seconds,
                r.digest,
                r.violation.as_ref().map(|v| v.to_string())
            );
        }
    }
    if !trace {
        for (name, count) in cov.all() {
            println!("{count:>10} {name}");
        }
    }
    println!("{ops} ops {req} requests {steps} steps in {:?}", start.elapsed());
}
