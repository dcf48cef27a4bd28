//! etcd: one member or several.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    Binaries, Binary, Problem, Process, folder::Folder, http, links::Links, process::Life, unused, wait,
};

/// How long a cluster may take until it serves. It takes about a second; a loaded machine takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked at.
const STEP: Duration = Duration::from_millis(20);

/// The certificates of members, for clients (members talk to each other without).
#[derive(Clone, Debug)]
pub struct EtcdTls {
    /// Whom clients' certificates must be signed by. All clients need one.
    pub client_ca: PathBuf,
    /// The members' certificate, for the address [`crate::loopback`].
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What kind of cluster.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// How many members: 1, 3 or 5.
    pub members: usize,
    /// Certificates; none: plain HTTP.
    pub tls: Option<EtcdTls>,
    /// More arguments for every member. [`EtcdOptions::members`] gives `--unsafe-no-fsync`: what a process wrote survives
    /// its death without, and only the loss of the machine would tell. Take it out where time is measured.
    pub args: Vec<OsString>,
}

impl EtcdOptions {
    /// `members` members without TLS, which do not wait for the disk.
    #[must_use]
    pub fn members(members: usize) -> Self {
        Self { members, tls: None, args: vec!["--unsafe-no-fsync".into()] }
    }
}

#[derive(Debug)]
struct Member {
    client: SocketAddr,
    metrics: SocketAddr,
    args: Vec<OsString>,
    /// None while it is down.
    process: Option<Process>,
}

/// A running cluster with data of its own. Members are numbered from 0.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    scheme: &'static str,
    program: PathBuf,
    links: Links,
    life: Life,
    // Goes after the processes that use it.
    folder: Folder,
}

impl Etcd {
    /// Starts a cluster that ends with its guard, and waits until it serves.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn start(options: &EtcdOptions) -> Result<Self, Problem> {
        Self::start_in(Folder::temporary()?, Life::Guarded, options, || Ok(unused()))
    }

    pub(crate) fn start_in(
        folder: Folder,
        life: Life,
        options: &EtcdOptions,
        mut port: impl FnMut() -> Result<SocketAddr, Problem>,
    ) -> Result<Self, Problem> {
        let program = Binaries::find()?.program(Binary::Etcd)?;
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let links = Links::default();
        // A forwarder lives in this process, so members that outlive it talk to each other directly.
        let is_forwarded = life == Life::Guarded && options.members > 1;
        let peers = (0..options.members).map(|_| {
            let back = port()?;
            Ok((if is_forwarded { port()? } else { back }, back))
        });
        let peers: Vec<(SocketAddr, SocketAddr)> = peers.collect::<Result<_, Problem>>()?;
        let cluster: Vec<String> = peers
            .iter()
            .enumerate()
            .map(|(number, (front, _))| format!("m{number}=http://{front}"))
            .collect();
        let mut members = Vec::new();
        for (number, (front, back)) in peers.iter().enumerate() {
            if is_forwarded {
                links.forward(number, *front, *back)?;
            }
            let (client, metrics) = (port()?, port()?);
            let mut args: Vec<OsString> = Vec::new();
            let mut arg = |name: &str, value: OsString| args.extend([format!("--{name}").into(), value]);
            arg("name", format!("m{number}").into());
            arg("data-dir", folder.join(&format!("m{number}")).into());
            arg("listen-peer-urls", format!("http://{back}").into());
            arg("initial-advertise-peer-urls", format!("http://{front}").into());
            arg("initial-cluster", cluster.join(",").into());
            arg("listen-client-urls", format!("{scheme}://{client}").into());
            arg("advertise-client-urls", format!("{scheme}://{client}").into());
            arg("listen-metrics-urls", format!("http://{metrics}").into());
            if let Some(tls) = &options.tls {
                arg("cert-file", tls.certificate.clone().into());
                arg("key-file", tls.key.clone().into());
                arg("trusted-ca-file", tls.client_ca.clone().into());
                args.push("--client-cert-auth".into());
            }
            args.extend(options.args.iter().cloned());
            members.push(Member { client, metrics, args, process: None });
        }
        let mut etcd = Self { members, scheme, program, links, life, folder };
        for number in 0..etcd.members.len() {
            etcd.spawn(number)?;
        }
        for number in 0..etcd.members.len() {
            etcd.wait_until_healthy(number)?;
        }
        Ok(etcd)
    }

    /// `etcd://` and the address of every member, as `--store` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        let members: Vec<String> = self.members.iter().map(|member| member.client.to_string()).collect();
        format!("etcd://{}", members.join(","))
    }

    /// Where the member `number` serves clients.
    #[must_use]
    pub fn client_address(&self, number: usize) -> SocketAddr {
        self.members[number].client
    }

    /// The URLs of all members, as `etcdctl --endpoints` takes them.
    #[must_use]
    pub fn endpoints(&self) -> String {
        let scheme = self.scheme;
        let members: Vec<String> =
            self.members.iter().map(|member| format!("{scheme}://{}", member.client)).collect();
        members.join(",")
    }

    /// The number of members, down or up.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Kills the member `number` as `kill -9` does. Its data stays.
    pub fn kill(&mut self, number: usize) {
        if let Some(mut process) = self.members[number].process.take() {
            process.kill();
        }
    }

    /// Starts the member `number` again on its data, and waits until it serves.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn restart(&mut self, number: usize) -> Result<(), Problem> {
        self.kill(number);
        self.spawn(number)?;
        self.wait_until_healthy(number)
    }

    /// Starts all members that are down on their data, and waits until all serve.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn restart_all(&mut self) -> Result<(), Problem> {
        for number in 0..self.size() {
            if self.members[number].process.is_none() {
                self.spawn(number)?;
            }
        }
        (0..self.size()).try_for_each(|number| self.wait_until_healthy(number))
    }

    /// Stops the member `number` where it is; it keeps its connections and answers nothing.
    ///
    /// # Errors
    /// It is down.
    pub fn pause(&self, number: usize) -> Result<(), Problem> {
        self.process(number)?.pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It is down.
    pub fn resume(&self, number: usize) -> Result<(), Problem> {
        self.process(number)?.resume()
    }

    /// Cuts the member `number` off from the other members. Clients still reach it.
    ///
    /// # Errors
    /// It is down.
    pub fn partition(&self, number: usize) -> Result<(), Problem> {
        let id = self
            .metric(number, "etcd_server_id{server_id=\"")
            .and_then(|rest| rest.split_once('"').map(|(id, _)| id.to_owned()));
        let id = id.ok_or_else(|| Problem::failed(format!("member {number} does not tell its ID")))?;
        self.links.cut(&id, number);
        Ok(())
    }

    /// Ends every [`Etcd::partition`]. The members find each other again within a second or two.
    pub fn heal(&self) {
        self.links.heal();
    }

    /// The number of the member that leads, waiting until one says that it does. A leader that was cut off says so
    /// for another second.
    ///
    /// # Errors
    /// None does for a long time.
    pub fn leader(&self) -> Result<usize, Problem> {
        let leads = |number: &usize| {
            self.metric(*number, "etcd_server_is_leader ").is_some_and(|value| value.starts_with('1'))
        };
        wait::until(PATIENCE, STEP, "a leader", || Ok((0..self.members.len()).find(leads)))
    }

    /// Looks until `condition` is true.
    ///
    /// # Errors
    /// It is not for a long time.
    pub fn wait_until(&self, condition: impl Fn(&Self) -> bool) -> Result<(), Problem> {
        wait::until(PATIENCE, STEP, "etcd", || Ok(condition(self).then_some(())))
    }

    /// Whether the member `number` knows a leader, as far as it says.
    #[must_use]
    pub fn has_leader(&self, number: usize) -> bool {
        self.metric(number, "etcd_server_has_leader ").is_some_and(|value| value.starts_with('1'))
    }

    /// The processes of all members that are up.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.members.iter().filter_map(|member| member.process.as_ref())
    }

    /// What stands behind `start` in the figures of a member.
    fn metric(&self, number: usize, start: &str) -> Option<String> {
        let figures = http::get(self.members[number].metrics, "/metrics")?;
        figures.lines().find_map(|line| line.strip_prefix(start).map(str::to_owned))
    }

    fn process(&self, number: usize) -> Result<&Process, Problem> {
        let process = self.members[number].process.as_ref();
        process.ok_or_else(|| Problem::failed(format!("member {number} is down")))
    }

    fn spawn(&mut self, number: usize) -> Result<(), Problem> {
        let log = self.folder.join(&format!("m{number}.log"));
        let member = &mut self.members[number];
        member.process = Some(Process::start("etcd", &self.program, &member.args, &log, self.life)?);
        Ok(())
    }

    fn wait_until_healthy(&mut self, number: usize) -> Result<(), Problem> {
        let member = &mut self.members[number];
        let metrics = member.metrics;
        let Some(process) = &mut member.process else { return Ok(()) };
        wait::until(PATIENCE, STEP, &format!("member {number} of etcd to serve"), || {
            process.must_run()?;
            Ok(http::get(metrics, "/health").map(drop))
        })
    }
}
