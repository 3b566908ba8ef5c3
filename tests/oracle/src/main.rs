//! `tandem-oracle`: see the library's documentation.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use tandem_oracle::{Options, ReadError, Report, Twin, judge};

/// Judges a run: compares a switch's record with the host's exported journal.
///
/// Exit code 0: nothing is wrong; 1: something is; 2: a file cannot be judged.
#[derive(Debug, Parser)]
#[command(name = "tandem-oracle", version)]
struct Arguments {
    /// The switch's record: JSON lines.
    record: PathBuf,
    /// The exported journal: JSON lines in the order of commits.
    journal: PathBuf,
    /// The record of a run of the same seed in which nothing died: each call must have come out the same.
    #[arg(long, value_name = "RECORD")]
    twin: Option<PathBuf>,
    /// That run's journal: judge it as well.
    #[arg(long, value_name = "JOURNAL", requires = "twin")]
    twin_journal: Option<PathBuf>,
    /// Write the report here too, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Do not miss what came within so many ms before the record's end.
    #[arg(long, default_value_t = Options::default().grace_ms)]
    grace_ms: u64,
    /// The switch's `retain`: an event with so many later ones may have become a gap.
    #[arg(long, default_value_t = Options::default().retain)]
    retain: usize,
    /// How long agents work after a call, in ms: busy periods of the twin's comparison go on meanwhile.
    #[arg(long, default_value_t = Options::default().wrap_up_ms)]
    wrap_up_ms: u64,
    /// How many findings of each kind to list.
    #[arg(long, default_value_t = Options::default().examples)]
    examples: usize,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}: cannot be opened: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{}: the report cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Read(#[from] ReadError),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(report) => {
            // A closed pipe is the reader's business.
            write!(io::stdout(), "{report}").ok();
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            writeln!(io::stderr(), "tandem-oracle: {error}").ok();
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, Error> {
    let Arguments { grace_ms, retain, wrap_up_ms, examples, .. } = *arguments;
    let options = Options { grace_ms, retain, wrap_up_ms, examples };
    let twin = match &arguments.twin {
        Some(record) => Some(Twin { record: open(record)?, journal: arguments.twin_journal.as_deref().map(open).transpose()? }),
        None => None,
    };
    let report = judge(open(&arguments.record)?, open(&arguments.journal)?, twin, &options)?;
    if let Some(path) = &arguments.json {
        let write = || serde_json::to_writer_pretty(File::create(path)?, &report).map_err(io::Error::from);
        write().map_err(|source| Error::Write { path: path.clone(), source })?;
    }
    Ok(report)
}

fn open(path: &Path) -> Result<BufReader<File>, Error> {
    File::open(path).map(BufReader::new).map_err(|source| Error::Open { path: path.to_owned(), source })
}
