//! One thread of a primary hangs, while all others run: it is held from outside.

use std::{thread::sleep, time::Duration};

use crate::{
    shim::Frozen,
    site::{Site, until},
};

const LEASE: &str = "timeout = \"1s\"";

#[test]
fn a_thread_that_hangs_ends_its_process_and_the_other_one_leads() {
    let mut site = Site::new(LEASE);
    // The shim lets others hold its threads.
    site.shim('a');
    site.shim('b');
    site.runs();
    let (mut primary, mut other) = ('a', 'b');
    // The last one is the node's, which is the process's first.
    for thread in ["committer", "worker-0", "tandem"] {
        site.has_a_backup(primary);
        let Some(_held) = Frozen::thread(site.folder(), site.pid(primary), thread) else { return };
        let ended = site.ends(primary);
        let log = site.log(primary);
        assert_eq!(ended.code(), Some(4), "{thread}: {ended}\n{log}");
        assert!(log.contains("this thread has not moved for lease.timeout"), "{log}");
        assert!(log.contains("ended at once: the other instance takes over"), "{log}");
        site.serves(other);
        site.starts(primary);
        site.watches(primary);
        site.calls_live(10);
        std::mem::swap(&mut primary, &mut other);
    }
    assert_eq!(site.ends_well()["default_routed"], 0);
}

#[test]
fn beside_no_other_instance_a_thread_that_hangs_is_told_of_and_waited_for() {
    let mut site = Site::new(LEASE);
    site.shim('a');
    site.starts('a');
    site.serves('a');
    site.calls_live(10);
    let Some(held) = Frozen::thread(site.folder(), site.pid('a'), "committer") else { return };
    until("a word", || site.log('a').contains("this thread has not moved for lease.timeout").then_some(()));
    sleep(Duration::from_secs(3));
    assert!(site.lives('a'));
    drop(held);
    assert_eq!(site.serves('a')["epoch"], 1);
    site.calls_live(10);
    site.ends_well();
}
