//! One row of a trace.

use csv::ByteRecord;

use super::{SERVICE_TYPES, TraceError, instant};

/// Longest time in a row: a day. More is a broken clock.
const MAX_SECONDS: i64 = 86_400;

/// A usable row that is no phantom.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) arrival: String,
    pub(super) arrive_at_ms: u64,
    pub(super) customer: Option<String>,
    pub(super) priority: u8,
    pub(super) service_type: String,
    pub(super) vru_ms: u64,
    pub(super) course: Course,
    pub(super) agent: Option<String>,
    /// What had to be put right.
    pub(super) mended: Option<String>,
}

/// What became of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    Served { queue_ms: u64, service_ms: u64 },
    HungUpInQueue { queue_ms: u64 },
    HungUpInVru,
}

/// Where the columns are.
pub(super) struct Columns {
    arrival: usize,
    customer_id: usize,
    priority: usize,
    service_type: usize,
    vru_seconds: usize,
    queue_seconds: usize,
    service_seconds: usize,
    outcome: usize,
    agent: usize,
}

impl Columns {
    pub(super) fn of(headers: &ByteRecord) -> Result<Self, TraceError> {
        let at = |name: &'static str| {
            let found = headers.iter().position(|header| header.trim_ascii() == name.as_bytes());
            found.ok_or(TraceError::NoColumn(name))
        };
        Ok(Self {
            arrival: at("arrival")?,
            customer_id: at("customer_id")?,
            priority: at("priority")?,
            service_type: at("service_type")?,
            vru_seconds: at("vru_seconds")?,
            queue_seconds: at("queue_seconds")?,
            service_seconds: at("service_seconds")?,
            outcome: at("outcome")?,
            agent: at("agent")?,
        })
    }

    /// When the call arrived, if the row says that much.
    pub(super) fn arrival(&self, record: &ByteRecord) -> Option<u64> {
        instant(text(record, self.arrival, "arrival").ok()?).ok()
    }

    /// None: a phantom. The error is the reason for people.
    pub(super) fn row(&self, record: &ByteRecord) -> Result<Option<Row>, String> {
        let arrival = text(record, self.arrival, "arrival")?;
        let arrive_at_ms = instant(arrival).map_err(|error| format!("arrival: {error}"))?;
        let outcome = text(record, self.outcome, "outcome")?;
        if outcome == "PHANTOM" {
            return Ok(None);
        }
        let vru_s = seconds(record, self.vru_seconds, "vru_seconds", -MAX_SECONDS)?;
        let queue_ms = seconds(record, self.queue_seconds, "queue_seconds", 0)?.unsigned_abs() * 1_000;
        let service_ms = seconds(record, self.service_seconds, "service_seconds", 0)?.unsigned_abs() * 1_000;
        let course = match outcome {
            "AGENT" => Course::Served { queue_ms, service_ms },
            "HANG" if service_ms > 0 => Course::Served { queue_ms, service_ms },
            "HANG" if queue_ms > 0 => Course::HungUpInQueue { queue_ms },
            "HANG" => Course::HungUpInVru,
            other => return Err(format!("outcome {} is none of AGENT, HANG, PHANTOM", shown(other))),
        };
        let priority = match text(record, self.priority, "priority")? {
            "0" => 0,
            "1" => 1,
            "2" => 2,
            other => return Err(format!("priority {} is none of 0, 1, 2", shown(other))),
        };
        let service_type = text(record, self.service_type, "service_type")?;
        let known = SERVICE_TYPES.iter().any(|(name, _)| *name == service_type);
        // Who hung up in the menu chose nothing: whatever stands there means nothing.
        if !known && course != Course::HungUpInVru {
            return Err(format!("service_type {} is none of PS, PE, IN, NE, NW, TT", shown(service_type)));
        }
        let some = |text: &str| if text.is_empty() { None } else { Some(text.to_owned()) };
        Ok(Some(Row {
            arrival: arrival.to_owned(),
            arrive_at_ms,
            customer: some(text(record, self.customer_id, "customer_id")?),
            priority,
            service_type: service_type.to_owned(),
            vru_ms: u64::try_from(vru_s).unwrap_or(0) * 1_000,
            course,
            agent: some(text(record, self.agent, "agent")?),
            mended: (vru_s < 0).then(|| format!("vru_seconds is {vru_s}, taken for 0")),
        }))
    }
}

fn text<'a>(record: &'a ByteRecord, index: usize, column: &str) -> Result<&'a str, String> {
    let field = record.get(index).ok_or_else(|| format!("the row ends before its column {column}"))?;
    std::str::from_utf8(field).map(str::trim).map_err(|_| format!("{column} is not UTF-8 text"))
}

fn seconds(record: &ByteRecord, index: usize, column: &str, least: i64) -> Result<i64, String> {
    let text = text(record, index, column)?;
    let seconds = text.parse().ok().filter(|seconds| (least..=MAX_SECONDS).contains(seconds));
    seconds.ok_or_else(|| format!("{column} {} is not a whole number from 0 to {MAX_SECONDS}", shown(text)))
}

/// A field in a message: quoted, and not the whole of a broken file.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("{short:?}")
}
