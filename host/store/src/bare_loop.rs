//! What SQLite alone can do: the yardstick of the benches (design, section 14).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::sqlite::tune;

/// What a bare loop did.
#[derive(Debug, Clone, PartialEq)]
pub struct BareRun {
    /// Rows written.
    pub rows: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// How long each commit took, in order, its inserts included.
    pub commits: Vec<Duration>,
}

impl BareRun {
    /// Durable rows a second.
    pub fn rows_per_s(&self) -> f64 {
        self.rows as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// The commit time that half of the commits did not exceed.
    pub fn commit_p50(&self) -> Duration {
        let mut commits = self.commits.clone();
        commits.sort_unstable();
        commits.get(commits.len() / 2).copied().unwrap_or_default()
    }
}

/// Appends `rows` over and over to a table of its own in a new file at `path`, `batch` of them in each transaction, for
/// `time`: the group commit loop of a program that has no sessions, leases, claims, watermarks and readers, with the
/// settings of every store. The file is the caller's to delete.
pub fn bare_loop(path: &Path, rows: &[Vec<u8>], batch: usize, time: Duration) -> rusqlite::Result<BareRun> {
    let db = Connection::open(path)?;
    tune(&db, path)?;
    db.execute_batch(
        "CREATE TABLE bare (id INTEGER PRIMARY KEY, session INTEGER NOT NULL, seq INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
    )?;
    let mut data = rows.iter().cycle().zip(0_i64..);
    let mut run = BareRun { rows: 0, elapsed: Duration::ZERO, commits: Vec::new() };
    let begin = Instant::now();
    while run.elapsed < time {
        let commit = Instant::now();
        let transaction = Transaction::new_unchecked(&db, TransactionBehavior::Immediate)?;
        let mut insert = transaction.prepare_cached("INSERT INTO bare (session, seq, data) VALUES (?1, ?2, ?3)")?;
        for (row, at) in data.by_ref().take(batch) {
            insert.execute((at % 1_024, at / 1_024, row))?;
            run.rows += 1;
        }
        drop(insert);
        transaction.commit()?;
        run.commits.push(commit.elapsed());
        run.elapsed = begin.elapsed();
    }
    Ok(run)
}
