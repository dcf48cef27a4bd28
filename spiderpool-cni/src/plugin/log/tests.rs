use super::file::LogFile;
use crate::cni::{LogConf, LogLevel};
use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// 2025-01-01.
const NOW: Duration = Duration::from_secs(1_735_689_600);
const DAY: Duration = Duration::from_secs(86_400);

fn conf(dir: &Path) -> LogConf {
    LogConf {
        level: LogLevel::Info,
        file: dir.join("log/spiderpool.log"),
        max_megabytes: 1,
        max_days: 30,
        max_files: 3,
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A file of exactly the limit.
fn fill(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, vec![b'x'; 1_000_000]).unwrap();
}

#[test]
fn a_full_file_is_renamed_and_the_line_goes_into_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let conf = conf(dir.path());
    let mut log = LogFile::new(conf.clone());
    log.append(b"first\n", NOW).unwrap();
    log.append(b"second\n", NOW).unwrap();
    assert_eq!(fs::read(&conf.file).unwrap(), b"first\nsecond\n");

    fill(&conf.file);
    LogFile::new(conf.clone()).append(b"third\n", NOW).unwrap();
    assert_eq!(names(dir.path()), ["spiderpool-2025-01-01T00-00-00.000.log", "spiderpool.log"]);
    assert_eq!(fs::read(&conf.file).unwrap(), b"third\n");

    // Once more in the same millisecond: nothing is overwritten.
    fill(&conf.file);
    LogFile::new(conf.clone()).append(b"fourth\n", NOW).unwrap();
    assert_eq!(names(dir.path()).len(), 3);
}

#[test]
fn a_process_that_still_holds_the_renamed_file_opens_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let conf = conf(dir.path());
    let mut slow = LogFile::new(conf.clone());
    slow.append(b"slow\n", NOW).unwrap();
    File::options().append(true).open(&conf.file).unwrap().set_len(1_000_000).unwrap();
    let mut quick = LogFile::new(conf.clone());
    quick.append(b"quick\n", NOW).unwrap();
    slow.append(b"slow again\n", NOW).unwrap();
    assert_eq!(fs::read(&conf.file).unwrap(), b"quick\nslow again\n");
    assert_eq!(names(dir.path()).len(), 2, "rotated once, not twice");
}

#[test]
fn while_another_process_rotates_lines_still_go_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    let conf = conf(dir.path());
    fill(&conf.file);
    let other = File::open(&conf.file).unwrap();
    other.lock().unwrap();
    LogFile::new(conf.clone()).append(b"line\n", NOW).unwrap();
    assert!(fs::read(&conf.file).unwrap().ends_with(b"line\n"));
    assert_eq!(names(dir.path()).len(), 1);
}

#[test]
fn old_files_go_by_count_and_by_age_and_other_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let conf = conf(dir.path());
    let old = |name: &str, age: Duration| {
        let path = conf.file.with_file_name(name);
        fill(&path);
        let times = FileTimes::new().set_modified(UNIX_EPOCH + (NOW - age));
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    };
    old("spiderpool-2024-12-30T00-00-00.000.log", DAY);
    old("spiderpool-2024-11-01T00-00-00.000.log", 60 * DAY);
    old("spiderpool-by-hand.log", 600 * DAY);
    old("other-2020-01-01T00-00-00.000.log", 600 * DAY);
    fill(&conf.file);
    LogFile::new(conf.clone()).append(b"line\n", NOW).unwrap();
    assert_eq!(
        names(dir.path()),
        [
            "other-2020-01-01T00-00-00.000.log",
            "spiderpool-2024-12-30T00-00-00.000.log",
            "spiderpool-2025-01-01T00-00-00.000.log",
            "spiderpool-by-hand.log",
            "spiderpool.log",
        ]
    );

    for second in 1..=3 {
        fill(&conf.file);
        LogFile::new(conf.clone()).append(b"line\n", NOW + Duration::from_secs(second)).unwrap();
    }
    let kept: Vec<_> = names(dir.path()).into_iter().filter(|name| name.contains("-20")).collect();
    assert_eq!(
        kept,
        [
            "other-2020-01-01T00-00-00.000.log",
            "spiderpool-2025-01-01T00-00-01.000.log",
            "spiderpool-2025-01-01T00-00-02.000.log",
            "spiderpool-2025-01-01T00-00-03.000.log",
        ]
    );
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log"), "a file where a directory should be").unwrap();
    assert!(LogFile::new(conf(dir.path())).append(b"line\n", NOW).is_err());
}
