//! `spiderpoolctl lab`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::lab::{PluginType, Scenario};

/// Which families the pods of the lab get addresses of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum FamilyChoice {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both.
    #[default]
    Dual,
}

impl FamilyChoice {
    /// Whether pods get IPv4 addresses.
    pub(crate) fn ipv4(self) -> bool {
        self != Self::V6
    }

    /// Whether pods get IPv6 addresses.
    pub(crate) fn ipv6(self) -> bool {
        self != Self::V4
    }
}

/// `lab`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "As root the lab makes network namespaces of its own: a node, the switch it is plugged into, and one for \
    each pod. It runs the CNI plugins in them as a container runtime does, and nothing of the host is touched. Without \
    root it does the same without interfaces.\n\n\
    Examples:\n  \
    spiderpoolctl lab\n  \
    spiderpoolctl lab --families v6 --pods 100\n  \
    spiderpoolctl lab --scenario deployment-auto\n  \
    spiderpoolctl lab --manifests pools.yaml --manifests app.yaml --keep\n  \
    spiderpoolctl lab --down /tmp/spiderpool-lab-3fa2"
)]
pub(crate) struct LabArgs {
    /// How many pods the burst has that the agent is killed in
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=250))]
    pub(crate) pods: u16,

    /// The families that pods get addresses of
    #[arg(long, value_enum, default_value_t)]
    pub(crate) families: FamilyChoice,

    /// Run these manifests instead of the built-in ones: a file, a directory or -. Repeat for several
    #[arg(long, value_name = "FILE|DIR|-")]
    pub(crate) manifests: Vec<PathBuf>,

    /// Run one of upstream's walk-throughs instead
    #[arg(long, value_enum, value_name = "NAME", conflicts_with = "manifests")]
    pub(crate) scenario: Option<Scenario>,

    /// Leave everything up at the end, and say how to play with it and how to remove it
    #[arg(long)]
    pub(crate) keep: bool,

    /// Remove what an earlier lab left up in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["keep", "manifests", "scenario", "dir"])]
    pub(crate) down: Option<PathBuf>,

    /// Make no network, also as root
    #[arg(long)]
    pub(crate) no_network: bool,

    /// Where the lab keeps its files; made if it is not there. Default: a new directory for temporary files
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Where spiderpool and spiderpool-agent are. Default: next to spiderpoolctl, then the search path
    #[arg(long, value_name = "DIR")]
    pub(crate) bin_dir: Option<PathBuf>,

    /// Where the main CNI plugins are. Default: /usr/lib/cni, then /opt/cni/bin
    #[arg(long, value_name = "DIR")]
    pub(crate) cni_bin_dir: Option<PathBuf>,

    /// The main plugin
    #[arg(long, value_enum, default_value_t)]
    pub(crate) plugin_type: PluginType,
}
