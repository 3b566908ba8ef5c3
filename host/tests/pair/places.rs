//! `lease.fencing = "epoch"`: the primary is stopped at exactly one place, and nobody kills it. The epoch alone must do (P5).

use std::{thread::sleep, time::Duration};

use crate::{
    shim::Place,
    site::{Site, until},
};

const LEASE: &str = "fencing = \"epoch\"\ntimeout = \"1s\"";

/// Some timeouts: long enough for a backup that could lead to do so.
const A_WHILE: Duration = Duration::from_secs(4);

fn leads(site: &Site, letter: char) -> bool {
    site.status(letter).is_some_and(|status| status["role"] == "primary")
}

/// 101/a serves, and stops at the place.
fn stopped(place: Place) -> Site {
    let mut site = Site::new(LEASE);
    site.shim('a');
    site.runs();
    site.has_a_backup('a');
    site.orders('a').arm(place);
    until("the place", || (site.orders('a').stops() == 1).then_some(()));
    site
}

/// It wakes as a former primary, changes nothing, and is backup; and leads again when the other one is gone.
fn wakes_as_a_backup(mut site: Site) {
    site.serves('b');
    site.calls_live(10);
    let pid = site.pid('a');
    site.signals('a', "CONT");
    let status = site.watches('a');
    assert_eq!(status["epoch"], site.status('b').unwrap()["epoch"]);
    assert_eq!(site.pid('a'), pid);
    assert!(!site.log('b').contains("killed:"), "{}", site.log('b'));
    site.calls_live(10);
    site.signals('b', "KILL");
    site.ends('b');
    site.serves('a');
    site.calls_live(10);
    let report = site.ends_well();
    assert!(report["calls"].as_u64().unwrap() >= 10, "{report}");
}

#[test]
fn one_that_stops_before_a_transaction_commits_nothing_when_it_wakes() {
    wakes_as_a_backup(stopped(Place::BeforeATransaction));
}

#[test]
fn one_that_stops_in_the_middle_of_a_send_has_the_rest_refused() {
    wakes_as_a_backup(stopped(Place::InASend));
}

/// 101/a stops in the middle of a commit, for longer than its lease: nobody can lead, and the gateway's control deadline has the calls.
fn stopped_in_a_commit() -> Site {
    let mut site = stopped(Place::InACommit);
    // It holds the store's write lock: the lease cannot be taken beside it, and that is said.
    let status = site.stands('b', |status| status["held_up"].is_string());
    assert!(status["held_up"].as_str().unwrap().contains("busy with another writer"), "{status}");
    until("default routes", || site.record().contains("default-routed").then_some(()));
    sleep(A_WHILE);
    assert!(!leads(&site, 'b'), "nobody can lead beside an open transaction");
    assert!(site.lives('a') && site.lives('b'));
    site
}

/// Nothing is lost or doubled; the calls that heard nothing meanwhile are counted.
fn ends_with_default_routes(site: Site) {
    let report = site.ends_well();
    assert!(report["calls"].as_u64().unwrap() >= 10 && report["default_routed"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn one_that_stops_in_the_middle_of_a_commit_keeps_the_other_from_leading_until_it_wakes() {
    let site = stopped_in_a_commit();
    // What was under way comes to its end, and nothing behind it: so the other one comes first, which has waited for the write lock.
    site.orders('a').arm(Place::BeforeATransaction);
    site.signals('a', "CONT");
    until("the next place", || (site.orders('a').stops() == 2).then_some(()));
    site.serves('b');
    site.calls_live(10);
    site.signals('a', "CONT");
    assert_eq!(site.watches('a')["epoch"], site.status('b').unwrap()["epoch"]);
    site.calls_live(10);
    ends_with_default_routes(site);
}

#[test]
fn one_that_wakes_in_a_commit_goes_on_where_nobody_was_faster() {
    let mut site = stopped_in_a_commit();
    site.signals('a', "CONT");
    // It renews with its next commit, and so keeps its role; or the other one has the lease behind this one. Neither is wrong: nobody
    // led meanwhile.
    let primary = until("one primary and one backup", || {
        sleep(Duration::from_secs(1));
        match (leads(&site, 'a'), leads(&site, 'b')) {
            (true, false) => Some('a'),
            (false, true) => Some('b'),
            _ => None,
        }
    });
    let other = if primary == 'a' { 'b' } else { 'a' };
    site.serves(primary);
    site.watches(other);
    site.calls_live(10);
    site.signals(primary, "KILL");
    site.ends(primary);
    site.serves(other);
    site.calls_live(10);
    ends_with_default_routes(site);
}
