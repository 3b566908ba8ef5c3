//! Strangers at the synch ports of a running pair, and a port that somebody else has.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use serde_json::Value;
use tandem_synch_link::{BackupMessage, Fingerprint, Hello, encode};

use crate::site::{Site, until};

fn frame(message: &BackupMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).unwrap();
    bytes
}

fn hello(change: impl FnOnce(&mut Hello)) -> Vec<u8> {
    let mut hello = Hello {
        versions: tandem_synch_link::VERSIONS.to_vec(),
        release: "0.1.0".to_owned(),
        cluster: "pair".to_owned(),
        node: 101,
        instance: "101/b".to_owned(),
        store: 0,
        options: Fingerprint { options: Vec::new() },
        have: None,
    };
    change(&mut hello);
    frame(&BackupMessage::Hello(Box::new(hello)))
}

/// Says this, and listens until it is sent away.
fn says(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // It may be sent away in the middle.
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn strangers_at_the_synch_port_are_told_of_and_disturb_nobody() {
    let mut site = Site::new("timeout = \"3s\"");
    site.runs();
    site.has_a_backup('a');
    let flood: Vec<u8> = frame(&BackupMessage::Heartbeat).repeat(1_000_000);
    let wrong: [(Vec<u8>, &str); 8] = [
        (b"GET / HTTP/1.1\r\nHost: tandem\r\n\r\n".to_vec(), "Is it an instance of Tandem"),
        (vec![0, 0, 0, 5, 1, 2, 3, 4, 5], "docs/synch-link.md"),
        (flood, "another message than `hello` first"),
        (
            hello(|hello| hello.versions = vec![99]),
            "speaks [1] of the synch link, and 101/b (release 0.1.0) [99]; a pair may run two neighbouring releases",
        ),
        (hello(|hello| hello.cluster = "other".to_owned()), "is of cluster \"pair\", and 101/b of cluster \"other\""),
        (hello(|hello| hello.instance = "101/a".to_owned()), "an instance named 101/a runs here already; start the other one as 101/b"),
        (hello(|hello| hello.instance = "101/c".to_owned()), "101/c is not the other instance of this pair; that is 101/b"),
        (hello(|_| ()), "use different stores; `persistence.store` must lead both to the same one"),
    ];
    for (bytes, why) in wrong {
        says(&site.synch[0], &bytes);
        until(why, || site.log('a').contains(why).then_some(()));
        let status = site.serves('a');
        assert!(status["peer"]["ready"] == true && status["synch"]["connected"] == true, "its backup stays: {status}");
    }
    // Many who say nothing take no place from the backup for long.
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(&*site.synch[0])).collect();
    site.signals('b', "TERM");
    site.ends('b');
    site.starts('b');
    site.has_a_backup('a');
    drop(silent);
    site.calls_live(10);
    assert_eq!(site.ends_well()["default_routed"], 0);
}

#[test]
fn a_synch_port_that_somebody_has_costs_the_backup_until_it_is_free() {
    let mut site = Site::new("timeout = \"3s\"");
    let stranger = TcpListener::bind(&*site.synch[0]).unwrap();
    site.starts('a');
    site.serves('a');
    let address = site.synch[0].clone();
    let taken = format!("the synch port {address} cannot be had");
    let says = |status: &Value, what: &str| status["synch"]["problem"].as_str().is_some_and(|problem| problem.contains(what));
    let status = site.stands('a', |status| says(status, &taken));
    assert!(says(&status, "choose another one in [[node]], or stop who uses it. Until then there is no backup"), "{status}");
    assert!(site.log('a').contains(&taken), "{}", site.log('a'));
    // The backup meets somebody who is no primary, and talks nonsense.
    site.starts('b');
    let talks = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = stranger.accept().unwrap();
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    site.watches('b');
    site.stands('b', |status| says(status, "Is it an instance of Tandem"));
    assert!(!site.is_ready('b') && site.status('a').unwrap()["peer"].is_null());
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(!good && said.contains("refused: 101/b is not connected") && said.contains(&taken), "{said}");
    site.calls_live(10);
    talks.join().unwrap();
    // It is free: that is all it takes.
    site.has_a_backup('a');
    site.stands('b', |status| status["synch"]["problem"].is_null());
    let (good, said) = site.tandem(&["switchover", "101"]);
    assert!(good, "{said}");
    site.calls_live(10);
    assert_eq!(site.ends_well()["default_routed"], 0);
}
