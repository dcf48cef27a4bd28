//! The command line of xtask.

use crate::chart::Generated;
use crate::images;
use crate::instructions::Action;
use crate::soak::{self, Soak};
use crate::test::Selection;
use crate::testbed::{self, Wanted};

/// What `cargo xtask --help` prints.
pub(crate) const HELP: &str = "\
cargo xtask COMMAND: the project's own commands

COMMANDS
  lab [ARGS…]            build the programs and run the lab; ARGS go to 'spiderpoolctl lab'
  sim [ARGS…]            run the allocator under seeded faults; 'sim --help' tells the rest
  crds                   write the Kubernetes custom resource definitions into charts/spiderpool/files/crds
  chart                  write README and schema of the chart from its values.yaml
  book                   build the documentation as a book, in target/book
  images [--release]     build the container images as archives, without a registry
  monitoring             write alert rules, the Grafana dashboard and docs/reference/metrics.md
  soak                   kill, starve and damage the real agent under load, and check what its clients saw
    --crashes N          kill -9 this often (500)
    --full-disks N       fill its disk this often (50)
    --damages N          truncate or change its database this often (300)
    --server-deaths N    kill servers of etcd and Kubernetes this often under it (40)
    --controller-deaths N
                         kill controllers this often while applications scale (120)
    --renewals N         let cert-manager renew the webhook's certificate this often; 0 for without it (5)
    --pods N             pods on two real kubelets, beside host-local; 0 for none (1000)
    --seed S             what chooses the moments and places (1)
  testbed up             build and start etcd and a Kubernetes control plane on loopback, and leave them running
    --etcd-members 3     a cluster of three instead of one member
    --nodes 2            nodes with kubelet and containerd too, in namespaces of their own, with the images of this tree
  testbed status         what runs, where, and how to point kubectl and etcdctl at it
  testbed down           end it and remove its data
  test                   run every check that CI runs
    --only NAME,…        only these checks
    --cluster            only the chart on real nodes, as '--only nodes'
    --skip NAME,…        all but these checks
    --list               name the checks and stop
  instructions           compare instruction counts of grant and release with the baseline
    --accept             write the counts of this machine as the new baseline

What a command needs and cannot find is installed where that is possible (Debian packages when run as root, cargo
tools), and otherwise named with the command that gets it. With CI=true a check that cannot run is a failure.

EXAMPLES
  cargo xtask lab                          addresses for pods in real network namespaces
  cargo xtask lab --keep                   the same, left up to play with
  cargo xtask lab --help                   what the lab can do
  cargo xtask sim --minutes 20             new seeds for 20 minutes
  cargo xtask sim --seed 17                one seed again
  cargo xtask soak --crashes 500           five hundred deaths under load
  cargo xtask testbed up                   a control plane to play with, from Go modules
  cargo xtask testbed up --nodes 2         two nodes to install the chart on
  cargo xtask test                         everything, as CI runs it
  cargo xtask test --only fmt,clippy       two quick ones before a commit
  cargo xtask test --skip benches
  cargo xtask instructions --accept        after a change that is worth its instructions
";

/// A command line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Print [`HELP`].
    Help,
    /// Print the names of the checks.
    ListChecks,
    /// Run the lab with these arguments.
    Lab(Vec<String>),
    /// Run the simulation with these arguments.
    Sim(Vec<String>),
    /// Build the documentation as a book.
    Book,
    /// Write what is generated of the chart.
    Chart(Generated),
    /// Build the container images.
    Images(images::Profile),
    /// Crash the real agent this often.
    Soak(Soak),
    /// Do this with the test bed.
    Testbed(testbed::Action),
    /// Run the selected checks.
    Test(Selection),
    /// Compare or accept instruction counts.
    Instructions(Action),
}

/// Reads the arguments after the program's name. The error is a sentence for the user.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut args = args.into_iter();
    let Some(command) = args.next() else { return Ok(Command::Help) };
    let rest: Vec<String> = args.collect();
    match command.as_str() {
        "lab" => Ok(Command::Lab(rest)),
        "sim" => Ok(Command::Sim(rest)),
        "crds" if rest.is_empty() => Ok(Command::Chart(Generated::Crds)),
        "monitoring" if rest.is_empty() => Ok(Command::Chart(Generated::Monitoring)),
        "chart" if rest.is_empty() => Ok(Command::Chart(Generated::Values)),
        "book" if rest.is_empty() => Ok(Command::Book),
        "crds" | "monitoring" | "chart" | "book" => {
            Err(format!("'{command}' takes nothing, not '{}'", rest.join(" ")))
        }
        "images" => match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(Command::Images(images::Profile::Dev)),
            ["--release"] => Ok(Command::Images(images::Profile::Release)),
            ["--help" | "-h"] => Ok(Command::Help),
            _ => Err(format!("'images' takes nothing but --release, not '{}'", rest.join(" "))),
        },
        "soak" => Ok(soak::parse(&rest)?.map_or(Command::Help, Command::Soak)),
        "testbed" => parse_testbed(&rest),
        "test" => parse_test(&rest),
        "instructions" => match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(Command::Instructions(Action::Compare)),
            ["--accept"] => Ok(Command::Instructions(Action::Accept)),
            ["--help" | "-h"] => Ok(Command::Help),
            _ => Err(format!("'instructions' takes nothing but --accept, not '{}'", rest.join(" "))),
        },
        "help" | "--help" | "-h" => Ok(Command::Help),
        other => Err(format!("there is no command '{other}'")),
    }
}

fn parse_testbed(args: &[String]) -> Result<Command, String> {
    let action = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["up"] => testbed::Action::Up(Wanted::Servers { etcd_members: 1 }),
        ["up", "--etcd-members", members] => testbed::Action::Up(Wanted::Servers {
            etcd_members: match members {
                "1" => 1,
                "3" => 3,
                "5" => 5,
                _ => return Err(format!("--etcd-members is 1, 3 or 5, not '{members}'")),
            },
        }),
        ["up", "--nodes", count] => testbed::Action::Up(Wanted::Nodes(nodes(count)?)),
        ["keep", folder, count] => testbed::Action::Keep(folder.into(), nodes(count)?),
        ["status"] => testbed::Action::Status,
        ["down"] => testbed::Action::Down,
        [.., "--help" | "-h"] => return Ok(Command::Help),
        _ => {
            return Err(format!(
                "'testbed' takes up [--etcd-members N | --nodes N], status or down, not '{}'",
                args.join(" ")
            ));
        }
    };
    Ok(Command::Testbed(action))
}

/// As many as have addresses.
fn nodes(count: &str) -> Result<u8, String> {
    let wrong = || format!("--nodes is 1 to 9, not '{count}'");
    count.parse().ok().filter(|count| (1..=9).contains(count)).ok_or_else(wrong)
}

fn parse_test(args: &[String]) -> Result<Command, String> {
    let (mut only, mut skip) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        let names = match flag {
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => return Ok(Command::ListChecks),
            "--cluster" if inline.is_none() => {
                only.push("nodes".to_owned());
                continue;
            }
            "--only" => &mut only,
            "--skip" => &mut skip,
            _ => return Err(format!("'test' does not know '{arg}'")),
        };
        let value = inline
            .or_else(|| args.next().cloned())
            .ok_or_else(|| format!("{flag} needs names, as in '{flag} fmt,clippy'"))?;
        names.extend(value.split(',').filter(|name| !name.is_empty()).map(str::to_owned));
    }
    Selection::new(only, skip).map(Command::Test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_of_the_lab_and_the_simulation_are_left_alone() {
        let args = ["--keep", "--help", "test"].map(str::to_owned).to_vec();
        assert_eq!(parsed("lab --keep --help test"), Ok(Command::Lab(args)));
        let args = ["--seed", "7", "--help"].map(str::to_owned).to_vec();
        assert_eq!(parsed("sim --seed 7 --help"), Ok(Command::Sim(args)));
    }

    #[test]
    fn names_come_in_lists_and_in_both_spellings() {
        let expected =
            Selection::new(vec!["fmt".into(), "doc".into()], vec!["deny".into()]).map(Command::Test);
        assert!(expected.is_ok());
        assert_eq!(parsed("test --only fmt,doc --skip=deny"), expected);
        assert_eq!(parsed("test --only fmt --only doc --skip deny"), expected);
    }

    #[test]
    fn the_cluster_is_one_of_the_checks() {
        let expected = Selection::new(vec!["nodes".into()], Vec::new()).map(Command::Test);
        assert_eq!(parsed("test --cluster"), expected);
        assert!(parsed("test --cluster=yes").is_err());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, named) in [
            ("tset", "tset"),
            ("test fmt", "fmt"),
            ("test --only", "--only"),
            ("test --only fnt", "fnt"),
            ("test --skip fnt", "fnt"),
            ("instructions --acept", "--acept"),
            ("images --relase", "--relase"),
            ("crds charts", "charts"),
            ("testbed", "up"),
            ("testbed upp", "upp"),
            ("testbed up --etcd-members 2", "'2'"),
        ] {
            let refused = parsed(line);
            assert!(refused.as_ref().is_err_and(|message| message.contains(named)), "{line}: {refused:?}");
        }
    }

    #[test]
    fn the_test_bed_has_one_member_unless_told_otherwise() {
        let up = |wanted| Ok(Command::Testbed(testbed::Action::Up(wanted)));
        assert_eq!(parsed("testbed up"), up(Wanted::Servers { etcd_members: 1 }));
        assert_eq!(parsed("testbed up --etcd-members 3"), up(Wanted::Servers { etcd_members: 3 }));
        assert_eq!(parsed("testbed up --nodes 2"), up(Wanted::Nodes(2)));
        assert!(parsed("testbed up --nodes 10").is_err());
    }

    #[test]
    fn help_is_help_everywhere() {
        for line in
            ["", "help", "-h", "--help", "test --help", "testbed up -h", "instructions -h", "soak --help"]
        {
            assert_eq!(parsed(line), Ok(Command::Help), "{line}");
        }
    }
}
