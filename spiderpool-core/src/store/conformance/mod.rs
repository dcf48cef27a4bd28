//! Proves that a store keeps the contract of [`super::Store`].
//!
//! A backend brings a [`Harness`]; [`run`] takes it through every check and gives a [`Report`]. For each thing a
//! backend may claim in its [`Capabilities`] there is a check that it does what it claims, and where that can be
//! seen, one that it refuses what it does not claim. The other one of the two is skipped, counted, and named.
//!
//! [`UnderFaults`] runs the same checks with faults injected below a client that tries again.
//!
//! Each check deletes every document in the store first: never point a harness at a store that somebody uses.

mod bound;
mod cancel;
mod cas;
mod foreign;
mod harness;
mod labels;
mod limits;
mod list;
mod parallel;
mod race;
mod reopen;
mod report;
mod retry;
mod samples;
mod sharing;
mod watch;

use std::{pin::Pin, sync::Arc};

use super::{Capabilities, Document, Key, Kind, Listing, Selector, Store, StoreError, Token, Versioned};

pub use harness::{Harness, Names, UnderFaults};
pub use parallel::on_threads;
pub use report::{Failure, Outcome, Report};
pub use retry::Retrying;
pub use samples::{Sample, content, every_kind};

/// Fails the check with a message.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::store::conformance::Failure::new(format!($($message)+)));
        }
    };
}
use ensure;

/// Fails the check if an answer is not of the form that the contract asks for.
macro_rules! expect_answer {
    ($answer:expr, $form:pat $(if $guard:expr)?, $what:literal) => {
        match $answer {
            $form $(if $guard)? => {}
            other => {
                let form = stringify!($form $(if $guard)?);
                let message = format!("{}: expected {form}, got {other:?}", $what);
                return Err($crate::store::conformance::Failure::new(message));
            }
        }
    };
}
use expect_answer;

/// What a check works with.
struct Context<'a> {
    harness: &'a dyn Harness,
    store: Arc<dyn Store>,
    capabilities: Capabilities,
}

impl Context<'_> {
    /// The kinds that are kept here.
    fn kinds(&self) -> Vec<Kind> {
        self.capabilities.kinds().collect()
    }

    /// A sample of each of them.
    fn samples(&self, name: &str, version: u32) -> Result<Vec<Sample>, Failure> {
        self.kinds().into_iter().map(|kind| samples::sample(kind, name, version)).collect()
    }

    async fn put(&self, sample: &Sample) -> Result<Token, Failure> {
        Ok(self.store.create(&sample.key, sample.document.clone()).await?)
    }

    async fn get(&self, key: &Key) -> Result<Versioned, Failure> {
        self.store.get(key).await?.ok_or_else(|| Failure::new(format!("{key} is gone")))
    }

    /// The store closed and opened again: no handle on it may be left elsewhere.
    async fn reopen(self) -> Result<Self, Failure> {
        let Self { harness, store, capabilities } = self;
        drop(store);
        Ok(Self { harness, store: harness.open().await?, capabilities })
    }

    /// The store killed and opened again.
    async fn crash(self) -> Result<Self, Failure> {
        let Self { harness, store, capabilities } = self;
        harness.crash(store).await?;
        Ok(Self { harness, store: harness.open().await?, capabilities })
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// When a check applies.
#[derive(Clone, Copy)]
enum Needs {
    Nothing,
    Certainty,
    Snapshots,
    Watch,
    NoWatch,
    Limit,
    NoLimit,
    Durable,
    DurableAndCrash,
    Shared,
    Exclusive,
    ForeignResources,
    KeptUids,
    DrawnUids,
}

impl Needs {
    /// Why the check does not apply, if so.
    fn missing(self, capabilities: &Capabilities, harness: &dyn Harness) -> Option<&'static str> {
        let Capabilities { snapshot_list, durable, watch, shared, own_resources, draws_uids, .. } =
            capabilities;
        let max_document_bytes = capabilities.max_document_bytes;
        let (met, without) = match self {
            Self::Nothing => (true, ""),
            Self::Certainty => (harness.certain(), "is behind a client that may guess"),
            Self::Snapshots => (*snapshot_list, "does not claim that listings show one instant"),
            Self::Watch => (*watch, "does not claim watches"),
            Self::NoWatch => (!watch, "claims watches"),
            Self::Limit => (max_document_bytes.is_some(), "does not claim a size limit"),
            Self::NoLimit => (max_document_bytes.is_none(), "claims a size limit"),
            Self::Durable => (*durable, "does not claim durability"),
            Self::DurableAndCrash if !durable => (false, "does not claim durability"),
            Self::DurableAndCrash => (harness.can_crash(), "its harness cannot crash it"),
            Self::Shared => (*shared, "does not claim to be shared"),
            Self::KeptUids => (!draws_uids, "draws uids"),
            Self::DrawnUids => (*draws_uids, "keeps uids as they come"),
            Self::ForeignResources => (!own_resources, "keeps resources itself"),
            Self::Exclusive if *shared => (false, "claims to be shared"),
            Self::Exclusive => {
                (*durable, "does not claim durability, so every opening is a store of its own")
            }
        };
        (!met).then_some(without)
    }
}

struct Check {
    name: &'static str,
    needs: Needs,
    run: for<'a> fn(Context<'a>) -> Answer<'a>,
}

macro_rules! checks {
    ($($module:ident::$check:ident, $needs:ident;)*) => {
        &[$(Check {
            name: concat!(stringify!($module), "::", stringify!($check)),
            needs: Needs::$needs,
            run: |context| Box::pin($module::$check(context)),
        }),*]
    };
}

const CHECKS: &[Check] = checks! {
    cas::create_and_read_back, Nothing;
    cas::read_what_is_missing, Nothing;
    cas::create_twice, Nothing;
    cas::update_with_token, Nothing;
    cas::update_with_stale_token, Nothing;
    cas::change_what_is_missing, Nothing;
    cas::delete_with_token, Nothing;
    cas::delete_with_stale_token, Nothing;
    cas::no_token_comes_back, Nothing;
    cas::write_without_change, Nothing;
    cas::read_your_write, Nothing;
    list::every_selector, Nothing;
    list::keys_that_stress_order, Nothing;
    list::ends_of_the_address_space, Nothing;
    list::during_writes, Nothing;
    list::one_instant, Snapshots;
    list::tokens_of_one_instant, Snapshots;
    labels::namespace_is_exact, Nothing;
    labels::node_follows_the_endpoint, Nothing;
    labels::room_follows_the_block, Nothing;
    race::no_update_is_lost, Nothing;
    race::one_creation_wins, Nothing;
    race::one_deletion_wins, Certainty;
    watch::every_change_in_order_once, Watch;
    watch::resumes_from_a_change, Watch;
    watch::follows_the_selection, Watch;
    watch::complete_or_expired, Watch;
    watch::waits_without_losing, Watch;
    watch::ends_where_the_listing_is, Watch;
    watch::refuses_foreign_positions, Watch;
    watch::is_refused, NoWatch;
    foreign::resources_are_read_only, ForeignResources;
    foreign::uids_are_kept, KeptUids;
    foreign::uids_are_drawn, DrawnUids;
    limits::too_large_is_refused, Limit;
    limits::large_is_taken, NoLimit;
    cancel::update_is_old_or_new, Nothing;
    cancel::create_is_absent_or_whole, Nothing;
    cancel::delete_is_there_or_gone, Nothing;
    reopen::after_drop, Durable;
    reopen::after_crash, DurableAndCrash;
    reopen::tokens_go_on_after_drop, Durable;
    reopen::tokens_go_on_after_crash, DurableAndCrash;
    sharing::second_handle_sees_the_first, Shared;
    sharing::second_opening_is_refused, Exclusive;
};

/// The names of all checks, in the order in which they run.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Takes the store of `harness` through every check.
pub async fn run(harness: &dyn Harness) -> Report {
    let mut report = Report::default();
    for check in CHECKS {
        let outcome = bound::within(harness, run_check(harness, check)).await;
        report.add(check.name, outcome);
    }
    report
}

/// Takes the store of `harness` through the check `name` alone.
///
/// # Errors
/// There is no check of this name.
pub async fn run_one(harness: &dyn Harness, name: &str) -> Result<Report, Failure> {
    let check = CHECKS.iter().find(|check| check.name == name);
    let check = check.ok_or_else(|| Failure::new(format!("there is no check {name}")))?;
    let mut report = Report::default();
    report.add(check.name, bound::within(harness, run_check(harness, check)).await);
    Ok(report)
}

async fn run_check(harness: &dyn Harness, check: &Check) -> Result<Outcome, Failure> {
    // A server that comes and goes may have forgotten its history in the middle. Then the check begins anew.
    let mut beginnings = if harness.certain() { 1 } else { BEGINNINGS };
    loop {
        beginnings -= 1;
        match run_once(harness, check).await {
            Err(failure) if failure.is_expired() && beginnings > 0 => {}
            outcome => return outcome,
        }
    }
}

/// How often a check may meet the end of an uncertain server's history.
const BEGINNINGS: usize = 16;

async fn run_once(harness: &dyn Harness, check: &Check) -> Result<Outcome, Failure> {
    let store = harness.open().await?;
    let capabilities = store.capabilities();
    if let Some(reason) = check.needs.missing(&capabilities, harness) {
        return Ok(Outcome::Skipped(reason));
    }
    clear(&*store, &capabilities).await?;
    (check.run)(Context { harness, store, capabilities }).await?;
    Ok(Outcome::Passed)
}

async fn clear(store: &dyn Store, capabilities: &Capabilities) -> Result<(), Failure> {
    for kind in capabilities.kinds() {
        for item in store.list(&Selector::Kind(kind)).await?.items {
            store.delete(&item.key, &item.token).await?;
        }
    }
    Ok(())
}

/// Whether two answers hold the same documents, disregarding what a server adds on its own.
fn same_items(listing: &Listing, expected: &[(Key, Token, Document)]) -> Result<(), Failure> {
    let keys =
        |items: &mut dyn Iterator<Item = &Key>| items.map(Key::to_string).collect::<Vec<_>>().join(", ");
    let found = keys(&mut listing.items.iter().map(|item| &item.key));
    let wanted = keys(&mut expected.iter().map(|(key, ..)| key));
    ensure!(found == wanted, "listed [{found}] instead of [{wanted}]");
    for (item, (key, token, document)) in listing.items.iter().zip(expected) {
        ensure!(item.token == *token, "{key} is listed with token {:?} instead of {token:?}", item.token);
        let (found, wanted) = (content(&item.document), content(document));
        ensure!(found == wanted, "{key} is listed as {found:?} instead of {wanted:?}");
    }
    Ok(())
}
