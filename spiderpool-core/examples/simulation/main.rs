//! Runs simulations from the command line; `cargo xtask sim` builds it and hands its arguments over.
//!
//! What it shows is also how an embedder runs the simulation: [`run`] takes a seed and gives a report.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its terminal"
)]

mod args;
mod progress;

use std::process::ExitCode;

use args::{Args, Work};
use progress::{Progress, Stopwatch};
use spiderpool_core::{
    mutation::Mutation,
    simulation::{Report, Settings, run, shortest},
};

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("sim: {message}\nTry 'cargo xtask sim --help'.");
            return ExitCode::from(2);
        }
    };
    match args.work {
        Work::Help => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Work::Seed(seed) => replay(&args, seed),
        Work::Seeds(count) => many(&args, Until::Seeds(count)),
        Work::Minutes(minutes) => many(&args, Until::Seconds(minutes * 60)),
    }
}

#[derive(Clone, Copy)]
enum Until {
    Seeds(u64),
    Seconds(u64),
}

/// The run of `seed`, with a rule taken away where the arguments say so.
fn under(mutation: Option<Mutation>, seed: u64, settings: &Settings) -> Report {
    match mutation {
        None => run(seed, settings),
        Some(mutation) => mutation.during(|| run(seed, settings)),
    }
}

fn replay(args: &Args, seed: u64) -> ExitCode {
    let settings = Settings { trace: args.trace, cut: args.cut };
    let report = under(args.mutation, seed, &settings);
    for line in &report.trace {
        println!("{line}");
    }
    println!(
        "seed {seed}: {} steps, {} requests, {} store operations, {} writes, {} virtual seconds",
        report.steps, report.requests, report.store_operations, report.writes, report.seconds
    );
    println!("digest {}", report.digest);
    match &report.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("VIOLATION of {violation}");
            ExitCode::FAILURE
        }
    }
}

fn many(args: &Args, until: Until) -> ExitCode {
    let watch = Stopwatch::start();
    let mut progress = Progress::new(watch);
    let mut seed = args.from;
    loop {
        let over = match until {
            Until::Seeds(count) => seed - args.from >= count,
            Until::Seconds(seconds) => watch.seconds() >= seconds,
        };
        if over {
            break;
        }
        let report = under(args.mutation, seed, &Settings::default());
        if report.violation.is_some() {
            return failed(args, report);
        }
        progress.add(&report);
        seed += 1;
    }
    progress.summary();
    // A few seeds cannot meet everything; minutes must.
    let missing = progress.missing();
    if missing.is_empty() || matches!(until, Until::Seeds(_)) {
        return ExitCode::SUCCESS;
    }
    println!("FAILED: never taken, so this simulation says nothing about it:\n  {}", missing.join("\n  "));
    ExitCode::FAILURE
}

fn failed(args: &Args, report: Report) -> ExitCode {
    let seed = report.seed;
    println!(
        "seed {seed}: VIOLATION of {}",
        report.violation.iter().map(ToString::to_string).collect::<String>()
    );
    let shorter = || shortest(report, &Settings::default());
    let (settings, short) = match args.mutation {
        None => shorter(),
        Some(mutation) => mutation.during(shorter),
    };
    let cut = settings.cut.map_or(String::new(), |cut| format!(" --cut {cut}"));
    let mutation = args.mutation.map_or(String::new(), |mutation| format!(" --mutation {mutation:?}"));
    println!(
        "shortest prefix found: {} steps: {}",
        short.steps,
        short.violation.iter().map(ToString::to_string).collect::<String>()
    );
    println!("replay it with: cargo xtask sim --seed {seed}{cut}{mutation} --trace");
    ExitCode::FAILURE
}
