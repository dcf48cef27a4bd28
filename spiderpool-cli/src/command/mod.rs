//! The commands. Each takes a session and its arguments and gives an answer; none prints.

mod apply;
mod delete;
mod describe;
mod explain;
mod fsck;
mod get;
mod ip;
mod migrate;
mod outcome;
#[cfg(test)]
mod tests;
mod transfer;

pub(crate) use apply::apply_all;
pub(crate) use explain::explain_pod;
pub(crate) use ip::{address_sheet, inspect_failure};
pub(crate) use outcome::admin_failure;

use crate::{
    answer::Answer,
    args::{Command, Format, MigrateCommand},
    failure::Failure,
    session::Session,
};

/// Runs `command`. The lab is no command of this kind: it brings its own store.
pub(crate) async fn run(session: &Session, command: &Command, format: Format) -> Result<Answer, Failure> {
    match command {
        Command::Apply(args) => apply::apply(session, args, format).await,
        Command::Get(args) => get::get(session, args, format).await,
        Command::Describe(args) => describe::describe(session, args, format).await,
        Command::Delete(args) => delete::delete(session, args, format).await,
        Command::Ip(args) => ip::ip(session, args, format).await,
        Command::Explain(args) => explain::explain(session, args, format).await,
        Command::Fsck(args) => fsck::fsck(session, args, format).await,
        Command::Export(args) => transfer::export(session, args).await,
        Command::Import(args) => transfer::import(session, args, format).await,
        Command::Migrate(MigrateCommand::Upstream(args)) => migrate::upstream(session, args, format).await,
        Command::Lab(_) => Err(Failure::usage("the lab brings its own store")),
    }
}
