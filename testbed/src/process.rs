//! Servers as processes: with a log, and an end that nobody has to think of.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
};

use crate::{Lasting, Problem};

/// How long a server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// As long as its guard, and no longer than this process, even if that is killed.
    Guarded,
    /// Until somebody ends it.
    Lasting,
}

/// A server.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    life: Life,
}

impl Process {
    /// Starts `program`; what it says goes to the end of the file `log`.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        args: &[OsString],
        log: &Path,
        life: Life,
    ) -> Result<Self, Problem> {
        let failed = || Problem::system(format!("cannot start {name}"));
        let file = File::options().append(true).create(true).open(log).map_err(failed())?;
        let mut command = match life {
            Life::Guarded => {
                let mut command = Command::new("setpriv");
                command.args(["--pdeathsig", "KILL", "--"]).arg(program);
                command
            }
            Life::Lasting => Command::new(program),
        };
        command.args(args).stdin(Stdio::null()).stderr(file.try_clone().map_err(failed())?).stdout(file);
        // Ctrl-C in a terminal is for whoever has the guard.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = match life {
            Life::Guarded => spawn(command),
            Life::Lasting => command.spawn(),
        };
        match child {
            Ok(child) => {
                if life == Life::Lasting {
                    Lasting::note(name, child.id(), log).map_err(failed())?;
                }
                Ok(Self { name, child, log: log.to_owned(), life })
            }
            Err(error) if life == Life::Guarded && error.kind() == io::ErrorKind::NotFound => {
                let remedy = "sudo apt-get install util-linux".to_owned();
                Err(Problem::Missing { what: "setpriv".to_owned(), remedy })
            }
            Err(error) => Err(failed()(error)),
        }
    }

    /// The program's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The process' number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file with what it says.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// A problem if it has ended, with its last words.
    pub(crate) fn must_run(&mut self) -> Result<(), Problem> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                Err(Problem::failed(format!("{} ended ({status}):\n{}", self.name, self.last_words())))
            }
            Err(error) => Err(Problem::system(self.name)(error)),
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Ends it as `kill -9` does, and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it in the middle of whatever it does; it keeps its connections.
    ///
    /// # Errors
    /// It is not there.
    pub fn pause(&self) -> Result<(), Problem> {
        self.signal("STOP")
    }

    /// Lets it go on after [`Process::pause`].
    ///
    /// # Errors
    /// It is not there.
    pub fn resume(&self) -> Result<(), Problem> {
        self.signal("CONT")
    }

    fn signal(&self, signal: &str) -> Result<(), Problem> {
        // Built into every shell, and the child was not waited for yet: the number is still its own.
        let script = format!("kill -{signal} {}", self.pid());
        let status = Command::new("sh").args(["-c", &script]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Problem::failed(format!("{script}: {status}"))),
            Err(error) => Err(Problem::system(script)(error)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.life == Life::Guarded {
            self.kill();
        }
    }
}

/// What a program says that has to succeed.
pub(crate) fn said(command: &mut Command) -> Result<String, Problem> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(Problem::system(&shown))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(Problem::failed(format!("{shown}: {}: {}", output.status, words.trim_end())))
        }
    }
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts `command` from a thread that lives as long as this process: the kernel takes the thread for the parent whose
/// death the child follows, and threads of tests and runtimes come and go.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                // Whoever asked waits.
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });
    let gone = || io::Error::other("the thread that starts servers has ended");
    let (reply, answer) = mpsc::channel();
    spawner.send((command, reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}
