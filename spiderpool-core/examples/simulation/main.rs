//! Runs simulations.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for the terminal")]

fn main() {
    let arg = |n| std::env::args().nth(n).and_then(|a| a.parse::<u64>().ok());
    let (from, n) = (arg(1).unwrap_or(0), arg(2).unwrap_or(1));
    let trace = std::env::args().any(|a| a == "--trace");
    let start = std::time::Instant::now();
    let (mut ops, mut req, mut steps) = (0, 0, 0);
    let mut cov = spiderpool_core::simulation::Coverage::default();
    for seed in from..from + n {
        let r = spiderpool_core::simulation::run(
            seed,
            &spiderpool_core::simulation::Settings { trace, ..Default::default() },
        );
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
