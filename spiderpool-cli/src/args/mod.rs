//! The command line.

mod lab;
mod target;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use spiderpool_core::{
    addr::Address,
    model::BlockBits,
    name::{Namespace, NodeName},
};

pub(crate) use lab::{FamilyChoice, LabArgs};
pub(crate) use target::{Target, TargetArgs};

/// Administration of Spiderpool: who holds which address, which are free, and why.
///
/// The same commands work on every store. Where an agent runs, go through it (--agent): it holds the database.
#[derive(Debug, Parser)]
#[command(
    name = "spiderpoolctl",
    version,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done; 1 refused, or a check (fsck, lab) found something; 2 wrong command line or \
                  input; 3 not found; 4 store or agent not reachable, or the store locked; 130 interrupted.\n\n\
                  Examples:\n  \
                  spiderpoolctl apply -f pools.yaml             create or change what a file describes\n  \
                  spiderpoolctl get sp                          pools and how full they are\n  \
                  spiderpoolctl ip show 172.18.41.40            who holds an address, and since when\n  \
                  spiderpoolctl explain default/web-0           which pools were considered for a pod\n  \
                  spiderpoolctl fsck --repair                   what is wrong, and what a repair would do\n  \
                  spiderpoolctl lab                             try it all in network namespaces of its own"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// What to print: a table for people, or everything for programs.
    #[arg(
        short,
        long,
        value_enum,
        global = true,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    pub(crate) output: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// Columns.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Only names, one a line.
    Name,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create or change the objects that files describe
    Apply(ApplyArgs),
    /// List objects, or print one
    Get(GetArgs),
    /// Tell all about one object
    Describe(DescribeArgs),
    /// Delete objects
    Delete(DeleteArgs),
    /// Look at addresses, and free them
    #[command(subcommand)]
    Ip(IpCommand),
    /// Say which pools serve a pod, and why the others do not
    Explain(ExplainArgs),
    /// Check the store for what contradicts itself, and repair it
    Fsck(FsckArgs),
    /// Write everything as one file
    #[command(after_help = "Examples:\n  \
        spiderpoolctl export -f backup.json\n  \
        spiderpoolctl --store sled:///tmp/copy import -f backup.json")]
    Export(ExportArgs),
    /// Read what export wrote into an empty store
    Import(ImportArgs),
    /// Take over what another system granted
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Try Spiderpool here: real addresses for real network namespaces, removed afterwards
    Lab(LabArgs),
}

/// `apply`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    spiderpoolctl apply -f pools.yaml\n  \
    spiderpoolctl apply -f manifests/ --dry-run\n  \
    cat pool.json | spiderpoolctl apply -f -")]
pub(crate) struct ApplyArgs {
    /// A file, a directory (its *.yaml, *.yml and *.json) or - for standard input. Repeat for several
    #[arg(short, long = "filename", required = true, value_name = "FILE|DIR|-")]
    pub(crate) files: Vec<PathBuf>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The namespace of objects that name none
    #[arg(short, long, default_value = "default")]
    pub(crate) namespace: String,
}

/// Which namespace.
#[derive(Debug, Args)]
pub(crate) struct NamespaceArgs {
    /// The namespace, for kinds that have one
    #[arg(short, long, default_value = "default")]
    pub(crate) namespace: String,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// `get`.
#[derive(Debug, Args)]
#[command(
    after_help = "Kinds: spiderippools (sp), spidersubnets (ss), spiderendpoints (se), spiderreservedips (sr), \
    pods (po), nodes (no), namespaces (ns), deployments (deploy), statefulsets (sts), any other kind that was \
    applied; and what Spiderpool keeps for itself: blocks, plans, scopes.\n\n\
    Examples:\n  \
    spiderpoolctl get sp\n  \
    spiderpoolctl get sp default-v4 -o yaml\n  \
    spiderpoolctl get se -A\n  \
    spiderpoolctl get pods -n shop -o wide"
)]
pub(crate) struct GetArgs {
    /// The kind, in plural, singular or short
    pub(crate) kind: String,
    /// Only these
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) namespace: NamespaceArgs,
    /// Only those with these labels, as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(crate) selector: Option<String>,
}

/// `describe`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    spiderpoolctl describe sp default-v4\n  \
    spiderpoolctl describe pod web-0")]
pub(crate) struct DescribeArgs {
    /// The kind, in plural, singular or short
    pub(crate) kind: String,
    /// The name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) namespace: NamespaceArgs,
}

/// `delete`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    spiderpoolctl delete sp old-pool\n  \
    spiderpoolctl delete -f pools.yaml\n  \
    spiderpoolctl delete sp old-pool --terminate     it goes once its last address is released")]
pub(crate) struct DeleteArgs {
    /// The kind, in plural, singular or short
    #[arg(required_unless_present = "files", conflicts_with = "files")]
    pub(crate) kind: Option<String>,
    /// The names
    #[arg(requires = "kind")]
    pub(crate) names: Vec<String>,
    /// Delete what these files describe
    #[arg(short, long = "filename", value_name = "FILE|DIR|-")]
    pub(crate) files: Vec<PathBuf>,
    /// Pools that hold addresses: stop granting now, go with the last address
    #[arg(long)]
    pub(crate) terminate: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) namespace: NamespaceArgs,
}

/// `ip`.
#[derive(Debug, Subcommand)]
pub(crate) enum IpCommand {
    /// Who holds an address and since when; else why it is free, or why it is not
    #[command(after_help = "Example:\n  spiderpoolctl ip show 172.18.41.40")]
    Show {
        /// The address
        address: Address,
    },
    /// The free ranges of a pool
    #[command(after_help = "Example:\n  spiderpoolctl ip free default-v4")]
    Free {
        /// The pool
        pool: String,
    },
    /// Take an address from whoever holds it now
    #[command(after_help = "The release names the owner that was shown: if somebody else got the address \
        meanwhile, nothing is freed. Make sure that nobody uses the address any more: a running pod keeps it on its \
        interface.\n\nExample:\n  spiderpoolctl ip release 172.18.41.40 --yes")]
    Release {
        /// The address
        address: Address,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    spiderpoolctl explain web-0\n  \
    spiderpoolctl explain shop/web-0 --interface net1 --node worker-1")]
pub(crate) struct ExplainArgs {
    /// The pod, as NAME or NAMESPACE/NAME
    pub(crate) pod: String,
    /// The interface that asks
    #[arg(long, default_value = "eth0")]
    pub(crate) interface: String,
    /// The node; default: the one that the pod names
    #[arg(long)]
    pub(crate) node: Option<String>,
    /// IPv4 pools that the CNI configuration would name
    #[arg(long = "default-ipv4-ippool", value_name = "POOL", value_delimiter = ',')]
    pub(crate) ipv4_pools: Vec<String>,
    /// IPv6 pools that the CNI configuration would name
    #[arg(long = "default-ipv6-ippool", value_name = "POOL", value_delimiter = ',')]
    pub(crate) ipv6_pools: Vec<String>,
}

/// `fsck`.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is changed without --yes. Exit code 1 if anything is wrong; with --repair --yes, if anything \
    is left that a person has to decide.\n\n\
    A repair rebuilds what is derived (copies of plans, views, records of Subnets), settles plans, finishes deletions, \
    and frees addresses that nobody uses: only where the pod is gone *and* its node says that the container is, or the \
    node itself is gone. Agents may run meanwhile.\n\n\
    Examples:\n  \
    spiderpoolctl fsck\n  \
    spiderpoolctl fsck --repair                       what would be done, and what would be left\n  \
    spiderpoolctl fsck --repair --yes\n  \
    spiderpoolctl fsck --repair --gone-node worker-3  worker-3 is switched off: its addresses, too\n  \
    spiderpoolctl fsck --repair -o json"
)]
pub(crate) struct FsckArgs {
    /// Say what a repair would do
    #[arg(long)]
    pub(crate) repair: bool,
    /// Do it
    #[arg(short, long, requires = "repair")]
    pub(crate) yes: bool,
    /// This node is switched off for certain, so nothing on it uses an address any more. Repeat for several
    #[arg(long = "gone-node", value_name = "NODE", requires = "repair")]
    pub(crate) gone_nodes: Vec<NodeName>,
}

/// `migrate`.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// What upstream Spiderpool granted: pools' status.allocatedIPs and SpiderEndpoints become records. Nothing is changed
    /// without --yes, and nothing of upstream's is removed
    #[command(
        after_help = "Stop upstream's agents, controller and webhooks first, and start no agent of this version before it is done\n\
    (docs/migration.md). It can be repeated.\n\n\
    Examples:\n  \
    spiderpoolctl --store kube migrate upstream        what would be taken over, and every disagreement\n  \
    spiderpoolctl --store kube migrate upstream --yes  do it"
    )]
    Upstream(MigrateArgs),
}

/// `migrate upstream`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Do it
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Where upstream was installed: whether it still runs is looked up there
    #[arg(short, long, default_value = "kube-system", value_name = "NAMESPACE")]
    pub(crate) namespace: Namespace,
    /// Upstream has stopped, whatever the cluster says: the programs of its names are others
    #[arg(long)]
    pub(crate) stopped: bool,
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Where to write; default: standard output
    #[arg(short, long = "filename", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `import`.
#[derive(Debug, Args)]
#[command(
    after_help = "The store is made if it does not exist. Remove the agents' intent logs before agents are started on it.\n\n\
    Examples:\n  \
    spiderpoolctl --store sled:///tmp/copy import -f backup.json\n  \
    spiderpoolctl --store sled:///tmp/copy import -f backup.json --dry-run"
)]
pub(crate) struct ImportArgs {
    /// The file that export wrote, or - for standard input
    #[arg(short, long = "filename", required = true, value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Blocks of 2^BITS addresses; default: as they were
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(0..=6))]
    block_bits: Option<u8>,
}

impl ImportArgs {
    /// The size of blocks that is asked for.
    pub(crate) fn block_bits(&self) -> Option<BlockBits> {
        self.block_bits.and_then(BlockBits::new)
    }
}
