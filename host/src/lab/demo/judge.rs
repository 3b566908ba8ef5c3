//! The judge: `tandem-oracle` on the switch's record and the exported journal.

use std::{ffi::OsString, time::Duration};

use serde_json::{Map, Value};

use super::{DemoError, Plan, process::Process, site::Site};

/// For exporting or judging. Reason: a million steps take less than a minute.
const WITHIN: Duration = Duration::from_secs(300);

/// The oracle's word.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Nothing is wrong.
    pub clean: bool,
    /// Its report, as its documentation says.
    pub facts: Map<String, Value>,
    /// The same for people.
    pub text: String,
}

/// Exports the journals and asks the oracle.
pub async fn judge(plan: &Plan, site: &Site, twin: Option<&Site>) -> Result<Judged, DemoError> {
    for site in [Some(site), twin].into_iter().flatten() {
        site.start_export(plan)?.succeed(WITHIN).await?;
    }
    let (json, log) = (site.file("oracle.json"), site.file("oracle.log"));
    let mut arguments: Vec<OsString> = vec![site.record().into(), site.journal().into(), "--json".into(), json.clone().into()];
    if let Some(twin) = twin {
        arguments.extend(["--twin".into(), twin.record().into(), "--twin-journal".into(), twin.journal().into()]);
    }
    // The log of an earlier run is not this one's.
    std::fs::write(&log, "").map_err(DemoError::io(&log))?;
    let mut oracle = Process::start("the oracle", &plan.oracle, arguments, log.clone())?;
    let status = oracle.wait(WITHIN).await?;
    let clean = match status.code() {
        Some(0) => true,
        Some(1) => false,
        _ => return Err(oracle.ended_by_itself(status)),
    };
    let text = std::fs::read_to_string(&log).map_err(DemoError::io(&log))?;
    let report = std::fs::read(&json).map_err(DemoError::io(&json))?;
    let facts = serde_json::from_slice(&report).map_err(|error| DemoError::Report { path: json, why: error.to_string() })?;
    Ok(Judged { clean, facts, text })
}
