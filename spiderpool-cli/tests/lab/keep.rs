//! A lab that is left up, played with, and removed.

use std::{path::Path, process::Command};

use crate::support::{Bench, CTL, Told, processes_with};

struct Run {
    out: String,
    err: String,
    code: i32,
}

fn ctl(args: &[&str]) -> Run {
    let mut command = Command::new(CTL);
    command.env_remove("SPIDERPOOL_STORE").env_remove("SPIDERPOOL_AGENT_SOCKET");
    let output = command.args(args).output().unwrap();
    Run {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

#[test]
fn a_lab_that_is_left_up_answers_until_it_is_removed() {
    let bench = Bench::new();
    let told = Told::of(&bench.lab(&["--keep", "--pods", "3", "-o", "json"]).output().unwrap());
    let dir = bench.dir();
    // Whatever is found below, the lab goes.
    let removed = std::panic::catch_unwind(|| play(&dir, &told));
    let down = ctl(&["lab", "--down", dir.to_str().unwrap()]);
    if let Err(panic) = removed {
        std::panic::resume_unwind(panic);
    }
    assert_eq!((down.code, down.err.as_str()), (0, ""), "{}", down.out);
    bench.assert_clean(Some(told.text("prefix")));
    let again = ctl(&["lab", "--down", dir.to_str().unwrap()]);
    assert_eq!(again.code, 3);
    assert!(again.err.starts_with("error: there is no lab in "), "{}", again.err);
}

fn play(dir: &Path, told: &Told) {
    assert_eq!((told.checks("failed"), told.code), (vec![], 0));
    let socket = dir.join("agent.sock");
    assert_eq!(processes_with(&socket).len(), 1, "the agent is up");
    let socket = socket.to_str().unwrap();

    let pods = told.json["pods"].as_array().unwrap();
    let (pod, address) = pods
        .iter()
        .find_map(|pod| Some((pod["pod"].as_str()?, pod["addresses"][0]["address"].as_str()?)))
        .unwrap();
    let holder = ctl(&["--agent", socket, "ip", "show", address]);
    assert!(holder.out.contains(&format!("Pod:         {pod}\n")), "{}{}", holder.out, holder.err);
    let explained = ctl(&["--agent", socket, "explain", pod]);
    assert_eq!(explained.code, 0, "{}{}", explained.out, explained.err);
    let names = ctl(&["--agent", socket, "get", "pods", "-o", "name"]);
    assert_eq!(names.out.lines().count(), pods.len());

    // While the agent has the database, nobody else gets in, and is told where to knock.
    let store = format!("sled://{}", dir.join("db").display());
    let locked = ctl(&["--store", &store, "get", "sp"]);
    assert_eq!(locked.code, 4);
    assert!(locked.err.contains(" is locked by pid "), "{}", locked.err);
    assert!(
        locked.err.ends_with(&format!("try: go through that process: --agent {socket}\n")),
        "{}",
        locked.err
    );

    // Everything, into a database of its own, where the same is held.
    let (backup, copy) = (dir.with_file_name("backup.json"), dir.with_file_name("copy"));
    let (backup, copy) = (backup.to_str().unwrap(), format!("sled://{}", copy.display()));
    let exported = ctl(&["--agent", socket, "export", "-f", backup]);
    assert_eq!(exported.code, 0, "{}", exported.err);
    let imported = ctl(&["--store", &copy, "import", "-f", backup]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    let pools = |args: [&str; 2]| ctl(&[&args[..], &["get", "sp", "-o", "wide"]].concat()).out;
    assert_eq!(pools(["--store", &copy]), pools(["--agent", socket]));
    let again = ctl(&["--store", &copy, "import", "-f", backup]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("the target is not empty"), "{}", again.err);
    let well = ctl(&["--store", &copy, "fsck"]);
    assert_eq!((well.code, well.out.as_str()), (0, "nothing contradicts itself\n"));

    // A repair finds nothing to do, through the agent and without one; and nobody may bury a node that answers.
    for target in [["--store", &copy], ["--agent", socket]] {
        let repair = ctl(&[&target[..], &["fsck", "--repair", "--yes"]].concat());
        let nothing = "0 repairs made; nothing contradicts itself afterwards\n";
        assert_eq!((repair.code, repair.out.as_str()), (0, nothing), "{}", repair.err);
    }
    let buried = ctl(&["--agent", socket, "fsck", "--repair", "--gone-node", "lab-node"]);
    assert_eq!(buried.code, 1);
    assert!(buried.err.contains("node lab-node is not gone: its agent answers"), "{}", buried.err);

    // A held address leaves nobody's pool.
    let held = ctl(&["--agent", socket, "delete", "sp", "exact-v4"]);
    assert_eq!(held.code, 1);
    assert!(held.err.contains("it would lose addresses that are held"), "{}", held.err);
}
