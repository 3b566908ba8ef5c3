//! `kill -9` in the middle of commits: this test binary starts itself as the process to be killed.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use tandem_journal::{Row, RowKind};
use tandem_store::{Sqlite, open_reader};
use tandem_words::SessionId;

use crate::rows::{NODE, Primary, visit};

/// Where the killed process finds its store.
const PLACE: &str = "TANDEM_STORE_TO_CRASH";

/// Sessions end this many batches after their beginning.
const LIFE: u64 = 10;

/// Large enough that a checkpoint comes every few hundred batches, so that kills hit those too.
const DATA: usize = 12_000;

fn row(epoch: u64, number: u64, kind: RowKind, seq: u32) -> Row {
    let session = SessionId { node: NODE, epoch, number };
    Row { session, incarnation: 1, seq, kind, data: vec![number.to_le_bytes()[0]; DATA] }
}

/// Batch `number` of an epoch: session `number` begins and makes two steps, and one that is old enough ends.
fn rows(epoch: u64, number: u64) -> Vec<Row> {
    let claim = visit(&format!("call-{epoch}-{number}"), 1);
    let mut rows = vec![row(epoch, number, RowKind::Opened(Some(claim)), 0)];
    rows.extend([1, 2].map(|seq| row(epoch, number, RowKind::Step { last: false }, seq)));
    if number > LIFE {
        rows.push(row(epoch, number - LIFE, RowKind::Ended, 2));
    }
    rows
}

/// Not a test: what is killed. It says the number of each batch once that is acknowledged.
#[test]
#[ignore = "runs until it is killed; started by the test below"]
fn commit_until_killed() {
    let Ok(path) = env::var(PLACE) else { return };
    let mut primary = Primary::of(Box::new(Sqlite::open(Path::new(&path)).unwrap()), NODE);
    let mut out = std::io::stdout();
    for number in 1.. {
        assert!(primary.write(rows(primary.lease.epoch, number)).is_empty());
        writeln!(out, "\nacknowledged {number}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_nothing_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (mut chance, mut all) = (0x9e37_79b9_u64, 0);
    for epoch in 1..=25 {
        let acknowledged = run_and_kill(&path, Duration::from_micros(2_000 + chance % 60_000));
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 1;
        let mut reader = open_reader(&path).unwrap();
        let lease = reader.lease(NODE).unwrap().unwrap().lease;
        assert_eq!(lease.epoch, epoch);
        assert!(lease.counter >= acknowledged, "epoch {epoch}: {acknowledged} batches were acknowledged, {} are there", lease.counter);
        for number in 1..=lease.counter + 1 {
            let session = SessionId { node: NODE, epoch, number };
            let found = reader.all_rows_of(session).unwrap();
            let expected = if number > lease.counter { 0 } else { 3 + usize::from(number + LIFE <= lease.counter) };
            assert_eq!(found.len(), expected, "{session}, {} batches", lease.counter);
            assert!(found.iter().flatten().all(|byte| *byte == number.to_le_bytes()[0]), "{session}");
            let claim = visit(&format!("call-{epoch}-{number}"), 1);
            assert_eq!(reader.claim_owner(&claim).unwrap(), (expected > 0).then_some(session));
        }
        all += lease.counter;
    }
    assert!(all > 25, "the killed processes committed {all} batches");
    assert_eq!(open_reader(&path).unwrap().counts().unwrap().sessions, all);
}

/// Starts the process, kills it `after` its first acknowledgement, and says the last batch that it saw acknowledged.
fn run_and_kill(path: &Path, after: Duration) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["crash::commit_until_killed", "--exact", "--ignored", "--nocapture"])
        .env(PLACE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut last = lines.by_ref().find_map(|line| number(&line)).expect("the process ends before its first commit");
    let reading = thread::spawn(move || {
        for acknowledged in lines.filter_map(|line| number(&line)) {
            last = acknowledged;
        }
        last
    });
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

fn number(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.parse().ok()
}
