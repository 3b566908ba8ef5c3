//! Messages as the first release wrote them are read by today's code, and written alike.
//!
//! A line of `tests/golden/messages.txt` holds one message: what it is, and its frame in hexadecimal. A message that is new is
//! written by `TANDEM_WRITE_GOLDEN=1 cargo test -p tandem-synch-link`; a line that stands is never changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
// The crate has no disk; its golden files have.
#![allow(clippy::disallowed_methods)]

use std::{collections::BTreeMap, fmt::Debug, fs};

use serde::{Serialize, de::DeserializeOwned};
use tandem_journal::{Claim, Opening, Survival};
use tandem_switch_link::SwitchEvent;
use tandem_synch_link::{
    BackupMessage, Change, Fingerprint, Held, Hello, KeptSession, OptionHash, PrimaryMessage, Refusal, Standing, decode, encode,
};
use tandem_words::{EventBody, Origin, Property, RequestKey, SessionId, StoppedBy, VersionId};

const SESSION: SessionId = SessionId { node: 101, epoch: 3, number: 42 };

fn opening() -> Opening {
    Opening {
        session: SESSION,
        incarnation: 2,
        epoch: 4,
        claim: Some(Claim::Visit { interaction: "c1".to_owned(), switch: "main".into(), incarnation: 5, visit: 3 }),
        origin: Origin::Interaction,
        strategy: "welcome".to_owned(),
        version: VersionId([7; 32]),
        parameters: vec![Property::new("language", "en")],
        switch: "main".into(),
        started_at: 1_767_225_600_000,
        survival: Survival::Restarted,
    }
}

fn event() -> SwitchEvent {
    SwitchEvent {
        position: 1_000_000,
        at: 1_767_225_600_000,
        interaction: Some("c1".into()),
        visit: None,
        answers: Some(RequestKey { session: SESSION, incarnation: 1, request: 8 }),
        body: EventBody::PlayDone(StoppedBy::End),
    }
}

fn from_backup() -> Vec<(&'static str, BackupMessage)> {
    let hello = |have| {
        BackupMessage::Hello(Box::new(Hello {
            versions: vec![1],
            release: "0.1.0".to_owned(),
            cluster: "cc1".to_owned(),
            node: 101,
            instance: "101/b".to_owned(),
            store: u64::MAX,
            options: Fingerprint { options: vec![OptionHash { name: "lease.timeout".to_owned(), hash: 77 }] },
            have,
        }))
    };
    let standing = Standing { ready: false, why_not: Some("because".to_owned()), compiled: vec![VersionId([7; 32])], reaches_switch: true };
    vec![
        ("hello", hello(None)),
        ("hello-with-state", hello(Some(Held { epoch: 4, seq: 9 }))),
        ("ack", BackupMessage::Ack { seq: 9 }),
        ("standing", BackupMessage::Standing(standing)),
        ("heartbeat-of-backup", BackupMessage::Heartbeat),
    ]
}

fn refusals() -> Vec<(&'static str, Refusal)> {
    // A refusal that is new is missed here by the compiler.
    let name = |reason| match reason {
        Refusal::Version => "refused-version",
        Refusal::Identity => "refused-identity",
        Refusal::Store => "refused-store",
        Refusal::Options => "refused-options",
        Refusal::Busy => "refused-busy",
        Refusal::Malformed => "refused-malformed",
    };
    let all = [Refusal::Version, Refusal::Identity, Refusal::Store, Refusal::Options, Refusal::Busy, Refusal::Malformed];
    all.map(|reason| (name(reason), reason)).to_vec()
}

fn from_primary() -> Vec<(&'static str, PrimaryMessage)> {
    let kept = KeptSession {
        opening: opening(),
        events: vec![(5, event())],
        open: [RequestKey { session: SESSION, incarnation: 2, request: 9 }].into(),
        partial: true,
    };
    let change = |change| PrimaryMessage::Change { seq: 9, change };
    let mut all = vec![
        ("welcome", PrimaryMessage::Welcome { version: 1, release: "0.1.0".to_owned(), instance: "101/a".to_owned(), epoch: 4 }),
        ("begin", PrimaryMessage::Begin),
        ("kept", PrimaryMessage::Kept(Box::new(kept))),
        ("end", PrimaryMessage::End { seq: 9 }),
        ("change-opened", change(Change::Opened(Box::new(opening())))),
        ("change-heard", change(Change::Heard { session: SESSION, incarnation: 5, event: event() })),
        ("change-asked", change(Change::Asked { session: SESSION, requests: vec![1, 2] })),
        ("change-over", change(Change::Over(SESSION))),
        ("change-missed", change(Change::Missed(SESSION))),
        ("hand-over", PrimaryMessage::HandOver),
        ("heartbeat-of-primary", PrimaryMessage::Heartbeat),
    ];
    all.extend(refusals().into_iter().map(|(name, reason)| (name, PrimaryMessage::Refused { reason, message: "because".to_owned() })));
    all
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(golden: &mut BTreeMap<String, String>, samples: &[(&str, T)]) {
    for (what, message) in samples {
        let mut frame = Vec::new();
        encode(message, &mut frame).unwrap();
        let today: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        if std::env::var_os("TANDEM_WRITE_GOLDEN").is_some() {
            golden.entry((*what).to_owned()).or_insert_with(|| today.clone());
        }
        let kept = golden.get(*what).unwrap_or_else(|| panic!("messages.txt has no line for {what}"));
        assert_eq!(decode::<T>(&bytes(kept)[4..]).unwrap(), *message, "{what} is read otherwise");
        assert_eq!(today, *kept, "{what} is written otherwise");
    }
}

#[test]
fn messages_of_every_kind_are_read_and_written_as_ever() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/messages.txt");
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| line.split_once(' ').map(|(what, hex)| (what.to_owned(), hex.to_owned()));
    let mut golden: BTreeMap<_, _> = text.lines().filter_map(line).collect();
    check(&mut golden, &from_backup());
    check(&mut golden, &from_primary());
    assert_eq!(golden.len(), from_backup().len() + from_primary().len(), "a line without its sample");
    let written: String = golden.iter().map(|(what, hex)| format!("{what} {hex}\n")).collect();
    if written != text && std::env::var_os("TANDEM_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).unwrap();
        fs::write(path, &written).unwrap();
    }
}
