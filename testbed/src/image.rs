//! Container images as archives that a runtime imports: the last stage of a Dockerfile, built without a daemon and
//! without a registry. What comes from earlier stages is taken from a folder of programs instead.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Problem, process::said};

/// What the last stage says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Stage {
    /// A program's file name, and its place in the image.
    copies: Vec<(String, String)>,
    user: Option<String>,
    /// As it stands there: a list in JSON.
    entrypoint: Option<String>,
}

/// An image that is not begun with nothing, or an instruction that is not known here, is a problem: it would be another
/// image than the one that the Dockerfile makes.
fn last_stage(dockerfile: &str) -> Result<Stage, Problem> {
    let mut stage = None;
    for line in dockerfile.lines().map(str::trim) {
        let (instruction, rest) = line.split_once(' ').unwrap_or((line, ""));
        let wrong = || Problem::failed(format!("\"{line}\" is not known to the test bed"));
        match (instruction, &mut stage) {
            ("FROM", _) => stage = (rest == "scratch").then(Stage::default),
            // A comment, or an earlier stage.
            ("" | "#", _) | (_, None) => {}
            ("COPY", Some(stage)) => {
                let words: Vec<_> = rest.split(' ').filter(|word| !word.starts_with("--from=")).collect();
                let [from, to] = words[..] else { return Err(wrong()) };
                let name = from.rsplit('/').next().unwrap_or(from);
                stage.copies.push((name.to_owned(), to.to_owned()));
            }
            ("USER", Some(stage)) => stage.user = Some(rest.to_owned()),
            ("ENTRYPOINT", Some(stage)) if rest.starts_with('[') => stage.entrypoint = Some(rest.to_owned()),
            _ => return Err(wrong()),
        }
    }
    stage.ok_or_else(|| Problem::failed("its last stage is not FROM scratch"))
}

/// Writes the image that the last stage of `dockerfile` describes, under the name `name` (`localhost/agent:1`), into the
/// file `archive`, in the form of `docker save`. Programs come from `programs`, by their file names. Uses tar and
/// sha256sum.
///
/// # Errors
/// [`Problem`]: a program is not there, or an instruction is not known here.
pub fn build_image(dockerfile: &str, programs: &Path, name: &str, archive: &Path) -> Result<(), Problem> {
    let stage = last_stage(dockerfile)?;
    let mut folder = archive.as_os_str().to_owned();
    folder.push(".building");
    let folder = PathBuf::from(folder);
    let failed = |path: &Path| Problem::system(path.display().to_string());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed(&folder))?;
    }
    let root = folder.join("root");
    for (program, to) in &stage.copies {
        let (from, to) = (programs.join(program), root.join(to.trim_start_matches('/')));
        let made = to.parent().map_or(Ok(()), fs::create_dir_all);
        made.map_err(failed(&to))?;
        fs::copy(&from, &to).map_err(failed(&from))?;
    }
    tar(&root, &folder.join("layer.tar"), &["."])?;
    let layer = digest(&folder.join("layer.tar"))?;
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let (user, entrypoint) = (stage.user.unwrap_or_default(), stage.entrypoint.unwrap_or("[]".into()));
    let config = format!(
        r#"{{"architecture":"{architecture}","os":"linux","config":{{"User":"{user}","Entrypoint":{entrypoint}}},"rootfs":{{"type":"layers","diff_ids":["sha256:{layer}"]}}}}"#
    );
    let manifest = format!(r#"[{{"Config":"config.json","RepoTags":["{name}"],"Layers":["layer.tar"]}}]"#);
    for (file, text) in [("config.json", config), ("manifest.json", manifest)] {
        fs::write(folder.join(file), text).map_err(failed(&folder))?;
    }
    let unfinished = folder.join("image.tar");
    tar(&folder, &unfinished, &["manifest.json", "config.json", "layer.tar"])?;
    fs::rename(&unfinished, archive).map_err(failed(archive))?;
    fs::remove_dir_all(&folder).map_err(failed(&folder))
}

/// The same files make the same archive, whoever makes it and when.
fn tar(folder: &Path, archive: &Path, what: &[&str]) -> Result<(), Problem> {
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-cf"]);
    command.arg(archive).arg("-C").arg(folder).args(what);
    said(&mut command).map(drop)
}

fn digest(file: &Path) -> Result<String, Problem> {
    let said = said(Command::new("sha256sum").arg(file))?;
    let digest = said.split(' ').next().filter(|digest| digest.len() == 64);
    digest.map(str::to_owned).ok_or_else(|| Problem::failed(format!("sha256sum said {said:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_is_read_and_nothing_in_it_is_passed_over() {
        let text = "# comment\nFROM rust AS build\nRUN cargo build\n\nFROM scratch\nCOPY --from=build /src/a /usr/bin/b\n\
                    USER 1:2\nENTRYPOINT [\"/usr/bin/b\"]\n";
        let expected = Stage {
            copies: vec![("a".into(), "/usr/bin/b".into())],
            user: Some("1:2".into()),
            entrypoint: Some("[\"/usr/bin/b\"]".into()),
        };
        assert_eq!(last_stage(text).unwrap(), expected);
        for wrong in
            ["FROM scratch\nRUN x", "FROM rust", "FROM scratch\nCOPY a", "FROM scratch\nENTRYPOINT a"]
        {
            assert!(last_stage(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_programs_make_the_same_image() {
        let folder = crate::folder::Folder::temporary().unwrap();
        folder.write("program", "#!").unwrap();
        let image = |archive: &str| {
            let archive = folder.join(archive);
            let text = "FROM scratch\nCOPY program /bin/program\n";
            build_image(text, &folder.join(""), "localhost/a:1", &archive).unwrap();
            fs::read(archive).unwrap()
        };
        assert_eq!(image("one.tar"), image("two.tar"));
        assert!(
            build_image("FROM scratch\nCOPY none /none\n", &folder.join(""), "a", &folder.join("x")).is_err()
        );
    }
}
