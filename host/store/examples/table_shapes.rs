//! Measures the table shapes of `docs/adr/0002-sqlite-schema.md`: what finding a session's rows costs the writer.
//!
//! `cargo run --release -p tandem-store --example table_shapes -- [DIR]`: DIR lies on the disk to measure.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{path::Path, time::Instant};

use rusqlite::{Connection, params};
use rustix::time::{ClockId, clock_gettime};

/// A shape: its name, what it adds to the plain table, and whether every batch also moves its sessions' `last`.
const SHAPES: [(&str, &str, bool); 4] = [
    ("no index", "", false),
    ("index (session)", "CREATE INDEX journal_session ON journal (session);", false),
    ("prev + session.last", "", true),
    ("clustered key", "CLUSTERED", false),
];

/// Sessions with one row outstanding each.
const SESSIONS: i64 = 1_024;

struct Load {
    batch: usize,
    commits: usize,
    steps_per_session: i64,
    page: u32,
    checkpoint: u32,
}

fn main() {
    let dir = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let long = i64::MAX;
    println!("| shape | steps a session | batch | page | checkpoint | rows/s | CPU µs a row | B a row |");
    println!("|---|---|---|---|---|---|---|---|");
    for (batch, commits, steps) in [(1, 400, long), (64, 800, long), (1_024, 400, long), (1_024, 400, 8)] {
        for shape in SHAPES {
            run(Path::new(&dir), shape, &Load { batch, commits, steps_per_session: steps, page: 4_096, checkpoint: 4_000 });
        }
    }
    for page in [4_096, 8_192, 16_384] {
        for checkpoint in [1_000, 4_000, 16_000] {
            for (batch, commits) in [(1, 400), (1_024, 400)] {
                run(Path::new(&dir), SHAPES[2], &Load { batch, commits, steps_per_session: long, page, checkpoint });
            }
        }
    }
}

fn run(dir: &Path, (name, extra, last): (&str, &str, bool), load: &Load) {
    let folder = tempfile::tempdir_in(dir).unwrap();
    let path = folder.path().join("shape.db");
    let db = Connection::open(&path).unwrap();
    let key = if extra == "CLUSTERED" { ("INTEGER", ", PRIMARY KEY (session, id)) WITHOUT ROWID") } else { ("INTEGER PRIMARY KEY", ")") };
    let extra = if extra == "CLUSTERED" { "" } else { extra };
    db.execute_batch(&format!(
        "PRAGMA page_size = {}; PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = {};
         CREATE TABLE session (id INTEGER PRIMARY KEY, node INTEGER, epoch INTEGER, number INTEGER, last INTEGER);
         CREATE TABLE journal (id {}, session INTEGER, incarnation INTEGER, seq INTEGER, kind INTEGER, prev INTEGER, data BLOB{}; {extra}",
        load.page, load.checkpoint, key.0, key.1
    ))
    .unwrap();
    let data: Vec<u8> = db.query_row("SELECT randomblob(350)", (), |row| row.get(0)).unwrap();
    let (mut row, mut next) = (0_i64, 0_i64);
    let mut sessions: Vec<(i64, i64, i64)> = Vec::new();
    let (wall, cpu) = (Instant::now(), cpu_us());
    let mut at = 0;
    for _ in 0..load.commits {
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in 0..load.batch {
            let slot = at % SESSIONS as usize;
            at += 1;
            if slot == sessions.len() || sessions[slot].1 >= load.steps_per_session {
                next += 1;
                db.prepare_cached("INSERT INTO session VALUES (?, 101, 3, ?, 0)").unwrap().execute([next, next]).unwrap();
                if slot == sessions.len() { sessions.push((next, 0, 0)) } else { sessions[slot] = (next, 0, 0) }
            }
            let (session, seq, prev) = &mut sessions[slot];
            *seq += 1;
            row += 1;
            let prev_row = if last { *prev } else { 0 };
            db.prepare_cached("INSERT INTO journal VALUES (?, ?, 1, ?, 2, ?, ?)")
                .unwrap()
                .execute(params![row, *session, *seq, prev_row, data])
                .unwrap();
            *prev = row;
            if last {
                db.prepare_cached("UPDATE session SET last = ? WHERE id = ?").unwrap().execute([row, *session]).unwrap();
            }
        }
        db.execute_batch("COMMIT").unwrap();
    }
    let (wall, cpu) = (wall.elapsed(), cpu_us() - cpu);
    let rows = (load.batch * load.commits) as f64;
    db.execute_batch("PRAGMA wal_checkpoint(truncate)").unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len() as f64;
    let steps = if load.steps_per_session == i64::MAX { "all".to_owned() } else { load.steps_per_session.to_string() };
    println!(
        "| {name} | {steps} | {} | {} | {} | {:.0} | {:.2} | {:.0} |",
        load.batch,
        load.page,
        load.checkpoint,
        rows / wall.as_secs_f64(),
        cpu / rows,
        bytes / rows
    );
}

fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
