//! The pair as real processes: who is primary, after what, and that the calls do not notice. Needs the oracle beside the
//! program: `cargo build --release -p tandem-oracle`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clocks;
mod full_disk;
mod hung_thread;
mod places;
mod refused;
mod shim;
mod site;
mod synch_port;
mod wire;

use std::{
    os::unix::process::ExitStatusExt,
    time::{Duration, Instant},
};

use site::{Site, until};

/// Long enough for a machine with too much to do.
const TIMEOUT: &str = "timeout = \"3s\"";

/// Longer than a takeover by the lease takes.
const PAUSE: Duration = Duration::from_secs(6);

/// Nobody's call may take its default route: whoever took over came in time.
fn assert_good(report: &serde_json::Value) {
    assert_eq!(report["default_routed"], 0, "{report}");
    assert!(report["calls"].as_u64().unwrap() >= 10, "{report}");
}

#[test]
fn after_a_kill_the_other_one_leads_and_again_when_the_first_is_back() {
    let mut site = Site::new(TIMEOUT);
    site.runs();
    site.signals('a', "KILL");
    assert_eq!(site.ends('a').signal(), Some(9));
    let epoch = site.serves('b')["epoch"].as_u64().unwrap();
    assert_eq!(epoch, 2);
    site.starts('a');
    site.watches('a');
    site.calls_live(10);
    site.signals('b', "KILL");
    site.ends('b');
    assert_eq!(site.serves('a')["epoch"], 3);
    site.calls_live(10);
    assert_good(&site.ends_well());
}

#[test]
fn one_that_hangs_is_killed_and_its_role_taken() {
    let mut site = Site::new(TIMEOUT);
    site.runs();
    let pid = site.pid('a');
    site.signals('a', "STOP");
    assert_eq!(site.ends('a').signal(), Some(9), "killed while it was stopped");
    assert_eq!(site.serves('b')["epoch"], 2);
    let log = site.log('b');
    assert!(log.contains("killed: its lease stood unchanged") && log.contains(&pid.to_string()), "{log}");
    // A backup that hangs bothers nobody.
    site.starts('a');
    site.watches('a');
    site.signals('a', "STOP");
    site.calls_live(10);
    site.signals('a', "CONT");
    assert_eq!(site.watches('a')["epoch"], 2);
    assert_good(&site.ends_well());
}

#[test]
fn the_role_is_handed_over_there_and_back_and_when_the_primary_is_told_to_end() {
    let mut site = Site::new(TIMEOUT);
    site.starts('a');
    site.serves('a');
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(!good && said.contains("refused: 101/b is not connected") && said.contains("--force"), "{said}");
    assert_eq!(site.serves('a')["epoch"], 1, "a refusal changes nothing");
    site.starts('b');
    site.has_a_backup('a');
    site.watches('b');
    site.calls_live(10);
    let (good, said) = site.tandem(&["switchover", "102"]);
    assert!(!good && said.contains("has no node 102"), "{said}");
    for (heir, former, epoch) in [('b', 'a', 2), ('a', 'b', 3)] {
        site.has_a_backup(former);
        assert!(site.is_ready(former) && site.is_ready(heir));
        let (good, said) = site.tandem(&["switchover", "101"]);
        assert!(good && said.contains(&format!("101/{heir} is primary and serves")), "{said}\n{}\n{}", site.log('a'), site.log('b'));
        assert_eq!(site.serves(heir)["epoch"], epoch);
        let status = site.watches(former);
        assert!(status["holder"].as_str().unwrap().starts_with(&format!("101/{heir} (process")), "{status}");
        site.calls_live(10);
    }
    site.has_a_backup('a');
    let (good, said) = site.tandem(&["status"]);
    assert!(said.contains("the backup is full") && said.contains("all that the primary keeps is here"), "{said}");
    assert!(good && said.contains("101/a primary, epoch 3, serving") && said.contains("101/b backup, epoch 3, watching"), "{said}");
    site.signals('a', "TERM");
    assert!(site.ends('a').success());
    assert_eq!(site.serves('b')["epoch"], 4);
    assert!(!site.log('b').contains("killed"), "{}", site.log('b'));
    assert_good(&site.ends_well());
}

#[test]
fn one_that_was_only_paused_changes_nothing_when_it_wakes() {
    let mut site = Site::new("fencing = \"epoch\"\ntimeout = \"2s\"");
    site.runs();
    let (mut primary, mut other, mut takeovers) = ('a', 'b', 0);
    for _ in 0..20 {
        let pid = site.pid(primary);
        site.signals(primary, "STOP");
        let began = Instant::now();
        let leads = |letter| site.status(letter).is_some_and(|status| status["role"] == "primary");
        while !leads(other) && began.elapsed() < PAUSE {}
        site.signals(primary, "CONT");
        // One that was stopped in the middle of a commit kept the other one from leading (design, section 5). Awake, it either goes
        // on, or finds that the other one was faster.
        let took = until("one primary and one backup", || match (leads(primary), leads(other)) {
            // What it has lost meanwhile, it finds out in a moment.
            (true, false) => {
                std::thread::sleep(Duration::from_secs(1));
                (leads(primary) && !leads(other)).then_some(false)
            }
            (false, true) => Some(true),
            _ => None,
        });
        if took {
            takeovers += 1;
            std::mem::swap(&mut primary, &mut other);
        }
        site.serves(primary);
        site.watches(other);
        assert!([site.pid(primary), site.pid(other)].contains(&pid), "the same process is a backup, or goes on");
        site.calls_live(10);
        if takeovers == 3 {
            break;
        }
    }
    assert!(takeovers >= 2, "each of 20 pauses was in the middle of a commit");
    // Pauses that kept everybody from leading end some calls' silence at the default route: that is what it is for.
    let report = site.ends_well();
    assert_eq!(report["unexplained_default_routes"], 0, "{report}");
}

#[test]
fn a_name_is_one_process_and_one_that_is_not_in_the_file_does_not_start() {
    let mut site = Site::new(TIMEOUT);
    site.starts('a');
    site.serves('a');
    let (good, said) = site.tandem(&["run", "--instance", "101/a"]);
    assert!(!good && said.contains("101/a runs already, as process") && said.contains("start the other instance"), "{said}");
    let (good, said) = site.tandem(&["run", "--instance", "102/a"]);
    assert!(!good && said.contains("names no instance 102/a"), "{said}");
    let (good, said) = site.tandem(&["run", "--instance", "101/c"]);
    assert!(!good && said.contains("NODE/a or NODE/b"), "{said}");
    assert_eq!(site.serves('a')["epoch"], 1, "nobody was disturbed");
    site.calls_live(10);
    assert_good(&site.ends_well());
}

#[test]
fn a_lock_file_that_was_removed_by_hand_is_made_again() {
    let mut site = Site::new(TIMEOUT);
    site.runs();
    let lock = site.file("pair.db.node-101.lock");
    std::fs::remove_file(&lock).unwrap();
    until("the file to be made again", || std::fs::read_to_string(&lock).ok().filter(|signature| signature.starts_with("101/a")));
    assert_eq!(site.watches('b')["epoch"], 1, "who waited for the old file waits on");
    site.signals('a', "KILL");
    site.ends('a');
    assert_eq!(site.serves('b')["epoch"], 2);
    assert!(site.log('a').contains("the file of the node's lock was removed"), "{}", site.log('a'));
    // Removed while its holder dies: nobody waits for a file that is not there.
    site.starts('a');
    site.watches('a');
    site.signals('b', "STOP");
    std::fs::remove_file(&lock).unwrap();
    site.signals('b', "KILL");
    site.ends('b');
    assert_eq!(site.serves('a')["epoch"], 3);
    assert_good(&site.ends_well());
}

#[test]
fn a_name_whose_lock_file_was_removed_by_hand_stays_one_process() {
    let mut site = Site::new(TIMEOUT);
    site.runs();
    for letter in ['a', 'b'] {
        let lock = site.file(&format!("pair.db.instance-101-{letter}.lock"));
        std::fs::remove_file(&lock).unwrap();
        let signature = format!("101/{letter} {} ", site.pid(letter));
        until("the file to be made again", || std::fs::read_to_string(&lock).ok().filter(|found| found.starts_with(&signature)));
        let (good, said) = site.tandem(&["run", "--instance", &format!("101/{letter}")]);
        assert!(!good && said.contains(&format!("101/{letter} runs already, as process {}", site.pid(letter))), "{said}");
    }
    // A second one that was faster: the first, when it looks, ends.
    site.signals('b', "STOP");
    std::fs::remove_file(site.file("pair.db.instance-101-b.lock")).unwrap();
    let mut first = site.leaves('b');
    let admin = site.status_address('b');
    let elsewhere = site.file("elsewhere.toml");
    std::fs::write(&elsewhere, std::fs::read_to_string(site.file("tandem-b.toml")).unwrap().replace(&admin, "127.0.0.1:0")).unwrap();
    site.starts_as(&[], 'b', elsewhere.to_str().unwrap());
    let signature = format!("101/b {} ", site.pid('b'));
    let lock = site.file("pair.db.instance-101-b.lock");
    until("the second one's name", || std::fs::read_to_string(&lock).ok().filter(|found| found.starts_with(&signature)));
    assert!(std::process::Command::new("kill").args(["-CONT", &first.id().to_string()]).status().unwrap().success());
    let ended = until("the first one's end", || first.try_wait().unwrap());
    assert_eq!(ended.code(), Some(3), "{}", site.log('b'));
    let log = site.log('b').split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(log.contains("the file of this instance's lock was removed by hand, and another process has the name now"), "{log}");
    assert!(site.lives('b'));
    site.calls_live(10);
    assert_eq!(site.status('a').unwrap()["epoch"], 1, "the primary was not disturbed");
    assert_good(&site.ends_well());
}

#[test]
fn a_store_at_two_paths_is_one_store() {
    let mut site = Site::new(TIMEOUT);
    site.starts('a');
    site.serves('a');
    std::os::unix::fs::symlink(site.file("pair.db"), site.file("link.db")).unwrap();
    let linked = site.file("linked.toml");
    std::fs::write(&linked, std::fs::read_to_string(site.file("tandem-b.toml")).unwrap().replace("pair.db", "link.db")).unwrap();
    site.starts_as(&[], 'b', linked.to_str().unwrap());
    site.watches('b');
    site.calls_live(10);
    assert!(!site.file("link.db.node-101.lock").exists() && site.file("pair.db.instance-101-b.lock").exists());
    site.signals('a', "KILL");
    site.ends('a');
    assert_eq!(site.serves('b')["epoch"], 2);
    assert_good(&site.ends_well());
}

#[test]
fn monitoring_reads_the_role_and_what_it_needs_over_http() {
    let mut site = Site::new(TIMEOUT);
    site.runs();
    site.has_a_backup('a');
    let (primary, backup) = (site.metrics('a'), site.metrics('b'));
    assert!(primary.starts_with("HTTP/1.1 200") && primary.contains("content-type: text/plain; version=0.0.4"), "{primary}");
    for line in ["tandem_primary 1", "tandem_epoch 1", "tandem_ready 1", "tandem_backup_ready 1", "tandem_held_up 0"] {
        assert!(primary.contains(&format!("\n{line}\n")), "{line}: {primary}");
    }
    assert!(backup.contains("\ntandem_primary 0\n") && backup.contains("\ntandem_lacking_versions 0\n"), "{backup}");
    site.signals('a', "KILL");
    site.ends('a');
    site.serves('b');
    let primary = site.metrics('b');
    assert!(primary.contains("\ntandem_epoch 2\n") && primary.contains("\ntandem_backup_ready 0\n"), "{primary}");
    assert_good(&site.ends_well());
}

/// Calls of a strategy that is not persisted are under way, and its backup has what they heard.
fn not_persisted() -> Site {
    let mut site = Site::not_persisted();
    site.runs();
    site.has_a_backup('a');
    until("digits", || site.record().contains("added 5").then_some(()));
    site
}

#[test]
fn sessions_that_are_not_persisted_start_again_with_all_that_their_calls_did() {
    let mut site = not_persisted();
    site.signals('a', "KILL");
    site.ends('a');
    site.serves('b');
    site.has_restarted('b', 5);
    until("what they heard", || site.record().contains("restarted added 5").then_some(()));
    // And once more: what the next backup has, it has from the full state.
    site.starts('a');
    site.has_a_backup('b');
    site.signals('b', "KILL");
    site.ends('b');
    site.serves('a');
    site.has_restarted('a', 5);
    // A switchover restarts them, too.
    site.starts('b');
    site.has_a_backup('a');
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(good, "{said}\n{}\n{}", site.log('a'), site.log('b'));
    site.has_restarted('b', 5);
    let record = site.record();
    for wrong in ["uncertain", "partial", "default-routed"] {
        assert!(!record.contains(wrong), "{wrong}\n{}\n{}", site.log('a'), site.log('b'));
    }
    let report = site.ends_well();
    assert!(report["restarted"].as_u64() >= Some(15), "{report}");
}

#[test]
fn a_copy_that_did_not_follow_to_the_end_is_uncertain() {
    let mut site = not_persisted();
    // The backup stands still: the primary cuts the link, and goes on alone.
    site.signals('b', "STOP");
    until("the link's end", || site.status('a').filter(|status| status["peer"].is_null()));
    let heard = site.record().matches("added").count();
    until("calls that only the primary knows", || (site.record().matches("added").count() > heard + 20).then_some(()));
    site.signals('a', "KILL");
    site.ends('a');
    site.signals('b', "CONT");
    site.serves('b');
    site.has_restarted('b', 1);
    until("what they heard", || site.record().contains("uncertain added").then_some(()));
    let record = site.record();
    assert!(!record.contains("restarted added"), "nothing is certain any more");
    // Also of calls that the copy does not know: they are ended.
    site.ends_well();
}

/// And their sessions have been told what they did.
fn more_calls_have_come(site: &Site) {
    let came = || site.record().matches("\"type\":\"arrived\"").count();
    let before = came();
    until("more calls", || (came() > before + 5).then_some(()));
}

#[test]
fn a_link_that_is_cut_makes_the_copy_uncertain_and_one_that_is_mended_makes_it_full() {
    let mut site = not_persisted();
    site.cuts_the_link();
    until("the link's end", || site.status('a').filter(|status| status["peer"].is_null()));
    more_calls_have_come(&site);
    site.calls_live(10);
    site.signals('a', "KILL");
    site.ends('a');
    site.serves('b');
    site.has_restarted('b', 5);
    // Of calls that came behind the cut nothing is kept, so what follows depends on who still is there.
    until("what those heard of whom not everything is known", || site.record().contains("uncertain").then_some(()));
    assert!(!site.record().contains("restarted added"), "nothing is certain any more");
    // The next backup reaches nobody until the link is whole again.
    site.starts('a');
    site.watches('a');
    assert!(!site.is_ready('a'));
    site.mends_the_link();
    site.has_a_backup('b');
    // Of these everything is known.
    more_calls_have_come(&site);
    site.calls_live(10);
    site.signals('b', "KILL");
    site.ends('b');
    site.serves('a');
    site.has_restarted('a', 5);
    until("what those heard of whom everything is known", || site.record().contains("restarted added").then_some(()));
    site.ends_well();
}

#[test]
fn a_gateway_that_dies_finds_its_calls_and_the_sessions_hear_of_the_gap() {
    let mut site = Site::new(TIMEOUT);
    site.runs();
    let incarnation = |site: &Site| site.switch_status().unwrap()["incarnation"].as_u64();
    for blow in 0..3 {
        let before = incarnation(&site);
        let led = site.switch_status().unwrap()["leads"].as_u64();
        site.kills_the_gateway();
        until("a primary that leads there", || site.switch_status().filter(|status| status["leads"].as_u64() > led));
        assert!(incarnation(&site) > before);
        site.calls_live(10);
        // Also where the primary dies with it, before anybody could say what it has.
        if blow == 1 {
            site.kills_the_gateway();
            site.signals('a', "KILL");
            site.ends('a');
            site.serves('b');
            site.starts('a');
            site.watches('a');
        }
    }
    let report = site.ends_well();
    assert_eq!((report["gateway_restarts"].as_u64(), report["untold_gaps"].as_u64()), (Some(4), Some(0)), "{report}");
    assert!(report["events_in_gaps"].as_u64().unwrap() + report["events_missed"].as_u64().unwrap() > 0, "{report}");
}
