//! The command line.

use spiderpool_core::mutation::Mutation;

/// What `cargo xtask sim --help` prints.
pub(crate) const HELP: &str = "\
cargo xtask sim [OPTIONS]: the allocator under seeded faults, its invariants checked after every step

  --minutes M        new seeds for M minutes (the default: 1); a branch that is never taken is a failure
  --seeds N          N seeds
  --from S           the first seed (default: 0)
  --seed S           only this seed; prints its digest
    --trace          and everything that happened
    --cut STEP       with the noise ending at this step
  --mutation NAME    with one rule of the protocol taken away: has to find a violation

EXAMPLES
  cargo xtask sim --minutes 20
  cargo xtask sim --seed 17 --trace | grep 10.0.0.7
  cargo xtask sim --seeds 100 --mutation UnfencedRelease
";

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    Help,
    Seed(u64),
    Seeds(u64),
    Minutes(u64),
}

/// A command line, understood.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) work: Work,
    pub(crate) from: u64,
    pub(crate) trace: bool,
    pub(crate) cut: Option<u64>,
    pub(crate) mutation: Option<Mutation>,
}

/// Reads the arguments. The error is a sentence for the user.
pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut all = Args { work: Work::Minutes(1), from: 0, trace: false, cut: None, mutation: None };
    while let Some(arg) = args.next() {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (arg, None),
        };
        let mut text =
            || inline.clone().or_else(|| args.next()).ok_or_else(|| format!("{flag} needs a value"));
        let number =
            |text: String| text.parse::<u64>().map_err(|_| format!("'{text}' is not a whole number"));
        match flag.as_str() {
            "--help" | "-h" => all.work = Work::Help,
            "--trace" => all.trace = true,
            "--seed" => all.work = Work::Seed(number(text()?)?),
            "--seeds" => all.work = Work::Seeds(number(text()?)?),
            "--minutes" => all.work = Work::Minutes(number(text()?)?),
            "--from" => all.from = number(text()?)?,
            "--cut" => all.cut = Some(number(text()?)?),
            "--mutation" => {
                let name = text()?;
                let found = Mutation::ALL.iter().find(|mutation| format!("{mutation:?}") == name);
                all.mutation = Some(*found.ok_or_else(|| format!("there is no mutation '{name}'"))?);
            }
            other => return Err(format!("there is no option '{other}'")),
        }
    }
    Ok(all)
}
