//! Auto pools, kept as applications want them.
//!
//! [`AutoPools::run`] listens to applications, pools, Subnets and reservations, and looks at each application that any of
//! them concerns. A look asks for nothing but what is there now, so looks may be lost, repeated or late. What lacks
//! addresses waits for its Subnet to have some; what has too many for one to be released, and is looked at more and more
//! seldom besides, as no status may be kept that tells.

mod look;
mod queue;
mod state;

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    alloc::Allocator,
    autopool::{Carver, Spare},
    model::Families,
    store::Kind,
};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use crate::{
    apps::{AppKind, News},
    notices::{Notice, Notices, Shown},
    objects::ObjectNews,
};
use look::{Look, Outcome};
use queue::Looked;
use state::State;

/// So many applications are looked at at the same time: enough to claim in their Subnets by the same writes.
const AT_ONCE: usize = 32;

/// How auto pools are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AutoPoolConfig {
    /// How many addresses more than replicas where the application does not say.
    pub spare: Spare,
    /// The families that pods get.
    pub families: Families,
}

impl Default for AutoPoolConfig {
    fn default() -> Self {
        Self { spare: Spare::default(), families: Families::Both }
    }
}

/// Where it is counted how often applications were looked at.
pub trait Looks: std::fmt::Debug + Send + Sync {
    /// A look is over.
    fn looked(&self);
    /// It came to nothing and is repeated.
    fn failed(&self);
}

/// Nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotCounted;

impl Looks for NotCounted {
    fn looked(&self) {}
    fn failed(&self) {}
}

/// The reconciler of auto pools.
#[derive(Debug)]
pub struct AutoPools {
    look: Arc<Look>,
    looks: Arc<dyn Looks>,
    state: State,
}

impl AutoPools {
    /// A reconciler on the store of `allocator`. At most one at a time should run on a store: two do no harm, but
    /// twice the work.
    #[must_use]
    pub fn new(
        allocator: Allocator,
        notices: Arc<dyn Notices>,
        looks: Arc<dyn Looks>,
        config: AutoPoolConfig,
    ) -> Self {
        let look = Look { allocator, notices, config, carver: Carver::default(), shown: Shown::default() };
        Self { look: Arc::new(look), looks, state: State::default() }
    }

    /// The kinds of objects that it hears of.
    pub const KINDS: &'static [Kind] = &[Kind::Pool, Kind::Subnet, Kind::Reservation];

    /// Keeps pools as `news` has applications, until nobody tells news any more; `objects` are those of
    /// [`AutoPools::KINDS`]. Kinds of applications that have pools and of which no news came are told to `unknown`: their
    /// source may begin to follow them.
    ///
    /// Cancellation: dropped in the middle, whatever was begun is whole or not done, and the next run goes on.
    pub async fn run(
        mut self,
        mut news: mpsc::Receiver<News>,
        mut objects: mpsc::Receiver<ObjectNews>,
        unknown: mpsc::Sender<AppKind>,
    ) {
        let mut looks: JoinSet<Outcome> = JoinSet::new();
        loop {
            while looks.len() < AT_ONCE
                && let Some(application) = self.state.queue.take(Instant::now())
            {
                let (known, look) = (self.state.book.get(&application), Arc::clone(&self.look));
                looks.spawn(async move { look.at(application, known).await });
            }
            let due = self.state.queue.next().filter(|_| looks.len() < AT_ONCE);
            let due = async move {
                match due {
                    Some(when) => tokio::time::sleep_until(when).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                told = news.recv() => match told {
                    Some(News::Notice(notice)) => self.show(notice),
                    Some(told) => self.state.heard(&told),
                    None => return,
                },
                Some(told) = objects.recv() => self.hear(told, &unknown),
                Some(ended) = looks.join_next() => match ended {
                    Ok(outcome) => {
                        self.looks.looked();
                        if outcome.looked == Looked::Again {
                            self.looks.failed();
                        }
                        for notice in self.state.looked(outcome) {
                            self.show(notice);
                        }
                    }
                    Err(error) => tracing::error!(%error, "a look at an application broke off"),
                },
                () = due => {}
            }
        }
    }

    fn hear(&mut self, told: ObjectNews, unknown: &mpsc::Sender<AppKind>) {
        for kind in self.state.changed(told) {
            // A full channel means that its source has enough to do; the next change of the pool asks again.
            let _ = unknown.try_send(kind);
        }
    }

    fn show(&self, notice: Notice) {
        let look = Arc::clone(&self.look);
        tokio::spawn(async move { look.notify(notice).await });
    }
}

/// How long after start-up pools of applications that nobody told of are looked at.
const SETTLED: Duration = Duration::from_secs(5);
