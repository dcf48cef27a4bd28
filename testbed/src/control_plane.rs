//! A Kubernetes control plane: an API server with an etcd of its own, and what else is asked for.

use std::{
    ffi::OsString,
    fs,
    io::{Read as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    Binaries, Binary, Etcd, EtcdOptions, Problem, Process, address::free, folder::Folder, process::Life,
    unused, wait,
};

/// How long a server may take until it serves. It takes some seconds; a loaded machine takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is asked. Each time starts a kubectl, which costs more than the server's answer.
const STEP: Duration = Duration::from_millis(300);

/// What to start.
#[derive(Clone, Debug)]
pub struct ControlPlaneOptions {
    /// How many members its etcd has: 1, 3 or 5.
    pub etcd_members: usize,
    /// Whether kube-controller-manager and kube-scheduler run too. Without them nothing makes pods or service accounts,
    /// and a pod is taken without its service account.
    pub controllers: bool,
    /// Where the API server listens; none: on a loopback address of its own.
    pub address: Option<SocketAddr>,
    /// More arguments for the API server; a later one wins over an earlier one.
    pub apiserver_args: Vec<OsString>,
    /// More arguments for etcd, beside those of [`EtcdOptions::members`].
    pub etcd_args: Vec<OsString>,
}

impl ControlPlaneOptions {
    fn etcd(&self) -> EtcdOptions {
        let mut options = EtcdOptions::members(self.etcd_members);
        options.args.extend(self.etcd_args.iter().cloned());
        options
    }
}

impl Default for ControlPlaneOptions {
    /// One member of etcd, no controllers.
    fn default() -> Self {
        Self {
            etcd_members: 1,
            controllers: false,
            address: None,
            apiserver_args: Vec::new(),
            etcd_args: Vec::new(),
        }
    }
}

/// A running control plane with data of its own.
#[derive(Debug)]
pub struct ControlPlane {
    apiserver: Option<Process>,
    controllers: Vec<Process>,
    etcd: Etcd,
    address: SocketAddr,
    program: PathBuf,
    args: Vec<OsString>,
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    life: Life,
    // Goes after the processes that use it.
    folder: Folder,
}

/// A new key for the tokens of service accounts.
fn service_key(binaries: &Binaries) -> Result<String, Problem> {
    let program = binaries.program(Binary::ServiceKey)?;
    let output = Command::new(&program).output().map_err(Problem::system(program.display()))?;
    String::from_utf8(output.stdout)
        .ok()
        .filter(|key| output.status.success() && !key.is_empty())
        .ok_or_else(|| Problem::failed(format!("{} made no key", program.display())))
}

impl ControlPlane {
    /// Starts a control plane that ends with its guard, and waits until it serves.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn start(options: &ControlPlaneOptions) -> Result<Self, Problem> {
        let etcd = Etcd::start(&options.etcd())?;
        let address = options.address.unwrap_or_else(unused);
        Self::start_in(Folder::temporary()?, Life::Guarded, options, etcd, address)
    }

    /// Starts a control plane with all its data in `folder`, on 127.0.0.1 at ports that are free now. It goes on after
    /// its guard and this process; whoever wants its end ends [`crate::Lasting::all`].
    ///
    /// # Errors
    /// [`Problem`]; what was started until then goes on.
    pub fn start_lasting(folder: &Path, options: &ControlPlaneOptions) -> Result<Self, Problem> {
        let etcd = Folder::lasting(&folder.join("etcd"))?;
        let etcd = Etcd::start_in(etcd, Life::Lasting, &options.etcd(), free)?;
        Self::start_in(Folder::lasting(folder)?, Life::Lasting, options, etcd, free()?)
    }

    fn start_in(
        folder: Folder,
        life: Life,
        options: &ControlPlaneOptions,
        etcd: Etcd,
        address: SocketAddr,
    ) -> Result<Self, Problem> {
        let binaries = Binaries::find()?;
        let program = binaries.program(Binary::KubeApiserver)?;
        let kubectl = binaries.program(Binary::Kubectl)?;
        let token = random_token()?;
        let tokens = folder.write("tokens.csv", &format!("{token},admin,admin,system:masters\n"))?;
        let key = folder.write("service-account.key", &service_key(&binaries)?)?;
        let certificates = folder.join("certificates");
        let kubeconfig =
            folder.write("kubeconfig", &kubeconfig(address, &certificates.join("apiserver.crt"), &token))?;
        let mut args: Vec<OsString> = Vec::new();
        let mut arg = |name: &str, value: OsString| {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            args.push(argument);
        };
        arg("etcd-servers", etcd.endpoints().into());
        arg("bind-address", address.ip().to_string().into());
        arg("advertise-address", address.ip().to_string().into());
        arg("secure-port", address.port().to_string().into());
        arg("cert-dir", certificates.into());
        arg("token-auth-file", tokens.into());
        arg("authorization-mode", "Node,RBAC".into());
        arg("service-account-issuer", "https://testbed.invalid".into());
        arg("service-account-key-file", key.clone().into());
        arg("service-account-signing-key-file", key.clone().into());
        arg("service-cluster-ip-range", "10.96.0.0/16".into());
        arg("allow-privileged", "true".into());
        // A loopback address is no endpoint of the service "kubernetes".
        arg("endpoint-reconciler-type", "none".into());
        if !options.controllers {
            arg("disable-admission-plugins", "ServiceAccount".into());
        }
        args.extend(options.apiserver_args.iter().cloned());
        let (apiserver, controllers) = (None, Vec::new());
        let mut plane =
            Self { apiserver, controllers, etcd, address, program, args, kubectl, kubeconfig, life, folder };
        plane.restart_apiserver()?;
        if options.controllers {
            plane.start_controllers(&binaries, &key)?;
        }
        Ok(plane)
    }

    /// A kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where the API server serves, with TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// kubectl, to be used with [`ControlPlane::kubeconfig`].
    #[must_use]
    pub fn kubectl(&self) -> &Path {
        &self.kubectl
    }

    /// Creates the objects of all these manifests, by many kubectl at once: one alone takes its time.
    ///
    /// # Errors
    /// As [`ControlPlane::ask`], for one of them.
    pub fn create_all(&self, manifests: &[String]) -> Result<(), Problem> {
        const AT_ONCE: usize = 16;
        std::thread::scope(|scope| {
            let lanes = manifests.chunks(manifests.len().div_ceil(AT_ONCE).max(1));
            let lanes: Vec<_> = lanes
                .map(|lane| scope.spawn(|| self.ask(&["create", "-f", "-"], &lane.join("---")).map(drop)))
                .collect();
            let died = |_| Err(Problem::failed("a thread that creates objects panicked"));
            lanes.into_iter().try_for_each(|lane| lane.join().unwrap_or_else(died))
        })
    }

    /// What kubectl says to an administrator, `input` being its standard input.
    ///
    /// # Errors
    /// It cannot be run, or does not succeed: then with what it says about it.
    pub fn ask(&self, args: &[&str], input: &str) -> Result<String, Problem> {
        let mut command = Command::new(&self.kubectl);
        // Its caches are of this cluster alone.
        command.env("HOME", self.folder.join("kubectl")).arg("--kubeconfig").arg(&self.kubeconfig).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Problem::system("kubectl"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading it all had no need of it, or says itself what is wrong.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(Problem::system("kubectl"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Problem::failed(format!("kubectl {}: {}", args.join(" "), said.trim_end())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Installs the custom resource definitions in the files of `folder`, and waits until kubectl finds them.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn install(&self, folder: &Path) -> Result<(), Problem> {
        let folder = folder.to_string_lossy();
        self.ask(&["apply", "--server-side", "-f", &folder], "")?;
        let names = self.ask(&["get", "-f", &folder, "-o", "name"], "")?;
        for name in names.lines().filter_map(|line| line.rsplit_once('/')).map(|(_, name)| name) {
            wait::until(PATIENCE, STEP, &format!("{name} to be served"), || {
                Ok(self.ask(&["get", name, "--all-namespaces"], "").ok().map(drop))
            })?;
        }
        Ok(())
    }

    /// A kubeconfig of a service account, with a token for an hour.
    ///
    /// # Errors
    /// [`Problem`]; there is no such account.
    pub fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<PathBuf, Problem> {
        let token = self.ask(&["create", "token", account, "-n", namespace], "")?;
        let authority = self.folder.join("certificates").join("apiserver.crt");
        let name = format!("kubeconfig-{namespace}-{account}");
        self.folder.write(&name, &kubeconfig(self.address, &authority, token.trim()))
    }

    /// The API server's own etcd.
    #[must_use]
    pub fn etcd(&self) -> &Etcd {
        &self.etcd
    }

    /// The same, to kill and restart its members.
    pub fn etcd_mut(&mut self) -> &mut Etcd {
        &mut self.etcd
    }

    /// The API server; none while it is down.
    #[must_use]
    pub fn apiserver(&self) -> Option<&Process> {
        self.apiserver.as_ref()
    }

    /// Kills the API server as `kill -9` does.
    pub fn kill_apiserver(&mut self) {
        if let Some(mut process) = self.apiserver.take() {
            process.kill();
        }
    }

    /// Starts the API server again at the same address, with the same certificate, and waits until it is ready.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn restart_apiserver(&mut self) -> Result<(), Problem> {
        self.kill_apiserver();
        let log = self.folder.join("kube-apiserver.log");
        let mut process = Process::start("kube-apiserver", &self.program, &self.args, &log, self.life)?;
        let ready = wait::until(PATIENCE, STEP, "kube-apiserver to be ready", || {
            process.must_run()?;
            let asked = Command::new(&self.kubectl)
                .arg("--kubeconfig")
                .arg(&self.kubeconfig)
                .args(["get", "--raw", "/readyz"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            Ok(asked.map_err(Problem::system("kubectl"))?.success().then_some(()))
        });
        if let Err(problem) = ready {
            return Err(Problem::failed(format!("{problem}\n{}", process.last_words())));
        }
        self.apiserver = Some(process);
        Ok(())
    }

    fn start_controllers(&mut self, binaries: &Binaries, key: &Path) -> Result<(), Problem> {
        for server in [Binary::KubeControllerManager, Binary::KubeScheduler] {
            let name = server.name();
            let mut args: Vec<OsString> = Vec::new();
            let mut arg = |name: &str, value: &Path| {
                let mut argument = OsString::from(format!("--{name}="));
                argument.push(value);
                args.push(argument);
            };
            for file in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
                arg(file, &self.kubeconfig);
            }
            arg("cert-dir", &self.folder.join(name));
            if server == Binary::KubeControllerManager {
                arg("service-account-private-key-file", key);
                arg("root-ca-file", &self.folder.join("certificates").join("apiserver.crt"));
                args.push("--use-service-account-credentials=true".into());
            }
            args.push("--leader-elect=false".into());
            // Nobody asks them anything.
            args.push("--secure-port=0".into());
            let log = self.folder.join(&format!("{name}.log"));
            self.controllers.push(Process::start(name, &binaries.program(server)?, &args, &log, self.life)?);
        }
        Ok(())
    }
}

fn kubeconfig(address: SocketAddr, authority: &Path, token: &str) -> String {
    let authority = authority.display();
    format!(
        "apiVersion: v1
kind: Config
current-context: testbed
contexts:
- name: testbed
  context: {{cluster: testbed, user: admin}}
clusters:
- name: testbed
  cluster:
    server: https://{address}
    certificate-authority: {authority}
users:
- name: admin
  user:
    token: {token}
"
    )
}

/// 128 random bits in hexadecimal: others on this machine reach the server too.
fn random_token() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(Problem::system("/dev/urandom"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
