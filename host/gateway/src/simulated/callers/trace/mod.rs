//! Callers of a call trace: real calls, one a row of a CSV file, called again.
//!
//! Columns, named by the first line, in any order: `arrival` (local time, taken for UTC), `customer_id`, `priority` (0 to 2),
//! `service_type`, `vru_seconds`, `queue_seconds`, `service_seconds`, `outcome` (AGENT, HANG, PHANTOM), `agent`; others are ignored.
//!
//! - PHANTOM rows are left out and counted. A row that makes no sense is left out and named. A `vru_seconds` below 0 (clocks
//!   of two machines) is taken for 0 and named.
//! - The service type becomes the digit pressed at every collect ([`SERVICE_TYPES`]). A caller who hung up in the voice
//!   response unit (HANG, neither queue nor service time) presses nothing and hangs up after `vru_seconds`.
//! - A HANG row with a service time was served. Patience of who hung up in the queue, and service times, are as recorded.
//! - What was not recorded is drawn with the caller's seed from all rows of the file: a service time from those of the
//!   same service type; the patience of a served caller from those of the same type who hung up in the queue after a longer
//!   time than this caller waited (else: of any type; else the wait and [`DEFAULT_PATIENCE_MS`]).
//! - Priority 2 has 90 s of credit.

mod duty;
mod instant;
mod recorded;
mod row;

use std::io::Read;

use rand::RngExt;

pub use duty::{AgentOnDuty, HourOnDuty};
pub use instant::instant;

use super::chance::{Drawn, caller_seed, chance};
use super::plan::{After, Answer, CallerPlan, Digits};
use recorded::Recorded;
use row::{Columns, Course, Row};

/// Service types and the digit that a menu gives them: regular, regular (English), internet, stock trading, prospective
/// customer, asked to be called back.
pub const SERVICE_TYPES: [(&str, &str); 6] = [("PS", "1"), ("PE", "2"), ("IN", "3"), ("NE", "4"), ("NW", "5"), ("TT", "6")];

/// Rows of a trace. 5,000,000: years of a centre, and some 2 GB of plans.
pub const MAX_ROWS: u64 = 5_000_000;

/// Rows named in [`Rows`]; more are only counted. 100: more than anybody reads.
pub const MAX_NAMED_ROWS: usize = 100;

/// Added to a served caller's wait where nobody in the file was more patient, or nobody hung up. 5 minutes.
pub const DEFAULT_PATIENCE_MS: u64 = 300_000;

/// Talk time where the file has none. 3 minutes.
pub const DEFAULT_SERVICE_MS: u64 = 180_000;

/// Time to the first key: no trace has it, so it is drawn, uniform.
const REACTION_MS: std::ops::RangeInclusive<u64> = 500..=3_000;

const HOUR_MS: u64 = 3_600_000;

/// What to take from a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceOptions {
    /// Of the run.
    pub seed: u64,
    /// Routing point that all these callers dial.
    pub dials: String,
    /// Arrivals from then on, UTC milliseconds ([`instant`] reads a date); none: from the first, where hours are given from
    /// the begin of its hour.
    pub from_ms: Option<u64>,
    /// For so long; none: to the last.
    pub hours: Option<u32>,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// In order of arrival.
    pub callers: Vec<CallerPlan>,
    /// In order; an hour that does not stand here has nobody on duty.
    pub hours: Vec<HourOnDuty>,
    /// Rows with outcome PHANTOM, left out.
    pub phantoms: u64,
    /// Rows that make no sense, left out.
    pub bad: Rows,
    /// Rows taken with a value put right.
    pub mended: Rows,
}

/// Some rows of the file: how many, and the first of them by line and reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// All of them.
    pub count: u64,
    /// (line of the file, from 1; what is wrong there), at most [`MAX_NAMED_ROWS`].
    pub named: Vec<(u64, String)>,
}

impl Rows {
    fn add(&mut self, line: u64, reason: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED_ROWS {
            self.named.push((line, reason));
        }
    }
}

/// Why a trace could not be used at all.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The first line does not name a column that is needed.
    #[error("the trace has no column `{0}`: its first line must name the columns")]
    NoColumn(&'static str),
    /// The file ended badly, or is no text (compressed files must be unpacked before).
    #[error("the trace cannot be read after line {line}: {source}")]
    Unreadable {
        /// The last line that could be read.
        line: u64,
        /// What the reader said.
        source: csv::Error,
    },
    /// More than [`MAX_ROWS`].
    #[error("the trace has more than {MAX_ROWS} rows: cut it into several files")]
    TooLong,
    /// No row is left.
    #[error("no call of the trace is selected: {calls} usable rows, {bad} bad; the first arrival is {first}, the last {last}")]
    Empty {
        /// Usable rows of the whole file.
        calls: usize,
        /// Bad rows.
        bad: u64,
        /// In the file; `-` where there is none.
        first: String,
        /// In the file.
        last: String,
    },
    /// Not a date.
    #[error("`{0}` is not a date: write 1999-01-05, or 1999-01-05T08:00:00")]
    BadInstant(String),
}

impl Trace {
    /// Reads a whole trace (plain CSV) and takes the selected callers.
    pub fn read(source: impl Read, options: &TraceOptions) -> Result<Self, TraceError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let unreadable = |line| move |source| TraceError::Unreadable { line, source };
        let columns = Columns::of(reader.byte_headers().map_err(unreadable(0))?)?;
        let (mut rows, mut phantoms, mut bad, mut mended) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut record = csv::ByteRecord::new();
        let (mut line, mut count) = (1, 0);
        while reader.read_byte_record(&mut record).map_err(unreadable(line))? {
            line = record.position().map_or(line, csv::Position::line);
            count += 1;
            if count > MAX_ROWS {
                return Err(TraceError::TooLong);
            }
            let arrival = columns.arrival(&record);
            match columns.row(&record) {
                Ok(Some(row)) => {
                    mended.extend(row.mended.clone().map(|reason| (line, arrival, reason)));
                    rows.push(row);
                }
                Ok(None) => phantoms.push(arrival),
                Err(reason) => bad.push((line, arrival, reason)),
            }
        }
        // Sorted by arrival as a rule; where not, the file's order breaks ties.
        rows.sort_by_key(|row| row.arrive_at_ms);
        let (from_ms, to_ms) = selection(&rows, options);
        // A row without a readable arrival cannot be said to lie outside.
        let selected = |arrival: &Option<u64>| arrival.is_none_or(|at_ms| (from_ms..to_ms).contains(&at_ms));
        let report = |found: Vec<(u64, Option<u64>, String)>| {
            let mut report = Rows::default();
            found.into_iter().filter(|(_, arrival, _)| selected(arrival)).for_each(|(line, _, why)| report.add(line, why));
            report
        };
        let bad = report(bad);
        let recorded = Recorded::of(&rows);
        let chosen = rows.iter().filter(|row| selected(&Some(row.arrive_at_ms)));
        let callers: Vec<_> = (1..).zip(chosen).map(|(number, row)| caller(number, row, &recorded, options)).collect();
        if callers.is_empty() {
            let said = |row: Option<&Row>| row.map_or("-".to_owned(), |row| row.arrival.clone());
            let (calls, first, last) = (rows.len(), said(rows.first()), said(rows.last()));
            return Err(TraceError::Empty { calls, bad: bad.count, first, last });
        }
        let phantoms = phantoms.iter().filter(|arrival| selected(arrival)).count() as u64;
        Ok(Self { callers, hours: duty::hours(&rows, from_ms, to_ms), phantoms, bad, mended: report(mended) })
    }

    /// The same duty by agent, as a switch is told: consecutive hours are one time on duty.
    pub fn agents(&self) -> Vec<AgentOnDuty> {
        duty::by_agent(&self.hours)
    }
}

fn selection(rows: &[Row], options: &TraceOptions) -> (u64, u64) {
    let Some(hours) = options.hours else { return (options.from_ms.unwrap_or(0), u64::MAX) };
    let first_ms = rows.first().map_or(0, |row| row.arrive_at_ms);
    let from_ms = options.from_ms.unwrap_or(first_ms - first_ms % HOUR_MS);
    (from_ms, from_ms.saturating_add(u64::from(hours) * HOUR_MS))
}

fn caller(number: u32, row: &Row, recorded: &Recorded, options: &TraceOptions) -> CallerPlan {
    let seed = caller_seed(options.seed, number);
    let service_type = row.service_type.as_str();
    let patience = |over_ms| recorded.patience_ms(&mut chance(seed, Drawn::Patience), service_type, over_ms);
    let service = || recorded.service_ms(&mut chance(seed, Drawn::Service), service_type);
    let (patience_ms, service_ms, hangs_up_at_ms) = match row.course {
        Course::Served { queue_ms, service_ms } => (patience(queue_ms), service_ms, None),
        Course::HungUpInQueue { queue_ms } => (queue_ms, service(), None),
        Course::HungUpInVru => (patience(0), service(), Some(row.vru_ms)),
    };
    let digit = SERVICE_TYPES.iter().find(|(name, _)| *name == service_type && hangs_up_at_ms.is_none());
    let digits = digit.map_or_else(Digits::silence, |(_, digit)| {
        let delay_ms = chance(seed, Drawn::Digits).random_range(REACTION_MS);
        Digits { answers: vec![Answer::new(*digit, delay_ms)], after: After::Repeat, at_prompts: false }
    });
    CallerPlan {
        number,
        arrive_at_ms: row.arrive_at_ms,
        calling: row.customer.clone().unwrap_or_else(|| "anonymous".to_owned()),
        dials: options.dials.clone(),
        patience_ms,
        hangs_up_at_ms,
        digits,
        service_ms,
        priority: i32::from(row.priority),
        credit_ms: if row.priority == 2 { 90_000 } else { 0 },
        service_type: row.service_type.clone(),
        seed,
    }
}

#[cfg(test)]
mod tests;
