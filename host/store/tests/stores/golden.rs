//! A file of each schema that was ever released still opens.

use std::{fs, path::PathBuf};

use tandem_journal::{Claim, Watermark};
use tandem_store::{Sqlite, open_reader};
use tandem_words::{RequestKey, VersionId};

use crate::rows::{NODE, Primary, again, ended, id, last_step, opened, snapshot, step, text, visit};

fn golden(schema: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/schema-{schema}.db"))
}

/// Run by hand, once for each schema, before its release.
#[test]
#[ignore = "writes the golden file of the present schema"]
fn write_golden_file() {
    let path = golden(1);
    assert!(!path.exists(), "{} is there; golden files are never changed", path.display());
    let mut primary = Primary::of(Box::new(Sqlite::open(&path).unwrap()), NODE);
    let request = Claim::Request(RequestKey { session: id(1), incarnation: 1, request: 3 });
    let mut batch = primary.batch(vec![
        opened(id(1), Some(visit("call-1", 1))),
        step(id(1), 1),
        step(id(1), 2),
        snapshot(id(1), 2),
        opened(id(2), Some(request)),
        last_step(id(2), 1),
        step(id(1), 3),
        opened(id(3), None),
        again(2, opened(id(3), None)),
        ended(id(3), 0),
    ]);
    batch.rows[9] = again(2, batch.rows[9].clone());
    batch.watermarks = vec![Watermark { switch: "main".into(), incarnation: 2, position: 77 }];
    primary.commit(&batch).unwrap();
    primary.store.keep_component(VersionId([7; 32]), "welcome", b"\0asm").unwrap();
    primary.store.release_lease(primary.lease, Some("101/b".parse().unwrap())).unwrap();
}

#[test]
fn a_file_of_schema_1_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    fs::copy(golden(1), &path).unwrap();
    let mut primary = Primary::of(Box::new(Sqlite::open(&path).unwrap()), NODE);
    assert_eq!(primary.lease.epoch, 2);
    let mut reader = open_reader(&path).unwrap();
    assert_eq!(reader.live_sessions(NODE).unwrap(), [id(1)]);
    let rows = reader.session_rows(id(1)).unwrap().unwrap();
    assert_eq!(
        (text(&rows.opening), rows.snapshot.map(|data| text(&data))),
        ("101-1-1 opened".to_owned(), Some("101-1-1 snapshot 2".to_owned()))
    );
    assert_eq!(rows.tail.iter().map(|data| text(data)).collect::<Vec<_>>(), ["101-1-1 step 3"]);
    assert_eq!(primary.all_rows(id(3)), ["101-1-3 opened", "101-1-3 opened #2", "101-1-3 ended #2"]);
    assert_eq!(reader.watermarks(NODE).unwrap(), [Watermark { switch: "main".into(), incarnation: 2, position: 77 }]);
    assert_eq!(reader.claim_owner(&visit("call-1", 1)).unwrap(), Some(id(1)));
    assert_eq!(reader.sessions_of_interaction("call-1").unwrap(), [id(1)]);
    assert_eq!(reader.component(VersionId([7; 32])).unwrap().unwrap().bytes, b"\0asm");
    assert_eq!(reader.counts().unwrap().rows, 10);
    primary.write(vec![step(id(1), 4)]);
    assert_eq!(primary.all_rows(id(1)).len(), 6);
}
