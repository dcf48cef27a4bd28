//! What `spiderpool-agent --help` and `spiderpool-controller --help` print: `docs/reference` shows these snapshots.

use clap::{Command, CommandFactory as _};

/// The help of a program and of its commands, as it is where no variable is set. Commands take the program's flags too, which their help
/// repeats: not here.
fn help(program: Command) -> String {
    let mut program = program.term_width(100);
    program.build();
    let mut text = of(program.clone());
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        let own = command.clone().mut_args(|argument| {
            let everywhere = argument.is_global_set();
            argument.hide(everywhere)
        });
        text += &of(own);
    }
    text
}

fn of(command: Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut command = command.mut_args(|argument| argument.hide_env_values(true));
    format!("$ {name} --help\n{}\n", command.render_long_help())
}

#[test]
fn help_of_the_agent() {
    insta::assert_snapshot!("agent", help(spiderpool_cni::agent::Settings::command()));
}

#[test]
fn help_of_the_controller() {
    insta::assert_snapshot!("controller", help(spiderpool_operator::process::Settings::command()));
}

/// Each setting can be given as a variable too.
#[test]
fn every_flag_has_a_variable() {
    for program in
        [spiderpool_cni::agent::Settings::command(), spiderpool_operator::process::Settings::command()]
    {
        program.clone().debug_assert();
        for flag in program.get_arguments() {
            assert!(flag.get_env().is_some() && flag.get_long().is_some(), "{}", flag.get_id());
        }
    }
}
