//! The oracle on doctored files: for every rule, a consistent run is changed in one place, and exactly the right counts rise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod doctor;
mod lives;
mod rules;
mod run;
mod twins;
mod world;

use run::Run;
use tandem_oracle::{Kind, Options, ReadError, Report, Twin, judge};

fn judged(run: &Run, options: &Options) -> Result<Report, ReadError> {
    let (record, journal) = run.files();
    judge(record.as_bytes(), journal.as_bytes(), None, options)
}

fn compared(run: &Run, twin: &Run, options: &Options) -> Result<Report, ReadError> {
    let (record, journal) = run.files();
    let (twin_record, twin_journal) = twin.files();
    let twin = Twin { record: twin_record.as_bytes(), journal: Some(twin_journal.as_bytes()) };
    judge(record.as_bytes(), journal.as_bytes(), Some(twin), options)
}

/// What is wrong, and how often: nothing else is.
fn expect(report: &Report, what: &str, expected: &[(Kind, u64)]) {
    let mut wrong: Vec<_> = report.wrong().collect();
    let mut expected = expected.to_vec();
    wrong.sort_unstable();
    expected.sort_unstable();
    assert_eq!(wrong, expected, "{what}\n{report}");
    assert_eq!(report.is_clean(), expected.is_empty(), "{what}");
}
