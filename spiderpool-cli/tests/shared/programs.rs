//! The programs that tests of this crate run, those of other crates among them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The program under test.
pub(crate) const CTL: &str = env!("CARGO_BIN_EXE_spiderpoolctl");

/// The folder of `spiderpool` and `spiderpool-agent`.
pub(crate) fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(given) = std::env::var_os("SPIDERPOOL_LAB_BIN_DIR") {
            return given.into();
        }
        let folder = Path::new(CTL).parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--offline", "--quiet", "-p", "spiderpool-cni", "--bins", "--target-dir"]);
        build.arg(folder.parent().unwrap());
        // Or other tests would find their agent without the stores that it has for them.
        for (store, is_wanted) in [("etcd", cfg!(feature = "etcd")), ("kube", cfg!(feature = "kube"))] {
            if is_wanted {
                build.args(["--features", store]);
            }
        }
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        folder.to_owned()
    })
}
