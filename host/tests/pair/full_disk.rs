//! The disk of the store fills up under live calls. It is a small one, mounted in a mount namespace of its own, in which the test runs
//! itself once more.

use std::{
    env,
    fs::OpenOptions,
    io::Write,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::site::{Site, until};

const TIMEOUT: Duration = Duration::from_secs(1);

/// Set where mounts are the test's own.
const INSIDE: &str = "TANDEM_TEST_INSIDE";

/// Whether this is the run inside. Outside it runs the test of this name again, inside; where the system permits none, it says so.
fn is_inside(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let folder = tempfile::tempdir().unwrap();
    let mounts = ["mount", "-t", "tmpfs", "none", folder.path().to_str().unwrap()];
    // As root, or as somebody who is root in a namespace of his own.
    let ways: [&[&str]; 2] = [&["-m"], &["-Urm"]];
    let permitted = |way: &&&[&str]| Command::new("unshare").args(**way).args(mounts).output().is_ok_and(|tried| tried.status.success());
    match ways.iter().find(permitted) {
        None => eprintln!("skipped: this system lets nobody mount a small disk for a test"),
        Some(way) => {
            let mut again = Command::new("unshare");
            again.args(*way).arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
            let again = again.env(INSIDE, "1").output().unwrap();
            let (said, complained) = (String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&again.stderr));
            assert!(again.status.success() && said.contains("1 passed"), "{said}\n{complained}");
        }
    }
    false
}

/// Fills the disk until commits are held up: what SQLite has there already, it may still use.
fn fills(site: &Site, letter: char) -> Value {
    let filler = site.file("disk/filler");
    let mut file = OpenOptions::new().create(true).append(true).open(filler).unwrap();
    until("commits that are held up", || {
        while file.write(&[7; 4_096]).is_ok_and(|written| written > 0) {}
        site.status(letter).filter(|status| status["held_up"].is_string())
    })
}

fn frees(site: &Site) {
    std::fs::remove_file(site.file("disk/filler")).unwrap();
}

fn now(site: &Site) -> u64 {
    site.switch_status().unwrap()["now"].as_u64().unwrap()
}

/// Nobody dies, and nobody else leads, for some timeouts.
fn all_stay(site: &mut Site, letters: &[char]) {
    let began = Instant::now();
    while began.elapsed() < 6 * TIMEOUT {
        for letter in letters {
            assert!(site.lives(*letter), "{letter} was ended\n{}\n{}", site.log('a'), site.log('b'));
        }
        sleep(TIMEOUT / 10);
    }
    for letter in letters {
        assert!(!site.log(*letter).contains("killed:"), "{}", site.log(*letter));
    }
}

/// Only that calls took their default routes while there was no room, or just after.
fn assert_nothing_lost(report: &Value, full: &[(u64, u64)]) {
    for (kind, found) in report["findings"].as_object().unwrap() {
        assert_eq!(kind, "unexplained_default_routes", "{report:#}");
        for finding in found.as_array().unwrap() {
            let at = finding["at"].as_u64().unwrap();
            assert!(full.iter().any(|(from, to)| (*from..=to + 1_000).contains(&at)), "{full:?} {finding}");
        }
    }
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(count("calls"), count("routed") + count("self_served") + count("abandoned") + count("default_routed"), "{report:#}");
}

#[test]
fn a_full_disk_kills_nobody_and_work_goes_on_by_itself() {
    if !is_inside("full_disk::a_full_disk_kills_nobody_and_work_goes_on_by_itself") {
        return;
    }
    let mut site = Site::on_a_disk_of("40m", "timeout = \"1s\"");
    site.runs();
    site.has_a_backup('a');
    let from = now(&site);
    let status = fills(&site, 'a');
    let why = status["held_up"].as_str().unwrap();
    assert!(why.contains("pair.db has no room left") && why.contains("free space on its disk: work then goes on by itself"), "{why}");
    assert_eq!((&status["role"], &status["epoch"]), (&"primary".into(), &1.into()));
    all_stay(&mut site, &['a', 'b']);
    assert!(!site.is_ready('a'));
    assert!(site.log('a').contains("commits are held up, and with them every action"), "{}", site.log('a'));
    let (good, said) = site.tandem(&["status"]);
    assert!(!good && said.contains("commits are held up") && said.contains("101/b backup, epoch 1, watching"), "{said}");
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(!good && said.contains("refused: commits are held up") && said.contains("101/b"), "{said}");
    // The gateway does not wait for ever: calls that hear nothing take their default routes.
    let routed = |status: &Value| status["default_routed"].as_u64() > Some(0) || status["on_default_route"].as_u64() > Some(0);
    until("default routes", || site.switch_status().filter(routed));
    // A backup that is started meanwhile has nothing against it, either.
    site.signals('b', "KILL");
    site.ends('b');
    site.starts('b');
    site.watches('b');
    all_stay(&mut site, &['a', 'b']);
    assert_eq!(site.status('a').unwrap()["epoch"], 1);
    frees(&site);
    let goes_on = site.stands('a', |status| status["held_up"].is_null());
    assert_eq!((&goes_on["role"], &goes_on["epoch"]), (&"primary".into(), &1.into()), "it has renewed what nobody took");
    assert!(site.log('a').contains("the store takes commits again"), "{}", site.log('a'));
    let to = now(&site);
    site.has_a_backup('a');
    site.calls_live(10);
    assert_nothing_lost(&site.judged(), &[(from, to)]);
}

#[test]
fn whoever_finds_no_room_for_its_lease_is_left_alone_and_one_that_hangs_is_not() {
    if !is_inside("full_disk::whoever_finds_no_room_for_its_lease_is_left_alone_and_one_that_hangs_is_not") {
        return;
    }
    let mut site = Site::on_a_disk_of("40m", "timeout = \"1s\"");
    site.runs();
    let from = now(&site);
    fills(&site, 'a');
    // A real hang is one, disk or no disk.
    site.signals('a', "STOP");
    site.ends('a');
    assert!(site.log('b').contains("killed: its lease stood unchanged"), "{}", site.log('b'));
    let held_up = |status: &Value| status["held_up"].as_str().is_some_and(|why| why.contains("no room left"));
    assert_eq!(site.stands('b', held_up)["role"], "backup");
    assert!(!site.is_ready('b'));
    // Started again, the other one sees that somebody waits for room, and does not kill it.
    std::fs::write(site.file("b.log"), "").unwrap();
    site.starts('a');
    site.stands('a', |status| status["role"] == "backup");
    all_stay(&mut site, &['a', 'b']);
    frees(&site);
    assert_eq!(site.serves('b')["epoch"], 2);
    let to = now(&site);
    site.watches('a');
    site.calls_live(10);
    assert_nothing_lost(&site.judged(), &[(from, to)]);
}
