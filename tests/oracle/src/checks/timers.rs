//! Timers: each that is due fires, if its session lives and somebody leads.

use crate::finding::{Finding, Findings, Kind};
use crate::judge::Sides;

pub(crate) fn check(sides: &Sides<'_>, findings: &mut Findings) {
    let Sides { switch, host, options } = *sides;
    let judged_until = switch.ended_at.saturating_sub(options.grace_ms);
    let mut forgotten = Vec::new();
    for (key, asked) in &host.asked {
        let (Some(due), Some((incarnation, run))) = (asked.due(), host.last_run(key.session)) else { continue };
        if asked.refused || key.incarnation != incarnation || host.answered.contains_key(key) || due > judged_until {
            continue;
        }
        let fires = match run.over {
            Some(over) => due < over.not_before,
            // Once somebody leads at a later moment, the timer has been served: time passes only when all is done.
            None => switch.leadership.periods(key.session.node).iter().any(|period| period.to.is_none_or(|to| to > due.max(period.from))),
        };
        if fires {
            forgotten.push((asked.line, *key, due));
        }
    }
    forgotten.sort_unstable();
    for (line, key, due) in forgotten {
        let finding = Finding::new(format!("timer {} was due and never fired", key.request));
        findings.add(Kind::ForgottenTimers, finding.session(key.session).key(key).at(due).in_journal(line));
    }
}
