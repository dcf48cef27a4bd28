//! The members, and which of them is asked.
//!
//! One member is asked at a time, the same one as long as it answers. What another member may do, it is asked to: a
//! read that failed, and a write that surely had no effect. A write that may have had one is never sent twice.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, KvClient, TlsOptions, WatchClient};
use spiderpool_core::{env::Env, store::StoreError};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    EtcdConfig,
    failure::{Cause, Failure, classify},
};

/// The largest answer. A page of a listing is far below; only documents at their size limit come near.
const MAX_ANSWER_BYTES: usize = 1 << 30;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// When a connection with nothing on it is asked for a sign of life, and how long that may take: a watch notices by it
/// that its member is gone. Members refuse to be asked more often than every 5 s.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// The pause after all members failed: the first one, doubled each time, up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

pub(crate) struct Cluster {
    members: Vec<Member>,
    /// The number of the member to ask first, beyond the number of members too.
    preferred: AtomicUsize,
    options: ConnectOptions,
    pub(crate) timeout: Duration,
    env: Env,
}

struct Member {
    url: String,
    /// Connects when it is first asked: with user and password that takes an answer of the member's.
    clients: OnceCell<Clients>,
}

/// The clients of one member, which share its connection.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) kv: KvClient,
    pub(crate) watch: WatchClient,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.iter().map(|member| &member.url)).finish()
    }
}

impl Cluster {
    pub(crate) fn new(config: &EtcdConfig, env: &Env) -> Self {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let members = config
            .url
            .members()
            .iter()
            .map(|member| Member { url: format!("{scheme}://{member}"), clients: OnceCell::new() });
        let mut options = ConnectOptions::new()
            .with_require_leader(true)
            .with_connect_timeout(CONNECT.min(config.timeout))
            .with_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
            .with_keep_alive_while_idle(true);
        if let Some(tls) = &config.tls {
            let mut these = TlsOptions::new().ca_certificate(Certificate::from_pem(&tls.authority));
            if let Some((certificate, key)) = &tls.identity {
                these = these.identity(Identity::from_pem(certificate, key));
            }
            options = options.with_tls(these);
        }
        if let Some(credentials) = &config.credentials {
            let user = options.with_user(&credentials.user, &credentials.password);
            // Tokens expire, and a member that was restarted knows none of them.
            options = user.with_auto_token_refresh(true);
        }
        // Clients spread over the members by chance.
        let preferred = AtomicUsize::new(env.entropy.next_u64() as usize % config.url.members().len());
        Self { members: members.collect(), preferred, options, timeout: config.timeout, env: env.clone() }
    }

    /// Asks for something that changes nothing, of one member after the other, for as long as an operation may take.
    pub(crate) async fn read<T, F, A>(&self, ask: F) -> Result<T, Failure>
    where
        F: Fn(Clients) -> A,
        A: Future<Output = Result<T, Error>>,
    {
        let mut tour = Tour::new(self);
        loop {
            let cause = match tour.ask(self.patience(), &ask).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::NotDone(cause) | Failure::Unknown(cause)) => cause,
                Err(failure) => return Err(failure),
            };
            tour.goes_on(cause).await.map_err(Failure::NotDone)?;
        }
    }

    /// Asks for a change, of one member after the other as long as it is known that it did not come about.
    pub(crate) async fn write<T, F, A>(&self, ask: F) -> Result<T, Failure>
    where
        F: Fn(Clients) -> A,
        A: Future<Output = Result<T, Error>>,
    {
        let mut tour = Tour::new(self);
        loop {
            match tour.ask(self.timeout, &ask).await {
                Err(Failure::NotDone(cause)) => tour.goes_on(cause).await.map_err(Failure::NotDone)?,
                Err(failure @ Failure::Unknown(_)) => {
                    tour.leaves();
                    return Err(failure);
                }
                answer => return answer,
            }
        }
    }

    /// How long one member may take to answer what another one could answer too.
    pub(crate) fn patience(&self) -> Duration {
        if self.members.len() > 1 { self.timeout / 3 } else { self.timeout }
    }

    /// The member `number`, counted on beyond the last one.
    fn member(&self, number: usize) -> &Member {
        &self.members[number % self.members.len()]
    }

    async fn connect(&self, url: &str) -> Result<Clients, Error> {
        let client = Client::connect([url], Some(self.options.clone())).await?;
        Ok(Clients {
            kv: client.kv_client().max_decoding_message_size(MAX_ANSWER_BYTES),
            watch: client.watch_client().max_decoding_message_size(MAX_ANSWER_BYTES),
        })
    }
}

/// One operation's way over the members.
pub(crate) struct Tour<'a> {
    cluster: &'a Cluster,
    member: usize,
    end: Instant,
    failed: usize,
    pause: Duration,
}

impl<'a> Tour<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        let member = cluster.preferred.load(Ordering::Relaxed);
        Self { cluster, member, end: Instant::now() + cluster.timeout, failed: 0, pause: PAUSE.0 }
    }

    /// Asks the present member, which may take as long as `patience`.
    pub(crate) async fn ask<T, F, A>(&self, patience: Duration, ask: &F) -> Result<T, Failure>
    where
        F: Fn(Clients) -> A,
        A: Future<Output = Result<T, Error>>,
    {
        let limit = self.end.min(Instant::now() + patience);
        let member = self.cluster.member(self.member);
        let connect = member.clients.get_or_try_init(|| self.cluster.connect(&member.url));
        let clients = match timeout_at(limit, connect).await {
            Ok(Ok(clients)) => clients.clone(),
            // Nothing was asked yet, whatever became of the connection.
            Ok(Err(error)) => {
                return Err(match classify(&member.url, error) {
                    Failure::Unknown(cause) => Failure::NotDone(cause),
                    failure => failure,
                });
            }
            Err(_) => return Err(Failure::NotDone(Cause::new(format!("{} does not answer", member.url)))),
        };
        match timeout_at(limit, ask(clients)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(classify(&member.url, error)),
            Err(_) => Err(Failure::Unknown(Cause::new(format!("{} did not answer in time", member.url)))),
        }
    }

    /// Turns away from the present member, for later operations too.
    pub(crate) fn leaves(&mut self) {
        let preferred = &self.cluster.preferred;
        let next = self.member.wrapping_add(1);
        // Where another operation has turned away already, its choice is as good.
        self.member =
            match preferred.compare_exchange(self.member, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => next,
                Err(other) => other,
            };
    }

    /// Goes on to another member after a failure, with a pause after a round of them; the failure once the time is up.
    pub(crate) async fn goes_on(&mut self, cause: Cause) -> Result<(), Cause> {
        self.leaves();
        self.failed += 1;
        if self.failed.is_multiple_of(self.cluster.members.len()) {
            // From half to all of it, so that clients do not come in step.
            let chance = self.cluster.env.entropy.next_u64() % 1000;
            let pause = self.pause.mul_f64(0.5 + chance as f64 / 2000.0);
            if Instant::now() + pause >= self.end {
                return Err(cause);
            }
            sleep(pause).await;
            self.pause = PAUSE.1.min(self.pause * 2);
        }
        if Instant::now() >= self.end { Err(cause) } else { Ok(()) }
    }
}

/// The error of a read.
pub(crate) fn read_error(failure: Failure) -> StoreError {
    match failure {
        Failure::NotDone(cause)
        | Failure::Refused(cause)
        | Failure::Unknown(cause)
        | Failure::TooLarge(cause) => cause.unavailable(),
        Failure::Compacted => StoreError::unavailable("etcd is compacted faster than it can be read"),
        Failure::Future => StoreError::unavailable("etcd went back in time; was it restored from a backup?"),
    }
}
