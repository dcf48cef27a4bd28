//! sled, with its panics and its silence turned into errors.

use std::{
    any::Any,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

/// Below this the page cache only holds what is being written: the documents stand decoded in memory already.
const CACHE_BYTES: u64 = 8 << 20;

/// How often and how long to wait for sled's own lock: a database that this process just closed is released by
/// another thread a moment later. Our own lock is held already, so nobody else has it open.
const TRIES: u32 = 200;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The points at which a test lets the disk fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Point {
    /// Nothing of the batch is in the log.
    Apply,
    /// It is in the log.
    Flush,
    /// It is on the disk, and nobody knows yet.
    Acknowledge,
}

type Check = Arc<dyn Fn(Point) -> Result<(), Failure> + Send + Sync>;

/// Why sled did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The operating system refused; the files may be whole.
    #[error("{0}")]
    System(io::Error),
    /// The files are not a whole database.
    #[error("{0}")]
    Broken(String),
}

impl From<sled::Error> for Failure {
    fn from(error: sled::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match error {
            sled::Error::Io(error)
                if matches!(
                    error.kind(),
                    PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
                ) || error.to_string().contains(LOCKED) =>
            {
                Self::System(error)
            }
            other => Self::Broken(other.to_string()),
        }
    }
}

/// How sled words that its lock is taken; the error's kind does not tell.
const LOCKED: &str = "could not acquire lock";

/// `work`, with a panic turned into an error: sled 0.34 panics on some damage.
fn guarded<T>(work: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(answer) => answer.map_err(Failure::from),
        Err(panic) => Err(Failure::Broken(message(&*panic))),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("for no stated reason");
    format!("sled gave up: {text}")
}

/// The database.
pub(crate) struct Engine {
    db: sled::Db,
    check: Option<Check>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let open = || {
            let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES);
            // Every batch is flushed before it is acknowledged; nothing is left for a timer.
            config.mode(sled::Mode::HighThroughput).flush_every_ms(None).open()
        };
        let mut opened = guarded(open);
        for _ in 1..TRIES {
            match &opened {
                Err(Failure::System(error)) if error.to_string().contains(LOCKED) => {
                    thread::park_timeout(BETWEEN_TRIES);
                    opened = guarded(open);
                }
                _ => break,
            }
        }
        Ok(Self { db: opened?, check: None })
    }

    /// Lets `check` decide at each point whether the disk fails there.
    #[cfg(test)]
    pub(crate) fn failing(
        mut self,
        check: impl Fn(Point) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        self.check = Some(Arc::new(check));
        self
    }

    fn pass(&self, point: Point) -> Result<(), Failure> {
        self.check.as_ref().map_or(Ok(()), |check| check(point))
    }

    /// Writes `batch`, all of it or nothing, and returns once it is on the disk. After an error nobody knows what is.
    pub(crate) fn commit(&self, batch: sled::Batch) -> Result<(), Failure> {
        self.pass(Point::Apply)?;
        guarded(|| self.db.apply_batch(batch))?;
        self.pass(Point::Flush)?;
        guarded(|| self.db.flush())?;
        self.pass(Point::Acknowledge)
    }

    /// Closes the database; sled flushes once more, and may give up over it.
    pub(crate) fn close(self) {
        let closed = guarded(|| {
            drop(self.db);
            Ok(())
        });
        if let Err(failure) = closed {
            tracing::error!("{failure}");
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, Failure> {
        guarded(|| self.db.get(key))
    }

    pub(crate) fn is_empty(&self) -> Result<bool, Failure> {
        guarded(|| Ok(self.db.is_empty()))
    }

    /// Shows every key with its value to `see`, in order, up to the first error.
    pub(crate) fn each(&self, mut see: impl FnMut(&[u8], &[u8])) -> Result<(), Failure> {
        guarded(|| {
            for entry in self.db.iter() {
                let (key, value) = entry?;
                see(&key, &value);
            }
            Ok(())
        })
    }
}
