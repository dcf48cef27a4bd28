//! Go modules beside this crate, and programs that are built from them once.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::Problem;

/// A Go module.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    folder: PathBuf,
    requirements: String,
}

impl Module {
    /// The one in `folder` of this crate.
    pub(crate) fn of(folder: &str) -> Result<Self, Problem> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let file = folder.join("go.mod");
        let requirements = fs::read_to_string(&file).map_err(Problem::system(file.display()))?;
        Ok(Self { folder, requirements })
    }

    /// The version of the module `required` that it asks for.
    pub(crate) fn version(&self, required: &str) -> Result<String, Problem> {
        let version = version_of(&self.requirements, required).map(str::to_owned);
        version
            .ok_or_else(|| Problem::failed(format!("{} does not require {required}", self.folder.display())))
    }

    /// Tells programs of its own sources apart from those of earlier ones.
    pub(crate) fn digest(&self) -> Result<String, Problem> {
        let failed = || Problem::system(self.folder.display());
        let entries = fs::read_dir(&self.folder).map_err(failed())?;
        let mut files =
            entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().map_err(failed())?;
        files.sort();
        let mut hasher = DefaultHasher::new();
        for file in files.iter().filter(|file| file.is_file()) {
            fs::read(file).map_err(Problem::system(file.display()))?.hash(&mut hasher);
        }
        Ok(format!("{:016x}", hasher.finish()))
    }

    /// Builds `package` into the file `program` if that is not there, once `beside` has put there what belongs to it. Takes minutes;
    /// one process builds at a time, and the others wait for it.
    pub(crate) fn build(
        &self,
        package: &str,
        link_flags: &str,
        program: &Path,
        beside: impl FnOnce() -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if program.is_file() {
            return Ok(());
        }
        let (Some(cache), Some(name)) = (program.parent(), program.file_name()) else {
            return Err(Problem::failed(format!("{} is no file in a cache", program.display())));
        };
        fs::create_dir_all(cache).map_err(Problem::system(cache.display()))?;
        let lock = cache.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&lock);
        let file = file.map_err(Problem::system(lock.display()))?;
        file.lock().map_err(Problem::system(lock.display()))?;
        // Another process may have built it meanwhile.
        if program.is_file() {
            return Ok(());
        }
        let name = name.to_string_lossy();
        eprintln!("testbed: building {name} into {}, once; minutes on a cold machine", cache.display());
        let unfinished = cache.join(format!(".{name}.building"));
        let output = &unfinished.to_string_lossy();
        let build = ["build", "-mod=readonly", "-trimpath", "-ldflags", link_flags, "-o", output, package];
        self.go(&build, &name)?;
        beside()?;
        fs::rename(&unfinished, program).map_err(Problem::system(program.display()))?;
        eprintln!("testbed: built {name}");
        Ok(())
    }

    /// The folder with the sources of the module `required`.
    pub(crate) fn sources(&self, required: &str) -> Result<PathBuf, Problem> {
        let output = self.go(&["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", required], required)?;
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    }

    fn go(&self, args: &[&str], what: &str) -> Result<Output, Problem> {
        let ran = Command::new("go")
            .args(args)
            .current_dir(&self.folder)
            .env("CGO_ENABLED", "0")
            .stdin(Stdio::null())
            .output();
        match ran {
            Ok(output) if output.status.success() => Ok(output),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(Problem::failed(format!("building {what}: {}\n{}", output.status, said.trim_end())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Problem::Missing {
                what: format!("Go, which builds {what},"),
                remedy: "an installation from https://go.dev/dl".to_owned(),
            }),
            Err(error) => Err(Problem::system("cannot start go")(error)),
        }
    }
}

/// The version of `module` that the text of a go.mod requires.
fn version_of<'a>(text: &'a str, module: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut words = line.trim_start_matches("require ").split_whitespace();
        (words.next() == Some(module)).then(|| words.next())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_module() {
        let text = "require d v4\nrequire (\n\ta/b v1\n\ta/b/c v2.0.1 // indirect\n)\nreplace a => a v3\n";
        assert_eq!(version_of(text, "a/b/c"), Some("v2.0.1"));
        assert_eq!(version_of(text, "d"), Some("v4"));
        assert_eq!(version_of(text, "c"), None);
    }
}
