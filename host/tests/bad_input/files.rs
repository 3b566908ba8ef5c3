//! Options, ports and stores that are not as they should be.

use std::{fs, net::TcpListener};

use rustix::process::Signal;

use crate::program::Site;

#[test]
fn mistakes_in_the_options_file_are_shown_with_their_place_before_anything_starts() {
    let site = Site::new();
    site.changed_options("a = {}", "a = {}\n[limits]\nstep-cpy = \"1s\"\nstate = \"1GiB\"");
    site.run().check(3, &["tandem.toml:9", "step-cpy", "did you mean `step-cpu`?", "must be from 1KiB to 16MiB"]);
    site.changed_options("sqlite:cc1.db", "sqlite:cc1.db\"\nname = \"cc1");
    site.run().check(3, &["tandem.toml:3"]);
    site.write("tandem.toml", [0xff, 0xfe, 0x00]);
    site.run().check(3, &["tandem.toml"]);
    fs::remove_file(site.path("tandem.toml")).unwrap();
    site.run().check(3, &["tandem.toml"]);
    assert!(!site.path("cc1.db").exists(), "nothing was made");
}

#[test]
fn an_instance_that_the_file_does_not_name_is_refused() {
    let site = Site::new();
    site.options("builtin:welcome");
    site.tandem(&["run", "--instance", "102/a"]).check(3, &["tandem.toml names no instance 102/a", "[[node]]"]);
    site.tandem(&["run", "--instance", "first"]).check(2, &["first", "101/a"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    site.changed_options("a = {}", &format!("a = {{ admin = \"{address}\" }}"));
    site.run().check(3, &[&address, "the admin port", "is another instance running"]);
    // Nobody became primary, and whoever has the port is not waited for until the end of days.
    drop(taken);
    site.tandem(&["status"]).check(1, &["101/a does not answer", "no instance was ever primary"]);
    site.tandem(&["status", "--json"]).check(1, &["\"instance\":\"101/a\"", "\"node\":101", "\"sessions\":0", "\"lease\":null"]);
    let taken = TcpListener::bind(&address).unwrap();
    site.tandem(&["simswitch", "--listen", &taken.local_addr().unwrap().to_string()]).check(3, &[&address]);
}

#[test]
fn a_token_that_cannot_be_read_is_named() {
    let site = Site::new();
    site.changed_options(
        "switch.main.url = \"ws://127.0.0.1:1\"",
        "switch.main = { url = \"ws://127.0.0.1:1\", token-file = \"no.token\" }",
    );
    site.run().check(3, &["no.token"]);
}

#[test]
fn a_store_that_cannot_be_used_is_named_and_left_as_it_is() {
    let site = Site::new();
    let refused = |store: &str, says: &[&str]| {
        site.changed_options("sqlite:cc1.db", &format!("sqlite:{store}"));
        site.run().check(3, &[&[store], says].concat());
        site.tandem(&["sessions"]).check(3, &[store]);
        site.tandem(&["journal", "c1"]).check(3, &[store]);
    };
    refused("/proc/cc1.db", &["cannot be opened for writing", "right to write"]);
    refused("no/such/cc1.db", &["no/such"]);
    site.write("notes.txt", "Call the plumber. ".repeat(300));
    refused("notes.txt", &["not a SQLite database", "name another file"]);
    assert!(fs::read_to_string(site.path("notes.txt")).unwrap().starts_with("Call the plumber"));

    // Of a SQLite file's header: whose it is, and its schema's number.
    let with_header = |name: &str, offset: usize, number: u32| {
        drop(tandem_store::Sqlite::open(&site.path(name)).unwrap());
        let mut bytes = fs::read(site.path(name)).unwrap();
        bytes[offset..offset + 4].copy_from_slice(&number.to_be_bytes());
        site.write(name, bytes);
    };
    with_header("other.db", 68, 1);
    refused("other.db", &["another program"]);
    with_header("newer.db", 60, 99);
    let before = fs::read(site.path("newer.db")).unwrap();
    refused("newer.db", &["schema 99", "run the release that wrote it"]);
    assert_eq!(fs::read(site.path("newer.db")).unwrap(), before);
}

#[test]
fn a_store_of_a_living_primary_is_left_to_it() {
    let site = Site::new();
    site.changed_options("a = {}", "a = {}\nb = {}");
    let mut host = site.start(&["run", "--instance", "101/a"]);
    host.says("primary: lease taken", 1);
    site.run().check(3, &["101/a runs already, as process", "cc1.db.instance-101-a.lock locked", "start the other instance"]);
    let mut backup = site.start(&["run", "--instance", "101/b"]);
    backup.says("connecting again", 1);
    let said = backup.stops();
    assert!(!said.contains("primary: lease taken"), "{said}");
    let mut backup = site.start(&["run", "--instance", "101/b"]);
    backup.says("connecting again", 1);
    host.stops();
    backup.says("primary: lease taken", 1);
    backup.says("epoch=2", 1);
    backup.stops();
}

#[test]
fn options_that_are_read_again_say_what_counts_from_when() {
    let site = Site::new();
    let text = site.options("builtin:welcome");
    let mut host = site.start(&["run", "--instance", "101/a"]);
    host.says("primary: lease taken", 1);
    host.signal(Signal::HUP);
    host.says("nothing has changed that waits", 1);
    site.write("tandem.toml", format!("{text}[log]\nlevel = \"info,tandem=debug\"\n[sessions]\nlinger-timeout = \"30s\"\n"));
    host.signal(Signal::HUP);
    host.says("counts from now on", 1);
    host.says("sessions.linger-timeout count from the next start", 1);
    site.write("tandem.toml", "limits.stat = 1");
    host.signal(Signal::HUP);
    host.says("the options of before stay", 1);
    host.stops();
}
