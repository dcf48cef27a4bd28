//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! `lab` builds the programs and runs the lab, `sim` runs the simulation, `soak` the crash tests, `testbed` starts real
//! servers, `crds`, `monitoring` and `chart` write what is generated of the chart, `images` builds the container
//! images, `book` the documentation, `test` runs every check, `instructions` compares instruction
//! counts with the committed baseline. Plain std, and no dependency but the test bed, which is plain std too: the command
//! starts at once, also on a cold machine.
//!
//! [`args`] reads the command line, [`process`] runs programs, [`packages`] and [`tools`] install what is missing,
//! [`workspace`] knows the folders; [`lab`], [`sim`], [`soak`], [`testbed`], [`chart`], [`images`], [`book`], [`mod@test`] and [`instructions`]
//! are the commands.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its terminal"
)]

mod args;
mod book;
mod chart;
mod images;
mod instructions;
mod lab;
mod packages;
mod problem;
mod process;
mod sim;
mod soak;
mod test;
mod testbed;
mod tools;
mod workspace;

use std::process::ExitCode;

use args::Command;
use problem::Problem;
use workspace::Workspace;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("xtask: {message}\nTry 'cargo xtask --help'.");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Problem> {
    match command {
        Command::Help => {
            print!("{}", args::HELP);
            Ok(ExitCode::SUCCESS)
        }
        Command::ListChecks => {
            test::list();
            Ok(ExitCode::SUCCESS)
        }
        Command::Lab(lab_args) => lab::run(&Workspace::find()?, &lab_args),
        Command::Book => book::run(&Workspace::find()?),
        Command::Chart(what) => chart::run(&Workspace::find()?, what),
        Command::Images(profile) => images::run(&Workspace::find()?, profile),
        Command::Sim(sim_args) => sim::run(&Workspace::find()?, &sim_args),
        Command::Soak(soak) => {
            soak::run(&Workspace::find()?, soak)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Testbed(action) => {
            print!("{}", testbed::run(&Workspace::find()?, action)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(selection) => test::run(&Workspace::find()?, &selection),
        Command::Instructions(action) => {
            let report = instructions::run(&Workspace::find()?, action)?;
            println!("{report}");
            Ok(ExitCode::SUCCESS)
        }
    }
}
