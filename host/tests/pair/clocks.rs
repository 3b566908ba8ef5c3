//! Clocks that jump an hour both ways, in running processes: the wall clock, which people and time servers turn, and the one that counts
//! suspends, which leases are measured by.
#![cfg(target_arch = "x86_64")]

use std::{thread::sleep, time::Duration};

use crate::site::Site;

const HOUR_S: i64 = 3_600;

#[test]
fn clocks_that_jump_an_hour_cost_no_role_and_no_call() {
    let mut site = Site::new("timeout = \"2s\"");
    site.shim('a');
    site.shim('b');
    site.runs();
    site.has_a_backup('a');
    let jumps = [(HOUR_S, 0), (-HOUR_S, 0), (0, HOUR_S), (HOUR_S, -HOUR_S), (-HOUR_S, HOUR_S), (0, -HOUR_S), (0, 0)];
    for (wall_s, boot_s) in jumps {
        for letter in ['a', 'b'] {
            site.orders(letter).turn(wall_s, boot_s);
            // Each by itself: meanwhile they are an hour apart.
            sleep(Duration::from_secs(3));
        }
        let pids = [site.pid('a'), site.pid('b')];
        assert!(site.lives('a') && site.lives('b'), "{pids:?}\n{}\n{}", site.log('a'), site.log('b'));
        assert_eq!(site.serves('a')["epoch"], 1, "{wall_s} {boot_s}");
        assert_eq!(site.watches('b')["epoch"], 1);
        site.calls_live(10);
    }
    // A hang is found, however the clocks stand; and whoever starts then has no other time than the others.
    site.orders('b').turn(-HOUR_S, HOUR_S);
    site.signals('a', "STOP");
    site.ends('a');
    assert_eq!(site.serves('b')["epoch"], 2);
    site.orders('a').turn(HOUR_S, -HOUR_S);
    site.starts('a');
    site.watches('a');
    site.signals('b', "KILL");
    site.ends('b');
    assert_eq!(site.serves('a')["epoch"], 3);
    site.calls_live(10);
    assert_eq!(site.ends_well()["default_routed"], 0);
}
