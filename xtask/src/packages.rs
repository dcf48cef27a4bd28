//! Debian packages that the project needs: which, what for, and how to get them.

use std::path::Path;

use crate::problem::Problem;
use crate::process::find_program;
use crate::workspace::Workspace;

/// What a package is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The lab with real interfaces, and the tests that run it.
    Lab,
    /// Counting instructions.
    Instructions,
    /// Compiling the etcd client.
    Etcd,
    /// Nodes with kubelets.
    Nodes,
}

/// How to see that a package is there, also where it was installed by other means than Debian's.
#[derive(Clone, Copy, Debug)]
enum Sign {
    /// A program of this name.
    Program(&'static str),
    /// One of these files.
    AnyFile(&'static [&'static str]),
}

impl Sign {
    fn is_there(self) -> bool {
        match self {
            Self::Program(name) => find_program(name).is_some(),
            Self::AnyFile(paths) => paths.iter().any(|path| Path::new(path).exists()),
        }
    }
}

/// One line of [`PACKAGES`].
#[derive(Debug)]
struct Package {
    name: &'static str,
    purpose: Purpose,
    sign: Sign,
}

/// Every Debian package that anything here needs.
const PACKAGES: &[Package] = &[
    Package { name: "iproute2", purpose: Purpose::Lab, sign: Sign::Program("ip") },
    Package { name: "iputils-ping", purpose: Purpose::Lab, sign: Sign::Program("ping") },
    Package {
        name: "containernetworking-plugins",
        purpose: Purpose::Lab,
        sign: Sign::AnyFile(&["/usr/lib/cni/bridge", "/opt/cni/bin/bridge"]),
    },
    Package { name: "valgrind", purpose: Purpose::Instructions, sign: Sign::Program("valgrind") },
    Package { name: "protobuf-compiler", purpose: Purpose::Etcd, sign: Sign::Program("protoc") },
    // Only recommended by protobuf-compiler, and still needed: it holds google/protobuf/descriptor.proto.
    Package {
        name: "libprotobuf-dev",
        purpose: Purpose::Etcd,
        sign: Sign::AnyFile(&[
            "/usr/include/google/protobuf/descriptor.proto",
            "/usr/local/include/google/protobuf/descriptor.proto",
        ]),
    },
    Package { name: "containerd", purpose: Purpose::Nodes, sign: Sign::Program("containerd") },
    Package {
        name: "runc",
        purpose: Purpose::Nodes,
        sign: Sign::AnyFile(&["/usr/sbin/runc", "/usr/bin/runc"]),
    },
    Package { name: "busybox-static", purpose: Purpose::Nodes, sign: Sign::AnyFile(&["/bin/busybox"]) },
    Package {
        name: "iptables",
        purpose: Purpose::Nodes,
        sign: Sign::AnyFile(&["/usr/sbin/iptables", "/sbin/iptables"]),
    },
];

/// Makes sure that what `purpose` needs is there: installs it where that is possible, else says what is missing and
/// how to get it. Costs nothing but a few file look-ups when all is there.
pub(crate) fn ensure(workspace: &Workspace, purpose: Purpose) -> Result<(), Problem> {
    let wanted = missing(purpose);
    if wanted.is_empty() {
        return Ok(());
    }
    if !can_install() {
        return Err(refusal(&wanted, None));
    }
    println!("Installing from Debian: {}", wanted.join(", "));
    install(workspace, &wanted).map_err(|problem| refusal(&wanted, Some(&problem)))?;
    let still = missing(purpose);
    if still.is_empty() { Ok(()) } else { Err(refusal(&still, None)) }
}

/// Names of the packages for `purpose` that are not there.
fn missing(purpose: Purpose) -> Vec<&'static str> {
    let wanted = PACKAGES.iter().filter(|package| package.purpose == purpose);
    wanted.filter(|package| !package.sign.is_there()).map(|package| package.name).collect()
}

/// Whether this process may install Debian packages.
fn can_install() -> bool {
    find_program("apt-get").is_some() && is_root()
}

/// Whether this process runs as root, by the owner of its own entry in /proc.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

/// A problem unless this process runs as root; `what` for.
pub(crate) fn root(what: &str) -> Result<(), Problem> {
    match is_root() {
        true => Ok(()),
        false => Err(Problem::Missing { what: format!("root, for {what},"), remedy: "sudo".into() }),
    }
}

fn install(workspace: &Workspace, names: &[&str]) -> Result<(), Problem> {
    let apt = |arguments: &[&str]| {
        let apt = workspace.program("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
        apt.args(["-q", "-y", "-o", "Dpkg::Use-Pty=0"]).args(arguments).capture()
    };
    apt(&["update"])?;
    apt(&[&["install", "--no-install-recommends"], names].concat())?;
    Ok(())
}

/// The problem of these packages missing, with the command that gets them.
fn refusal(names: &[&str], cause: Option<&Problem>) -> Problem {
    let names = names.join(" ");
    let cause = cause.map(|cause| format!("; tried, and {cause}")).unwrap_or_default();
    let remedy = if find_program("apt-get").is_some() {
        format!("sudo apt-get update && sudo apt-get install {names}{cause}")
    } else {
        format!("this system's package manager ({names} is what Debian calls it){cause}")
    };
    Problem::Missing { what: names, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_packages_and_a_command() {
        let Problem::Missing { what, remedy } = refusal(&["iproute2", "valgrind"], None) else {
            panic!("a missing package is a missing tool")
        };
        assert_eq!(what, "iproute2 valgrind");
        assert!(remedy.contains("iproute2 valgrind"), "{remedy}");
    }

    #[test]
    fn every_purpose_has_packages() {
        for purpose in [Purpose::Lab, Purpose::Instructions, Purpose::Etcd] {
            assert!(PACKAGES.iter().any(|package| package.purpose == purpose), "{purpose:?}");
        }
    }

    #[test]
    fn a_sign_tells_presence_from_absence() {
        assert!(Sign::AnyFile(&["/no/such/file", "/proc/self"]).is_there());
        assert!(!Sign::AnyFile(&["/no/such/file"]).is_there());
        assert!(!Sign::Program("no-such-program-anywhere").is_there());
    }
}
