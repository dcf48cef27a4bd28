//! Running programs: with a limit of time, stoppable, and with errors that show what the program said.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::stop::Stop;

/// A program to run, to its end.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    input: Vec<u8>,
    network: Option<PathBuf>,
    limit: Duration,
}

impl Job {
    /// `program` without arguments, input or network of its own, and ten seconds to end.
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            input: Vec::new(),
            network: None,
            limit: Duration::from_secs(10),
        }
    }

    /// More arguments.
    pub(crate) fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// One more environment variable.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// What it reads on standard input.
    pub(crate) fn input(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    /// Runs in this network namespace. `nsenter` and not `ip netns exec`: the latter also remounts /sys.
    pub(crate) fn in_network(mut self, namespace: &Path) -> Self {
        self.network = Some(namespace.to_owned());
        self
    }

    /// How long it may take.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn command(&self) -> Command {
        let mut command = match &self.network {
            None => Command::new(&self.program),
            Some(namespace) => {
                let mut command = Command::new("nsenter");
                let mut flag = OsString::from("--net=");
                flag.push(namespace);
                command.arg(flag).arg("--").arg(&self.program);
                command
            }
        };
        // A group of its own: Ctrl-C in a terminal reaches the lab alone, which then ends things in order.
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value))).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

impl fmt::Display for Job {
    /// As one would type it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        for arg in &self.args {
            write!(f, " {}", arg.to_string_lossy())?;
        }
        Ok(())
    }
}

/// What a program left.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: Vec<u8>,
}

impl Output {
    /// The last lines of what it said, whichever way it said it.
    pub(crate) fn words(&self) -> String {
        let said =
            if self.stderr.iter().any(|b| !b.is_ascii_whitespace()) { &self.stderr } else { &self.stdout };
        let said = String::from_utf8_lossy(said);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(4)..].join("; ")
    }
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// It could not be started.
    #[error("{program} cannot be started (Debian package {})", package_of(.program))]
    Start { program: String, source: io::Error },
    /// It was started and its pipes broke.
    #[error("{job} broke off")]
    Pipe { job: String, source: io::Error },
    /// It took too long and was killed.
    #[error("{job} took longer than {} s and was killed", .limit.as_secs())]
    TooLong { job: String, limit: Duration },
    /// It ended badly.
    #[error("{job} failed ({status}): {words}")]
    Failed { job: String, status: ExitStatus, words: String },
    /// The lab was told to stop.
    #[error("interrupted")]
    Interrupted,
}

/// The Debian package of a program that the lab starts.
fn package_of(program: &str) -> &'static str {
    match program.rsplit('/').next().unwrap_or(program) {
        "ip" => "iproute2",
        "ping" => "iputils-ping",
        "nsenter" => "util-linux",
        _ => "containernetworking-plugins",
    }
}

/// Runs programs until told to stop.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    stop: Stop,
}

impl Runner {
    /// A runner that `stop` stops.
    pub(crate) fn new(stop: Stop) -> Self {
        Self { stop }
    }

    /// What stops it.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Runs `job` to its end, whatever that is. A job that is stopped or takes too long is killed, with the programs
    /// that it has started, and waited for.
    pub(crate) async fn run(&self, job: &Job) -> Result<Output, RunError> {
        if self.stop.is_set() {
            return Err(RunError::Interrupted);
        }
        let program = || job.program.display().to_string();
        let mut child =
            job.command().spawn().map_err(|source| RunError::Start { program: program(), source })?;
        let pipe = |source| RunError::Pipe { job: job.to_string(), source };
        let mut stdin = child.stdin.take();
        let mut stdout = child.stdout.take();
        let mut stderr = child.stderr.take();
        let talk = async {
            let write = async {
                if let Some(mut stdin) = stdin.take() {
                    // A program that does not read its input closes the pipe: that is its own business.
                    let _ = stdin.write_all(&job.input).await;
                }
                io::Result::Ok(())
            };
            let ((), out, err) = tokio::try_join!(write, read(stdout.as_mut()), read(stderr.as_mut()))?;
            let status = child.wait().await?;
            io::Result::Ok(Output { status, stdout: out, stderr: err })
        };
        let broken = tokio::select! {
            output = talk => return output.map_err(pipe),
            () = tokio::time::sleep(job.limit) => RunError::TooLong { job: job.to_string(), limit: job.limit },
            () = self.stop.wait() => RunError::Interrupted,
        };
        // The whole group: a main plugin that is killed alone leaves its IPAM plugin waiting.
        if let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()) {
            // It may have ended this very moment.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        child.wait().await.map_err(pipe)?;
        Err(broken)
    }

    /// Runs `job` and takes any bad end for an error.
    pub(crate) async fn succeed(&self, job: &Job) -> Result<Output, RunError> {
        let output = self.run(job).await?;
        if output.status.success() {
            return Ok(output);
        }
        Err(RunError::Failed { job: job.to_string(), status: output.status, words: output.words() })
    }
}

async fn read(pipe: Option<&mut (impl tokio::io::AsyncRead + Unpin)>) -> io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Job {
        Job::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn output_input_and_environment_go_through() {
        let job = sh("cat; echo $WORD >&2").input(vec![b'x'; 200_000]).env("WORD", "said");
        let output = Runner::new(Stop::never()).succeed(&job).await.unwrap();
        assert_eq!((output.stdout.len(), output.stderr.as_slice()), (200_000, b"said\n".as_slice()));
    }

    #[tokio::test]
    async fn a_bad_end_tells_the_command_and_its_words() {
        let error =
            Runner::new(Stop::never()).succeed(&sh("echo no such link >&2; exit 3")).await.unwrap_err();
        insta::assert_snapshot!(error, @"sh -c echo no such link >&2; exit 3 failed (exit status: 3): no such link");
        let error = Runner::new(Stop::never()).succeed(&Job::new("/nowhere/ip")).await.unwrap_err();
        insta::assert_snapshot!(error, @"/nowhere/ip cannot be started (Debian package iproute2)");
    }

    #[tokio::test]
    async fn a_job_that_takes_too_long_is_killed() {
        let job = sh("exec sleep 1000").limit(Duration::from_millis(20));
        let error = Runner::new(Stop::never()).run(&job).await.unwrap_err();
        assert!(matches!(error, RunError::TooLong { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_job_that_is_stopped_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("pid");
        let job = sh(&format!("sleep 1000 & echo $! > {0}.part; mv {0}.part {0}; wait", told.display()));
        let (tell, stop) = Stop::by_hand();
        let runner = Runner::new(stop);
        let (result, ()) = tokio::join!(runner.run(&job), async {
            while !told.exists() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            tell.send_replace(true);
        });
        assert!(matches!(result, Err(RunError::Interrupted)));
        assert!(matches!(runner.run(&job).await, Err(RunError::Interrupted)), "nothing is begun any more");
        let pid = std::fs::read_to_string(told).unwrap();
        let line = format!("/proc/{}/cmdline", pid.trim());
        // It was told to die, and does as soon as it is scheduled; a zombie has no command line any more.
        let gone = async {
            while std::fs::read(&line).is_ok_and(|line| !line.is_empty()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), gone).await.expect("what it started still runs");
    }
}
