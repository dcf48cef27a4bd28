//! A kit that cannot fail proves nothing: each defect here must be found, by the check that is there for it.

use std::{
    future::{pending, poll_fn},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use pollster::block_on;
use rstest::rstest;
use spiderpool_core::{
    env::{BoxFuture, Env},
    store::{
        Capabilities, Change, Document, Key, Kind, Listing, MemoryStore, Position, Room, Selector, Store,
        StoreError, Token, Versioned, Watch,
        conformance::{Harness, Names, on_threads, run},
    },
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Defect {
    CreateReplaces,
    UpdateIgnoresToken,
    UpdateCreates,
    DeleteIgnoresToken,
    DeleteDoesNothing,
    TokenIsContent,
    TokenOfAnotherWrite,
    ReadsStale,
    ListsUnordered,
    ListsShort,
    ListsInPieces,
    NamespaceIsPrefix,
    RoomIsIgnored,
    TokensShort,
    TokensInPieces,
    WatchSkips,
    WatchRepeats,
    WatchForgetsDeletions,
    WatchTakesAnyPosition,
    WatchIsMute,
    WatchAlwaysExpires,
    ClaimsNoWatch,
    ClaimsLimit,
    ClaimsDurability,
    ClaimsSharing,
    ClaimsForeignResources,
    ClaimsDrawnUids,
    UpdateTears,
    GetHangs,
    LosesUpdates,
}
use Defect::*;

#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    defect: Defect,
    calls: AtomicU64,
}

fn by_content(document: &Document) -> Token {
    let mut hasher = DefaultHasher::new();
    document.hash(&mut hasher);
    Token::new(hasher.finish().to_string())
}

async fn once_pending() {
    let mut polled = false;
    poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Broken {
    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn show(&self, mut found: Versioned) -> Versioned {
        if self.is(TokenIsContent) {
            found.token = by_content(&found.document);
        }
        found
    }

    async fn listing(&self, selector: &Selector, in_pieces: bool) -> Result<Listing, StoreError> {
        let wider = match selector {
            Selector::Blocks { scope, family, first, last, .. } if self.is(RoomIsIgnored) => {
                let (scope, family, first, last) = (scope.clone(), *family, *first, *last);
                Selector::Blocks { scope, family, first, last, room: Room::Any }
            }
            Selector::InNamespace(kind, _) if self.is(NamespaceIsPrefix) => Selector::Kind(*kind),
            _ => selector.clone(),
        };
        let mut listing = self.inner.list(&wider).await?;
        match self.defect {
            NamespaceIsPrefix => {
                if let Selector::InNamespace(_, wanted) = selector {
                    listing.items.retain(|item| match &item.key {
                        Key::Endpoint(name) => name.namespace.as_str().starts_with(wanted.as_str()),
                        Key::Resource(name) => name
                            .namespace
                            .as_ref()
                            .is_some_and(|own| own.as_str().starts_with(wanted.as_str())),
                        _ => false,
                    });
                }
            }
            ListsUnordered => listing.items.reverse(),
            ListsShort => listing.items.truncate(15),
            _ if in_pieces => {
                // The second piece is read once the first has been overtaken, as long as anybody writes.
                let first = listing.items.first().cloned();
                let mut overtaken = 0;
                for _ in 0..1_000 {
                    std::thread::yield_now();
                    let again = self.inner.list(&wider).await?;
                    overtaken += u32::from(again.items.first() != listing.items.first());
                    listing = again;
                    if overtaken > 2 {
                        break;
                    }
                }
                if let (Some(old), Some(new)) = (first, listing.items.first_mut())
                    && old.key == new.key
                {
                    *new = old;
                }
            }
            _ => {}
        }
        listing.items = listing.items.into_iter().map(|item| self.show(item)).collect();
        Ok(listing)
    }

    /// The inner store's token for the one that was shown.
    async fn unshow(&self, key: &Key, token: &Token) -> Result<Token, StoreError> {
        let found = self.inner.get(key).await?;
        match found {
            Some(found) if self.is(TokenIsContent) && by_content(&found.document) == *token => {
                Ok(found.token)
            }
            _ => Ok(token.clone()),
        }
    }
}

#[async_trait]
impl Store for Broken {
    fn capabilities(&self) -> Capabilities {
        let mut claims = self.inner.capabilities();
        match self.defect {
            ClaimsNoWatch => claims.watch = false,
            ClaimsLimit => claims.max_document_bytes = Some(100_000),
            ClaimsDurability => claims.durable = true,
            ClaimsSharing => claims.shared = true,
            ClaimsForeignResources => claims.own_resources = false,
            ClaimsDrawnUids => claims.draws_uids = true,
            _ => {}
        }
        claims
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        if self.is(GetHangs) && matches!(key, Key::Plan(_)) {
            return pending().await;
        }
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.is(ReadsStale) && n % 7 == 6 {
            return Ok(None);
        }
        Ok(self.inner.get(key).await?.map(|found| self.show(found)))
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.listing(selector, self.is(ListsInPieces)).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        let piecewise = self.is(TokensInPieces);
        let mut tokens: Vec<_> = self
            .listing(selector, piecewise)
            .await?
            .items
            .into_iter()
            .map(|item| (item.key, item.token))
            .collect();
        if self.is(TokensShort) {
            tokens.truncate(15);
        }
        Ok(tokens)
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        let found = self.inner.get(key).await?;
        let token = match found {
            Some(found) if self.is(CreateReplaces) => {
                self.inner.update(key, &found.token, document.clone()).await?
            }
            _ => self.inner.create(key, document.clone()).await?,
        };
        Ok(if self.is(TokenIsContent) { by_content(&document) } else { token })
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let mut token = self.unshow(key, token).await?;
        let found = self.inner.get(key).await?;
        if self.is(LosesUpdates) {
            // Compares, and then writes, but not in one step.
            let Some(found) = &found else { return Err(StoreError::NotFound { key: key.clone() }) };
            if found.token != token {
                return Err(StoreError::Conflict { key: key.clone() });
            }
            std::thread::yield_now();
            token = self.inner.get(key).await?.map_or(token, |found| found.token);
        }
        match found {
            Some(found) if self.is(UpdateIgnoresToken) => token = found.token,
            None if self.is(UpdateCreates) => return self.inner.create(key, document).await,
            Some(_) if self.is(UpdateTears) => {
                self.inner.delete(key, &token).await?;
                once_pending().await;
                return self.inner.create(key, document).await;
            }
            _ => {}
        }
        let new = self.inner.update(key, &token, document.clone()).await?;
        Ok(match self.defect {
            TokenIsContent => by_content(&document),
            TokenOfAnotherWrite => token,
            _ => new,
        })
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        let mut token = self.unshow(key, token).await?;
        let found = self.inner.get(key).await?;
        match found {
            Some(found) if self.is(DeleteIgnoresToken) => token = found.token,
            Some(found) if self.is(DeleteDoesNothing) && found.token == token => return Ok(()),
            _ => {}
        }
        self.inner.delete(key, &token).await
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        let here = self.inner.list(&Selector::Kind(Kind::Scope)).await?.position;
        let inner = match self.inner.watch(selector, from).await {
            Err(StoreError::Expired) if self.is(WatchTakesAnyPosition) => {
                self.inner.watch(selector, &here).await?
            }
            watch => watch?,
        };
        Ok(Box::new(BrokenWatch { inner, defect: self.defect, seen: 0, last: None }))
    }
}

struct BrokenWatch {
    inner: Box<dyn Watch>,
    defect: Defect,
    seen: u64,
    last: Option<(Change, Position)>,
}

#[async_trait]
impl Watch for BrokenWatch {
    async fn next(&mut self) -> Result<(Change, Position), StoreError> {
        if self.defect == WatchIsMute {
            return pending().await;
        }
        if self.defect == WatchAlwaysExpires {
            return Err(StoreError::Expired);
        }
        self.seen += 1;
        if self.defect == WatchRepeats
            && self.seen.is_multiple_of(3)
            && let Some(last) = &self.last
        {
            return Ok(last.clone());
        }
        loop {
            let next = self.inner.next().await?;
            let skip = match self.defect {
                WatchSkips => {
                    self.seen += 1;
                    self.seen == 4
                }
                WatchForgetsDeletions => matches!(next.0, Change::Deleted(_)),
                _ => false,
            };
            if !skip {
                self.last = Some(next.clone());
                return Ok(next);
            }
        }
    }
}

#[derive(Debug)]
struct Harnessed(Defect);

#[async_trait]
impl Harness for Harnessed {
    fn env(&self) -> Env {
        Env::system()
    }

    fn patience(&self) -> Duration {
        // Defects that hang are waited out once per check.
        Duration::from_millis(
            if matches!(
                self.0,
                GetHangs
                    | ReadsStale
                    | WatchIsMute
                    | WatchSkips
                    | WatchForgetsDeletions
                    | WatchTakesAnyPosition
            ) {
                300
            } else {
                60_000
            },
        )
    }

    fn volume(&self) -> usize {
        1000
    }

    fn names(&self) -> Names {
        Names::Any
    }

    fn certain(&self) -> bool {
        // Who may forget its history now and then must still show a change some time.
        self.0 != WatchAlwaysExpires
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(Broken { inner: MemoryStore::new(), defect: self.0, calls: AtomicU64::new(0) }))
    }

    fn can_crash(&self) -> bool {
        true
    }

    async fn crash(&self, _: Arc<dyn Store>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        on_threads(work).await;
    }
}

#[rstest]
#[case(CreateReplaces, "cas::create_twice")]
#[case(CreateReplaces, "race::one_creation_wins")]
#[case(UpdateIgnoresToken, "cas::update_with_stale_token")]
#[case(UpdateCreates, "cas::change_what_is_missing")]
#[case(DeleteIgnoresToken, "cas::delete_with_stale_token")]
#[case(DeleteDoesNothing, "cas::delete_with_token")]
#[case(TokenIsContent, "cas::no_token_comes_back")]
#[case(TokenOfAnotherWrite, "cas::update_with_token")]
#[case(ReadsStale, "cas::read_your_write")]
#[case(ListsUnordered, "list::every_selector")]
#[case(ListsShort, "list::keys_that_stress_order")]
#[case(ListsShort, "list::during_writes")]
#[case(TokensShort, "list::every_selector")]
#[case(NamespaceIsPrefix, "labels::namespace_is_exact")]
#[case(RoomIsIgnored, "labels::room_follows_the_block")]
#[case(WatchSkips, "watch::every_change_in_order_once")]
#[case(WatchRepeats, "watch::every_change_in_order_once")]
#[case(WatchForgetsDeletions, "watch::follows_the_selection")]
#[case(WatchTakesAnyPosition, "watch::refuses_foreign_positions")]
#[case(WatchIsMute, "watch::waits_without_losing")]
#[case(WatchAlwaysExpires, "watch::every_change_in_order_once")]
#[case(ClaimsNoWatch, "watch::is_refused")]
#[case(ClaimsLimit, "limits::too_large_is_refused")]
#[case(ClaimsDurability, "reopen::after_drop")]
#[case(ClaimsDurability, "reopen::after_crash")]
#[case(ClaimsDurability, "reopen::tokens_go_on_after_drop")]
#[case(ClaimsDurability, "reopen::tokens_go_on_after_crash")]
#[case(ClaimsDurability, "sharing::second_opening_is_refused")]
#[case(ClaimsSharing, "sharing::second_handle_sees_the_first")]
#[case(ClaimsForeignResources, "foreign::resources_are_read_only")]
#[case(ClaimsDrawnUids, "foreign::uids_are_drawn")]
#[case(UpdateTears, "cancel::update_is_old_or_new")]
#[case(GetHangs, "cas::create_and_read_back")]
fn defects_are_found(#[case] defect: Defect, #[case] check: &str) {
    let report = block_on(run(&Harnessed(defect)));
    assert!(report.failures().any(|(name, _)| name == check), "{check} does not find {defect:?}:\n{report}");
    assert!(!report.is_green(0));
}

/// These races are lost by chance, so one run may miss them; a hundred do not.
#[rstest]
#[case(LosesUpdates, "race::no_update_is_lost")]
#[case(ListsInPieces, "list::one_instant")]
#[case(TokensInPieces, "list::tokens_of_one_instant")]
fn races_are_found(#[case] defect: Defect, #[case] check: &str) {
    use spiderpool_core::store::conformance::run_one;
    let found = (0..100).any(|_| !block_on(run_one(&Harnessed(defect), check)).unwrap().is_green(1));
    assert!(found, "{check} does not find {defect:?}");
}
