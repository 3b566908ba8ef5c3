//! Rows as the first release wrote them are read by today's code, and written alike.
//!
//! A file of `tests/golden` holds one record a line: what it is, and the row's data in hexadecimal. A record that is new is
//! written by `TANDEM_WRITE_GOLDEN=1 cargo test -p tandem-journal`; a line that stands is never changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
// The crate has no disk; its golden files have.
#![allow(clippy::disallowed_methods)]

mod golden {
    pub mod events;
    pub mod records;
    pub mod requests;
}

use std::{collections::BTreeMap, fs, path::PathBuf};

use golden::{events, records, requests};
use tandem_journal::{Record, decode, encode};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn check(name: &str, samples: &[(String, Record)]) {
    let path = file(name);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut golden: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    let today: Vec<(String, String)> = samples
        .iter()
        .map(|(what, record)| (what.clone(), encode(record).unwrap().data.iter().map(|byte| format!("{byte:02x}")).collect()))
        .collect();
    if std::env::var_os("TANDEM_WRITE_GOLDEN").is_some() {
        for (what, hex) in &today {
            golden.entry(what).or_insert(hex);
        }
        fs::write(&path, golden.iter().map(|(what, hex)| format!("{what} {hex}\n")).collect::<String>()).unwrap();
    }
    assert_eq!(golden.len(), samples.len(), "{name}: a line without its sample, or a sample without its line");
    for ((what, record), (_, today)) in samples.iter().zip(&today) {
        let kept = golden.get(what.as_str()).unwrap_or_else(|| panic!("{name} has no line for {what}"));
        assert_eq!(decode(&bytes(kept)).unwrap(), *record, "{what} is read otherwise");
        assert_eq!(today, kept, "{what} is written otherwise");
    }
}

#[test]
fn records_of_every_kind_are_read_and_written_as_ever() {
    check("records.txt", &records::all());
}

#[test]
fn events_of_every_kind_are_read_and_written_as_ever() {
    check("events.txt", &events::all());
}

#[test]
fn requests_of_every_kind_are_read_and_written_as_ever() {
    check("requests.txt", &requests::all());
}

#[test]
fn what_is_not_a_row_of_ours_is_named() {
    let row = encode(&records::all()[0].1).unwrap().data;
    let error = |data: &[u8]| decode(data).unwrap_err().to_string();
    assert!(error(&[]).contains("empty"));
    assert!(error(&[2, 0]).contains("format 2"));
    assert!(error(&[0, 0]).contains("format 0"));
    for cut in [1, 5, row.len() - 1] {
        assert!(error(&row[..cut]).contains("damaged"), "{cut}");
    }
}

#[test]
fn a_row_says_where_it_stands() {
    use tandem_journal::RowKind;
    let rows: BTreeMap<String, _> = records::all().into_iter().map(|(what, record)| (what, encode(&record).unwrap())).collect();
    let stands = |what: &str| (rows[what].incarnation, rows[what].seq, rows[what].kind.clone());
    assert_eq!(stands("opened-by-visit"), (2, 0, RowKind::Opened(Some(records::by_visit()))));
    assert_eq!(stands("opened-by-operator"), (2, 0, RowKind::Opened(None)));
    assert_eq!(stands("step-wait"), (2, 9, RowKind::Step { last: false }));
    assert_eq!(stands("step-late"), (2, 9, RowKind::Step { last: true }));
    assert_eq!(stands("snapshot"), (2, 9, RowKind::Snapshot));
    assert_eq!(stands("ended-linger"), (2, 9, RowKind::Ended));
}
