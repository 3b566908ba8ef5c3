//! What must not be, and is refused with a reason: instances that could not kill each other, options that differ, switchovers to one
//! that is not ready.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use crate::site::{Site, until};

const LEASE: &str = "timeout = \"3s\"";

/// Runs the program as another user, in another PID namespace, or on another boot-time clock.
const OTHER_USER: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const OTHER_PIDS: [&[&str]; 2] = [&["unshare", "-pf", "--mount-proc"], &["unshare", "-Urpf", "--mount-proc"]];
const OTHER_TIME: [&[&str]; 2] = [&["unshare", "-T", "--boottime", "100000"], &["unshare", "-UrT", "--boottime", "100000"]];

/// The first of these ways that the system permits; none: it is told.
fn permitted<'a>(ways: &[&'a [&'a str]]) -> Option<&'a [&'a str]> {
    let works = |by: &&&[&str]| {
        let mut tried = Command::new(by[0]);
        tried.args(&by[1..]).args([env!("CARGO_BIN_EXE_tandem"), "--version"]).output().is_ok_and(|tried| tried.status.success())
    };
    let way = ways.iter().find(works).copied();
    if way.is_none() {
        eprintln!("skipped: this system permits none of {ways:?}");
    }
    way
}

fn is_refused(site: &mut Site, by: &[&str], why: &str) {
    let config = site.config();
    site.starts_as(by, 'b', &config);
    let ended = site.ends('b');
    let log = site.log('b').split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert_eq!(ended.code(), Some(3), "{log}");
    assert!(log.contains(&format!("process {} (101/a)", site.pid('a'))) && log.contains(why), "{log}");
    std::fs::remove_file(site.file("b.log")).unwrap();
}

#[test]
fn one_that_could_not_kill_the_other_does_not_start() {
    let mut site = Site::new(LEASE);
    site.starts('a');
    site.serves('a');
    if permitted(&[OTHER_USER]).is_some() {
        // It may do everything but kill.
        for entry in std::fs::read_dir(site.folder()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            std::fs::set_permissions(entry.path(), Permissions::from_mode(0o666)).unwrap();
        }
        std::fs::set_permissions(site.folder(), Permissions::from_mode(0o777)).unwrap();
        is_refused(
            &mut site,
            OTHER_USER,
            "must not be killed by this one, which is needed when it hangs; run both instances as the same user",
        );
        std::fs::remove_file(site.file("pair.db.instance-101-b.lock")).unwrap();
    }
    for ways in [OTHER_PIDS, OTHER_TIME] {
        if let Some(way) = permitted(&ways) {
            is_refused(
                &mut site,
                way,
                "is not to be seen from here; a pair on one store must be able to kill a hung instance: run both in the same container",
            );
        }
    }
    assert_eq!(site.serves('a')["epoch"], 1, "nobody was disturbed");
    site.starts('b');
    site.has_a_backup('a');
    site.calls_live(10);
    assert_eq!(site.ends_well()["default_routed"], 0);
}

#[test]
fn options_that_differ_are_named_and_only_force_hands_over() {
    let mut site = Site::new(LEASE);
    site.starts('a');
    site.serves('a');
    let text = std::fs::read_to_string(site.file("tandem-b.toml")).unwrap();
    let other = site.file("other.toml");
    std::fs::write(&other, text.replace("timeout = \"3s\"", "timeout = \"4s\"")).unwrap();
    site.starts_as(&[], 'b', other.to_str().unwrap());
    let differ =
        "options that must be equal in the pair differ: lease.timeout; give 101/a and 101/b the same tandem.toml and start them again";
    let says_so = |status: &serde_json::Value| status["synch"]["problem"].as_str().is_some_and(|problem| problem.contains(differ));
    site.stands('a', says_so);
    site.stands('b', says_so);
    until("a word in both logs", || (site.log('a').contains(differ) && site.log('b').contains(differ)).then_some(()));
    assert!(!site.is_ready('b'));
    site.calls_live(10);
    let (_, said) = site.tandem(&["status"]);
    assert!(said.contains(differ), "{said}");
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(!good && said.contains("refused: 101/b is not connected") && said.contains(differ), "{said}");
    // It may lead all the same, if an operator who knows says so.
    let (good, said) = site.tandem(&["switchover", "101", "--force"]);
    assert!(good && said.contains("101/b is primary and serves"), "{said}\n{}\n{}", site.log('a'), site.log('b'));
    site.watches('a');
    let (good, said) = site.tandem(&["switchover", "101", "--force"]);
    assert!(good && said.contains("101/a is primary and serves"), "{said}\n{}\n{}", site.log('a'), site.log('b'));
    // The cause is gone with a restart on the same file.
    site.signals('b', "TERM");
    assert!(site.ends('b').success());
    site.starts('b');
    site.has_a_backup('a');
    assert_eq!(site.status('a').unwrap()["synch"]["problem"], serde_json::Value::Null);
    site.calls_live(10);
    assert_eq!(site.ends_well()["default_routed"], 0);
}

#[test]
fn a_backup_that_hangs_is_not_ready_and_delays_no_answer() {
    let mut site = Site::new(LEASE);
    site.runs();
    site.has_a_backup('a');
    site.signals('b', "STOP");
    let began = Instant::now();
    let status = site.stands('a', |status| status["peer"]["ready"] != true);
    assert!(status["peer"]["why_not"].as_str().is_some_and(|why| why.contains("no sign of life")), "before the link is given up: {status}");
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(!good && said.contains("refused: 101/b is not"), "{said}");
    // Its own answer would have been waited for, 8 s.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    site.signals('b', "CONT");
    site.has_a_backup('a');
    assert_eq!(site.status('a').unwrap()["epoch"], 1);
    assert_eq!(site.ends_well()["default_routed"], 0);
}

/// The same component with a few bytes more that mean nothing: another version of the same strategy.
fn as_another_version(component: &[u8]) -> Vec<u8> {
    [component, &[0, 5, 4], b"test"].concat()
}

#[test]
fn a_backup_loads_what_its_primary_has_begun_to_run() {
    let mut site = Site::with_component(LEASE);
    let file = site.file("strategy.wasm");
    let first = std::fs::read(&file).unwrap();
    // The second is deployed by 101/b alone, and nothing runs on it when 101/a starts.
    site.starts('a');
    site.serves('a');
    std::fs::write(&file, as_another_version(&first)).unwrap();
    site.starts('b');
    site.watches('b');
    site.stands('a', |status| status["peer"]["ready"] == true);
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(good, "{said}");
    site.serves('b');
    // Its new calls run on a version that the other one, now backup, has never seen.
    let lacks = |status: &serde_json::Value| {
        status["peer"]["why_not"].as_str().is_some_and(|why| why.contains("has not compiled 1 of the versions that live"))
    };
    site.stands('b', lacks);
    site.calls_live(10);
    site.has_a_backup('b');
    assert!(site.log('a').contains("what live sessions run on is loaded"), "{}", site.log('a'));
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(good, "{said}");
    assert_eq!(site.ends_well()["default_routed"], 0);
}
