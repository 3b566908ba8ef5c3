//! What only a file can suffer.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rusqlite::Connection;
use tandem_store::{Disposition, Holder, InstanceLock, LockError, PrimaryLock, Signature, Sqlite, Store, StoreError, open_reader};
use tandem_words::InstanceName;

use crate::rows::{NODE, Primary, holder, id, opened, snapshot, step};

fn primary(path: &Path) -> Primary {
    Primary::of(Box::new(Sqlite::open(path).unwrap()), NODE)
}

/// Opening, for writing and for reading, fails with a message that has all of these in it.
fn check_refused(path: &Path, words: &[&str]) {
    for error in [Sqlite::open(path).err(), open_reader(path).err()] {
        let message = error.expect("it opens").to_string();
        for word in words {
            assert!(message.contains(word), "{word:?} is not in {message:?}");
        }
    }
}

#[test]
fn a_newer_schema_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.db");
    drop(primary(&path));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = fs::read(&path).unwrap();
    check_refused(&path, &["newer.db", "schema 99", "up to 2", "run the release that wrote it"]);
    assert!(matches!(Sqlite::open(&path), Err(StoreError::SchemaNewer { found: 99, known: 2, .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_not_a_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("notes.txt"), "Call the plumber. ".repeat(300)).unwrap();
    check_refused(&at("notes.txt"), &["notes.txt", "not a SQLite database", "name another file"]);
    assert!(fs::read_to_string(at("notes.txt")).unwrap().starts_with("Call the plumber"));
    let other = Connection::open(at("other.db")).unwrap();
    other.execute_batch("CREATE TABLE plumber (id INTEGER PRIMARY KEY)").unwrap();
    check_refused(&at("other.db"), &["other.db", "another program"]);
    check_refused(folder.path(), &["a directory"]);
}

#[test]
fn what_is_missing_or_denied_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Sqlite::open(&folder.path().join("no/such/store.db")).unwrap_err();
    assert!(matches!(&error, StoreError::Missing { path } if path.ends_with("no/such")), "{error}");
    let error = open_reader(&folder.path().join("store.db")).err().unwrap();
    assert!(matches!(&error, StoreError::Missing { path } if path.ends_with("store.db")), "{error}");
    // Nobody, not even root, can make a file there.
    let error = Sqlite::open(Path::new("/proc/store.db")).unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    assert_eq!(error.disposition(), Disposition::EndProcess);
}

#[test]
fn a_hole_in_the_journal_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    primary(&path).write(vec![opened(id(1), None), step(id(1), 1), step(id(1), 2)]);
    Connection::open(&path).unwrap().execute_batch("DELETE FROM journal WHERE id = 2").unwrap();
    let error = open_reader(&path).unwrap().session_rows(id(1)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("row 2 of the journal is missing"), "{error}");
}

/// What a power cut can leave: any beginning of the log. Every batch is there whole or not at all, and none before it lacks.
#[test]
fn a_truncated_log_loses_its_end_and_tears_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut writer = primary(&path);
    writer.write(vec![opened(id(1), None), opened(id(2), None)]);
    for seq in 1..=40 {
        writer.write(vec![step(id(1), seq), snapshot(id(1), seq), step(id(2), seq)]);
    }
    let log = fs::read(beside(&path, "-wal")).unwrap();
    let mut survivors = Vec::new();
    for cut in (0..=20).map(|part| log.len() * part / 20 + part % 7) {
        let copy = folder.path().join(format!("cut-{cut}.db"));
        fs::copy(&path, &copy).unwrap();
        fs::write(beside(&copy, "-wal"), &log[..cut.min(log.len())]).unwrap();
        let Ok(mut reader) = open_reader(&copy) else {
            assert!(cut < log.len() / 5, "the schema is at the log's beginning; cut at {cut}");
            continue;
        };
        let steps: Vec<_> = [1, 2].map(|number| reader.all_rows_of(id(number)).unwrap().len()).into_iter().collect();
        let counter = reader.lease(NODE).unwrap().map_or(0, |row| row.lease.counter);
        let written = usize::try_from(counter).unwrap();
        assert_eq!(steps, [(2 * written).saturating_sub(1), written], "cut at {cut}");
        survivors.push(counter);
    }
    assert!(survivors.is_sorted() && survivors.first() < Some(&20) && survivors.last() == Some(&41), "{survivors:?}");
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Tells the reader to stop, also when the writer panics.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Two sessions make their steps in the same batches: a reader never sees one ahead of the other.
#[test]
fn a_reader_sees_whole_batches_while_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut writer = primary(&path);
    writer.write(vec![opened(id(1), None), opened(id(2), None)]);
    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let done = Done(&stop);
        let reading = scope.spawn(|| {
            let mut reader = open_reader(&path).unwrap();
            let mut seen = Vec::new();
            loop {
                let last = stop.load(Ordering::SeqCst);
                let mut steps = Vec::new();
                let mut visit = |_, rows: tandem_journal::SessionRows| {
                    steps.push(rows.tail.len());
                    ControlFlow::Continue(())
                };
                reader.for_each_live_session(NODE, &mut visit).unwrap();
                assert!(steps.len() == 2 && steps[0] == steps[1], "{steps:?}");
                seen.push(steps[0]);
                if last {
                    return seen;
                }
            }
        });
        for seq in 1..=300 {
            writer.write(vec![step(id(1), seq), step(id(2), seq)]);
        }
        drop(done);
        reading.join().unwrap()
    });
    assert!(seen.is_sorted() && seen.last() == Some(&300), "{seen:?}");
}

#[test]
fn a_busy_store_is_repeated_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut writer = primary(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let batch = writer.batch(vec![opened(id(1), None)]);
    let error = writer.commit(&batch).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    assert_eq!(error.disposition(), Disposition::Repeat);
    other.execute_batch("ROLLBACK").unwrap();
    assert!(writer.commit(&batch).unwrap().is_empty());
    assert_eq!(writer.all_rows(id(1)).len(), 1);
}

#[test]
fn instances_that_start_together_make_one_store() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let ids: Vec<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..6).map(|_| scope.spawn(|| Sqlite::open(&path).map(|store| store.store_id()))).collect();
            starts.into_iter().map(|start| start.join().unwrap().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}

#[test]
fn the_primary_lock_names_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let lock = PrimaryLock::try_take(&path, NODE).unwrap();
    let other_node = PrimaryLock::try_take(&path, NODE + 1).unwrap();
    let error = PrimaryLock::try_take(&path, NODE).unwrap_err();
    assert!(matches!(&error, LockError::Held { holder: None, .. }), "{error}");
    Sqlite::open(&path).unwrap().take_lease(NODE, &holder(4_242)).unwrap();
    let error = PrimaryLock::try_take(&path, NODE).unwrap_err();
    for word in ["store.db.node-101.lock", "process 4242", "101/a"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    thread::scope(|scope| {
        let waiting = scope.spawn(|| PrimaryLock::wait(&path, NODE).unwrap());
        drop(lock);
        let lock = waiting.join().unwrap();
        assert!(PrimaryLock::try_take(&path, NODE).is_err());
        drop((lock, other_node));
    });
    assert!(PrimaryLock::try_take(&path, NODE).is_ok());
    let error = PrimaryLock::try_take(&folder.path().join("no/store.db"), NODE).unwrap_err();
    assert!(matches!(error, LockError::Io { .. }), "{error}");
}

#[test]
fn a_name_is_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let a = named('a', 4_711);
    assert_eq!(InstanceLock::owner(&path, a.instance), None);
    let held = InstanceLock::try_take(&path, &a).unwrap();
    assert_eq!(InstanceLock::owner(&path, a.instance), Some(a.clone()));
    let error = InstanceLock::try_take(&path, &named('a', 4_712)).unwrap_err().to_string();
    assert!(error.contains("101/a runs already, as process 4711"), "{error}");
    let b = InstanceLock::try_take(&path, &named('b', 4_712)).unwrap();
    drop((held, b));
    assert_eq!(InstanceLock::owner(&path, a.instance), None, "it has ended");
    assert!(InstanceLock::try_take(&path, &named('a', 4_713)).is_ok());
}

#[test]
fn a_lock_says_who_took_it_and_notices_that_its_file_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    assert_eq!(PrimaryLock::signature(&path, NODE), None);
    let lock = PrimaryLock::try_take(&path, NODE).unwrap();
    lock.sign(&named('a', 1_234_567_890), u64::MAX).unwrap();
    assert_eq!(PrimaryLock::signature(&path, NODE), Some(Signature { holder: named('a', 1_234_567_890), beat: u64::MAX }));
    lock.sign(&named('b', 7), 0).unwrap();
    assert_eq!(PrimaryLock::signature(&path, NODE), Some(Signature { holder: named('b', 7), beat: 0 }));
    assert!(lock.is_in_place());
    std::fs::remove_file(folder.path().join(format!("store.db.node-{NODE}.lock"))).unwrap();
    assert!(!lock.is_in_place());
    let new = PrimaryLock::try_take(&path, NODE).unwrap();
    assert!(new.is_in_place() && !lock.is_in_place());
}

fn named(letter: char, pid: u32) -> Holder {
    Holder { instance: InstanceName { node: NODE, letter }, pid, process_start: 99, boot_id: "6f1c".to_owned() }
}
