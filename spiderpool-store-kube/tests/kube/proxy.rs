//! The kit with a proxy in between that answers for the API server, or hangs up on either side of it.

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use spiderpool_core::store::{
    Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
    conformance::{Retrying, run},
};
use spiderpool_store_kube::KubeConfig;
use tokio::net::TcpListener;

use crate::{
    cluster::{Cluster, shared},
    conformance::{EXECUTED, OnServer, green},
};

type Body = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// What the proxy does instead of, or after, passing a request on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Fault {
    /// An answer that the API server never gave; the request is not passed on.
    Instead(u16),
    /// The request is passed on, and its answer is replaced.
    After(u16),
    /// The request is passed on twice, as by a balancer that tries again; the second answer counts.
    Twice,
    HangUpBefore,
    HangUpAfter,
}

const WRITES: [Fault; 10] = [
    Fault::Instead(409),
    Fault::Instead(429),
    Fault::Instead(503),
    Fault::Instead(500),
    Fault::After(500),
    Fault::Instead(504),
    Fault::After(504),
    Fault::Twice,
    Fault::HangUpBefore,
    Fault::HangUpAfter,
];
const READS: [Fault; 5] =
    [Fault::Instead(429), Fault::Instead(500), Fault::Instead(504), Fault::HangUpBefore, Fault::HangUpAfter];

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Faults {
    /// Everything, now and then.
    All,
    /// Every second page after a first one has expired.
    Pages,
}

pub(crate) struct Proxy {
    upstream: kube::Client,
    faults: Faults,
    dice: AtomicU64,
    pages: AtomicU64,
    injected: [AtomicU64; 2],
}

impl Proxy {
    /// A proxy in front of the API server of `cluster`, and where it is.
    pub(crate) async fn start(cluster: &Cluster, faults: Faults) -> (Arc<Self>, KubeConfig) {
        let upstream = cluster.client().await;
        let (dice, pages, injected) = (AtomicU64::new(7), AtomicU64::new(0), Default::default());
        let proxy = Arc::new(Self { upstream, faults, dice, pages, injected });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let served = served.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| served.serve(request));
                    // A connection that the proxy hangs up on ends with an error.
                    drop(
                        hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                });
            }
        });
        let connection = kube::Config::new(format!("http://{address}").parse().unwrap());
        let mut config = KubeConfig::new(connection);
        config.timeout = cluster.config().await.timeout;
        (proxy, config)
    }

    /// How many faults reads and writes met.
    pub(crate) fn injected(&self) -> [u64; 2] {
        self.injected.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// What a request for a page meets.
    fn page(&self, request: &http::request::Parts) -> Option<Fault> {
        let later = request.uri.query().is_some_and(|query| query.contains("continue="));
        if !later || self.pages.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return None;
        }
        self.injected[0].fetch_add(1, Ordering::Relaxed);
        Some(Fault::Instead(410))
    }

    /// A number that looks random, the same in each run as long as requests come in the same order.
    fn roll(&self) -> u64 {
        let mut z = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One request in eight meets a fault.
    fn fault(&self, write: bool) -> Option<Fault> {
        let roll = self.roll();
        if !roll.is_multiple_of(8) {
            return None;
        }
        self.injected[usize::from(write)].fetch_add(1, Ordering::Relaxed);
        let faults = if write { &WRITES[..] } else { &READS[..] };
        Some(faults[(roll / 8) as usize % faults.len()])
    }

    async fn serve(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let watch = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
        let fault = match self.faults {
            Faults::All => self.fault(parts.method != Method::GET),
            Faults::Pages => self.page(&parts),
        };
        let pass_on = async || {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let mut request = Request::builder().method(&parts.method).uri(path);
            if let Some(media) = parts.headers.get("content-type") {
                request = request.header("content-type", media);
            }
            self.upstream
                .send(request.body(body.to_vec().into())?)
                .await
                .map_err(Box::<dyn std::error::Error + Send + Sync>::from)
        };
        match fault {
            Some(Fault::Instead(code)) => return Ok(made_up(code)),
            Some(Fault::After(code)) => {
                pass_on().await?.into_body().collect().await?;
                return Ok(made_up(code));
            }
            Some(Fault::HangUpBefore) => return Err("hung up".into()),
            Some(Fault::HangUpAfter) if !watch => {
                pass_on().await?.into_body().collect().await?;
                return Err("hung up".into());
            }
            Some(Fault::Twice) => {
                pass_on().await?.into_body().collect().await?;
            }
            _ => {}
        }
        let (parts, body) = pass_on().await?.into_parts();
        let mut frames = body.into_data_stream();
        // A watch breaks off in the middle of a line.
        let most = if watch { 1 + (self.roll() % 40) as usize } else { usize::MAX };
        let mut seen = 0;
        let frames = futures_util::stream::poll_fn(move |context| {
            if seen == most {
                return std::task::Poll::Ready(Some(Err("hung up".into())));
            }
            frames.poll_next_unpin(context).map(|frame| {
                seen += 1;
                let last = seen == most;
                frame.map(|frame| {
                    let bytes = frame.map_err(Box::<dyn std::error::Error + Send + Sync>::from)?;
                    let kept = if last { bytes.slice(..bytes.len() / 2) } else { bytes };
                    Ok(Frame::data(kept))
                })
            })
        });
        Ok(Response::from_parts(
            parts,
            BodyExt::boxed(StreamBody::new(SyncStream(parking_lot::Mutex::new(frames)))),
        ))
    }
}

/// A stream behind a lock, for a body that has to be `Sync`.
struct SyncStream<S>(parking_lot::Mutex<S>);

impl<S: futures_util::Stream + Unpin> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.0.get_mut().poll_next_unpin(context)
    }
}

fn made_up(code: u16) -> Response<Body> {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let text = format!(
        r#"{{"kind":"Status","status":"Failure","reason":"{reason}","message":"made up","code":{code}}}"#
    );
    let mut answer = Response::builder().status(StatusCode::from_u16(code).unwrap());
    if matches!(code, 429 | 503) {
        answer = answer.header("Retry-After", "1");
    }
    answer.body(Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed()).unwrap()
}

/// A conflict may be the echo of the own write: it says only that the outcome has to be read.
struct Doubting<S>(S);

impl<S> fmt::Debug for Doubting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doubting")
    }
}

fn doubted<T>(answer: Result<T, StoreError>) -> Result<T, StoreError> {
    answer.map_err(|error| match error {
        StoreError::Conflict { .. } | StoreError::AlreadyExists { .. } | StoreError::NotFound { .. } => {
            StoreError::unknown(error.to_string())
        }
        other => other,
    })
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Doubting<S> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.0.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.0.list(selector).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.0.tokens(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        doubted(self.0.create(key, document).await)
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        doubted(self.0.update(key, token, document).await)
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        doubted(self.0.delete(key, token).await)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.0.watch(selector, from).await
    }
}

#[test]
fn the_contract_holds_behind_a_proxy_that_fails() {
    let Some(cluster) = shared() else { return };
    let (report, injected) = cluster.runtime.block_on(async {
        let (proxy, config) = Proxy::start(&cluster, Faults::All).await;
        let wrap = Box::new(|store| Arc::new(Retrying::new(Arc::new(Doubting(store)))) as Arc<dyn Store>);
        let report = run(&OnServer { config, certain: false, volume: 300, wrap }).await;
        (report, proxy.injected())
    });
    // One less: who won a race of deletions is a guess after a lost answer.
    green(&report, EXECUTED - 1);
    println!("injected into reads and writes: {injected:?}");
    assert!(injected.iter().all(|count| *count > 50), "{injected:?}");
}
