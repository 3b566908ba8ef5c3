//! Opening the file: is it ours, is its schema known, how is it tuned.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tandem_words::StoreId;

use super::classify::Failure;
use crate::StoreError;

/// The steps from an empty file to this release's schema; a file's `user_version` is how many it has behind it.
const MIGRATIONS: [&str; 2] = [include_str!("../../migrations/0001_first.sql"), include_str!("../../migrations/0002_solo.sql")];

/// `application_id` of a store: "Tand".
const APPLICATION: i64 = 0x5461_6e64;

/// How long a statement waits for another writer, unless the holder of a lease has less time.
pub(super) const BUSY: Duration = Duration::from_millis(500);

/// How long opening goes on trying: two instances that start together make and migrate the file one after the other, and
/// SQLite reports some of these races at once instead of waiting.
const OPEN_FOR: Duration = Duration::from_secs(5);

/// Settings of every connection that writes; the bare loop of the bench uses the same. Reasons in the ADR:
/// - `synchronous = full`: a commit is on the disk when it returns;
/// - 4,000 pages (16 MB) between checkpoints: seldom enough not to be felt, and read back in about 20 ms after a kill;
/// - a log that grew past 64 MB, because a reader was slow, is cut back;
/// - 16 MB of page cache: a full batch never spills; no memory map: a bad sector would kill the process by signal.
const TUNING: &str = "PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -16000; PRAGMA mmap_size = 0; PRAGMA temp_store = memory;";

/// What a file is, before anything is done to it.
enum Found {
    /// Nothing yet.
    Empty,
    /// A store with this schema.
    Store(i64),
}

pub(super) fn writer(path: &Path) -> Result<(Connection, StoreId), StoreError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(StoreError::Missing { path: directory.to_owned() });
    }
    let until = Instant::now() + OPEN_FOR;
    loop {
        match try_writer(path).map_err(|failure| failure.at(path)) {
            Err(StoreError::Busy { .. }) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
    }
}

fn try_writer(path: &Path) -> Result<(Connection, StoreId), Failure> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let found = identify(&Transaction::new_unchecked(&db, TransactionBehavior::Deferred)?, path)?;
    if db.is_readonly("main")? {
        return Err(StoreError::Denied { path: path.to_owned(), cause: "it is read-only".to_owned() }.into());
    }
    if matches!(found, Found::Empty) {
        db.execute_batch("PRAGMA page_size = 4096;")?;
    }
    tune(&db, path)?;
    db.set_prepared_statement_cache_capacity(32);
    // A store of this release is opened without waiting for whoever writes to it.
    if !matches!(found, Found::Store(schema) if usize::try_from(schema) == Ok(MIGRATIONS.len())) {
        migrate(&db, path)?;
    }
    let id = db.query_row("SELECT id FROM store", (), |row| row.get::<_, i64>(0))?;
    Ok((db, id.cast_unsigned()))
}

/// Opens for reading a store that must exist. The file itself is opened for writing where that is allowed, because a reader
/// of a write-ahead log takes part in its index; `query_only` keeps it from anything else.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let open = || {
        let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        match identify(&Transaction::new_unchecked(&db, TransactionBehavior::Deferred)?, path)? {
            Found::Empty => return Err(StoreError::NotAStore { path: path.to_owned(), what: "an empty database".to_owned() }.into()),
            Found::Store(_) => db.execute_batch("PRAGMA query_only = on; PRAGMA cache_size = -16000;")?,
        }
        Ok(db)
    };
    open().map_err(|failure: Failure| failure.at(path))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Failure> {
    if path.is_dir() {
        return Err(StoreError::NotAStore { path: path.to_owned(), what: "a directory".to_owned() }.into());
    }
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(BUSY)?;
    Ok(db)
}

/// Reads the file's header and nothing else: a file that is not ours, or newer, is left as it is. In a transaction, because
/// another instance may be making the file just now.
fn identify(db: &Transaction<'_>, path: &Path) -> Result<Found, Failure> {
    let number = |pragma: &str| db.query_row(pragma, (), |row| row.get::<_, i64>(0));
    let (application, schema) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    if application == 0 && schema == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(Found::Empty);
    }
    if application != APPLICATION {
        let what = "a SQLite database of another program".to_owned();
        return Err(StoreError::NotAStore { path: path.to_owned(), what }.into());
    }
    let known = MIGRATIONS.len() as i64;
    if schema > known {
        return Err(StoreError::SchemaNewer { found: schema, known, path: path.to_owned() }.into());
    }
    Ok(Found::Store(schema))
}

/// Puts a writing connection on the settings of every store.
pub(crate) fn tune(db: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mode: String = db.query_row("PRAGMA journal_mode = wal", (), |row| row.get(0))?;
    if mode != "wal" {
        let cause = format!("no write-ahead log can be kept at {}: the journal mode is {mode}", path.display());
        return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN), Some(cause)));
    }
    db.execute_batch(TUNING)
}

/// Runs what the file lacks, in one transaction; another instance may have been faster.
fn migrate(db: &Connection, path: &Path) -> Result<(), Failure> {
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let done = match identify(&transaction, path)? {
        Found::Empty => 0,
        Found::Store(schema) => usize::try_from(schema).unwrap_or_default(),
    };
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        transaction.execute_batch(migration)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {}; PRAGMA application_id = {APPLICATION};", at + 1))?;
    }
    Ok(transaction.commit()?)
}
