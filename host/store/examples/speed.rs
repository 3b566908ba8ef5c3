//! Measures the store beside the bare loop, in turns, and recovery: the second table of `docs/adr/0002-sqlite-schema.md`.
//!
//! `cargo run --release -p tandem-store --example speed -- [DIR]`: DIR lies on the disk to measure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tandem_journal::{Batch, Lease, Row, RowKind, Watermark};
use tandem_store::{Holder, Sqlite, Store, bare_loop::bare_loop, open_reader};
use tandem_words::SessionId;

const NODE: u32 = 101;
/// As large as a record of a step with 100 B of user data and one request.
const DATA: usize = 350;
const TIME: Duration = Duration::from_millis(1_500);

fn main() {
    let dir = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    println!("| batch | bare rows/s | CPU µs | p50 µs | store rows/s | CPU µs | p50 µs | CPU ratio |\n|---|---|---|---|---|---|---|---|");
    for batch in [1, 16, 64, 256, 1_024] {
        let folder = tempfile::tempdir_in(&dir).unwrap();
        let cpu = cpu_us();
        let bare = bare_loop(&folder.path().join("bare.db"), &[vec![7; DATA]], batch, TIME).unwrap();
        let bare_cpu = (cpu_us() - cpu) / bare.rows as f64;
        let mut primary = Primary::open(&folder.path().join("store.db"));
        primary.open_sessions(1..=1_024);
        let (mut rows, mut times, mut at) = (0, Vec::new(), 0_u64);
        let (cpu, begin) = (cpu_us(), Instant::now());
        while begin.elapsed() < TIME {
            let steps = (0..batch as u64).map(|more| at + more).map(|at| step(1 + at % 1_024, u32::try_from(1 + at / 1_024).unwrap()));
            let steps = steps.collect();
            at += batch as u64;
            let commit = Instant::now();
            primary.commit(steps);
            times.push(commit.elapsed());
            rows += batch;
        }
        let (wall, cpu) = (begin.elapsed(), (cpu_us() - cpu) / rows as f64);
        times.sort_unstable();
        println!(
            "| {batch} | {:.0} | {bare_cpu:.2} | {:.0} | {:.0} | {cpu:.2} | {:.0} | {:.2} |",
            bare.rows_per_s(),
            bare.commit_p50().as_secs_f64() * 1e6,
            rows as f64 / wall.as_secs_f64(),
            times[times.len() / 2].as_secs_f64() * 1e6,
            cpu / bare_cpu
        );
    }
    for (sessions, steps) in [(10_000, 8), (100_000, 8)] {
        let folder = tempfile::tempdir_in(&dir).unwrap();
        recovery(&folder.path().join("store.db"), sessions, steps);
    }
}

fn recovery(path: &Path, sessions: u64, steps: u32) {
    let mut primary = Primary::open(path);
    for chunk in 0..sessions / 1_000 {
        primary.open_sessions(1_000 * chunk + 1..=1_000 * (chunk + 1));
    }
    for seq in 1..=steps {
        for chunk in 0..sessions / 1_000 {
            primary.commit((1..=1_000).map(|number| step(1_000 * chunk + number, seq)).collect());
        }
    }
    // The writer stays open, so that the log stays as a kill would leave it.
    let begin = Instant::now();
    let mut reader = open_reader(path).unwrap();
    let (mut first, mut seen) = (None, 0);
    let mut visit = |_, rows: tandem_journal::SessionRows| {
        first.get_or_insert_with(|| begin.elapsed());
        assert_eq!(rows.tail.len(), steps as usize);
        seen += 1;
        ControlFlow::Continue(())
    };
    reader.for_each_live_session(NODE, &mut visit).unwrap();
    let all = begin.elapsed();
    assert_eq!(seen, sessions);
    let begin = Instant::now();
    for number in (1..=sessions).step_by(10) {
        reader.session_rows(SessionId { node: NODE, epoch: 1, number }).unwrap().unwrap();
    }
    let one = begin.elapsed() / u32::try_from(sessions / 10).unwrap();
    let counts = reader.counts().unwrap();
    println!(
        "recovery of {sessions} sessions of {steps} steps: first {:.1?}, all {all:.1?}; one alone {one:.1?}; {} B a row",
        first.unwrap_or_default(),
        counts.bytes / counts.rows
    );
}

struct Primary {
    store: Sqlite,
    lease: Lease,
}

impl Primary {
    fn open(path: &Path) -> Self {
        let mut store = Sqlite::open(path).unwrap();
        let holder = Holder { instance: "101/a".parse().unwrap(), pid: 1, process_start: 1, boot_id: String::new() };
        let lease = store.take_lease(NODE, &holder).unwrap();
        Primary { store, lease }
    }

    fn open_sessions(&mut self, numbers: impl Iterator<Item = u64>) {
        self.commit(numbers.map(|number| row(number, RowKind::Opened(None), 0)).collect());
    }

    fn commit(&mut self, rows: Vec<Row>) {
        self.lease.counter += 1;
        let watermarks = vec![Watermark { switch: "main".into(), incarnation: 1, position: self.lease.counter }];
        assert!(self.store.commit(&Batch { lease: self.lease, watermarks, rows, solo: false }).unwrap().is_empty());
    }
}

fn step(number: u64, seq: u32) -> Row {
    row(number, RowKind::Step { last: false }, seq)
}

fn row(number: u64, kind: RowKind, seq: u32) -> Row {
    Row { session: SessionId { node: NODE, epoch: 1, number }, incarnation: 1, seq, kind, data: vec![7; DATA] }
}

fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
