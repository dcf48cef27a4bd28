//! `spiderpoolctl`: administration of Spiderpool on any store, and the lab.

mod answer;
mod args;
mod command;
#[cfg(feature = "etcd")]
mod etcd;
mod failure;
mod kinds;
#[cfg(feature = "kube")]
mod kube;
mod lab;
mod manifest;
mod output;
mod session;
#[cfg(feature = "sled")]
mod sled;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

use crate::{
    answer::Answer,
    args::{Cli, Command},
    failure::{Exit, Failure},
    session::{Opening, Session},
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let answer = match runtime {
        Ok(runtime) => runtime.block_on(run(&cli)),
        Err(error) => Err(Failure::new(Exit::Refused, "this process cannot be set up").because(error)),
    };
    match answer {
        Ok(answer) => print(&answer),
        Err(failure) => print(&Answer {
            notes: vec![format!("error: {failure}")],
            exit: Some(failure.exit()),
            ..Answer::default()
        }),
    }
}

async fn run(cli: &Cli) -> Result<Answer, Failure> {
    if let Command::Lab(args) = &cli.command {
        return lab::lab(args, cli.output).await;
    }
    let target =
        cli.target.resolve(|name| std::env::var(name).ok(), |path| std::path::Path::new(path).exists())?;
    let opening = match cli.command {
        Command::Import(_) | Command::Migrate(_) => Opening::OrNew,
        _ => Opening::Existing,
    };
    let session = Session::open(&target, opening).await?;
    command::run(&session, &cli.command, cli.output).await
}

/// Writes the answer out. A reader that went away (`| head`) is no failure.
fn print(answer: &Answer) -> ExitCode {
    let mut text = answer.text.clone();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    let mut err = std::io::stderr().lock();
    for note in &answer.notes {
        let _ = writeln!(err, "{note}");
    }
    answer.exit.map_or(ExitCode::SUCCESS, ExitCode::from)
}
