//! P9: no connected caller hears nothing for more than 5 s, past its session's quiet-until.
//!
//! While the session's node has no primary its quiet-until is void; the 5 s then begin when it became so. Where a quiet ends in
//! such a time, and the next primary dies before it could say anything, they begin where the quiet ended.
//!
//! While a gateway is dead nobody can end a silence. The next one beside the same switch knows of no quiet: the 5 s begin anew with
//! it, until a session says something of the call.

use std::collections::BTreeMap;

use tandem_gateway::record::{Heard, Line};
use tandem_words::{EventBody, InteractionId, SessionId, Timestamp};

use super::{Checked, holds, switch::Switch};

/// From the design, section 1.
const LONGEST_SILENCE_MS: u64 = 5_000;

pub(super) fn check(switch: &Switch) -> Checked {
    let mut silences = Silences::default();
    for life in &switch.lives {
        if !life.goes_on {
            silences = Silences::default();
        }
        for (index, line) in life.lines.iter().enumerate() {
            if let Some((at, _)) = life.died.filter(|(_, before)| *before == index) {
                silences.dies(at)?;
            }
            silences.line(line)?;
        }
        if let Some((at, _)) = life.died.filter(|(_, before)| *before == life.lines.len()) {
            silences.dies(at)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Silences<'a> {
    quiet_until: BTreeMap<SessionId, Timestamp>,
    holders: BTreeMap<&'a InteractionId, SessionId>,
    /// Since when the node has no primary.
    unled_since: Option<Timestamp>,
    /// When it had one last.
    led_at: Timestamp,
    /// When the quiet of a session became void, if it did, and it has said nothing of quiet since.
    void_since: BTreeMap<SessionId, Timestamp>,
    /// Calls that hear nothing: since when, and until when they were looked at.
    calls: BTreeMap<&'a InteractionId, (Timestamp, Timestamp)>,
    /// Calls that the gateway found silent when it began, and nobody has said anything of since.
    found: BTreeMap<&'a InteractionId, Timestamp>,
    is_dead: bool,
}

impl<'a> Silences<'a> {
    fn line(&mut self, line: &'a Line) -> Checked {
        match line {
            Line::Begin { at, .. } => self.begins(*at),
            Line::Hears { at, interaction, heard: Heard::Silence } => _ = self.calls.entry(interaction).or_insert((*at, *at)),
            Line::Hears { at, interaction, .. } | Line::Left { at, interaction, .. } => {
                self.look(interaction, *at)?;
                self.calls.remove(interaction);
                self.found.remove(interaction);
            }
            Line::Event(event) => {
                if let EventBody::InteractionAdded(added) = &event.body {
                    self.look(&added.id, event.at)?;
                    self.holders.remove(&added.id);
                }
            }
            Line::Quiet { at, session, interactions, until, .. } => self.quiet(*session, interactions, *until, *at)?,
            Line::Unled { at, .. } => self.unled(*at)?,
            Line::Led { at, .. } => self.led(*at)?,
            _ => {}
        }
        Ok(())
    }

    fn dies(&mut self, at: Timestamp) -> Checked {
        self.look_at_all(at)?;
        self.is_dead = true;
        Ok(())
    }

    fn begins(&mut self, at: Timestamp) {
        let calls = std::mem::take(&mut self.calls);
        let found = calls.keys().map(|call| (*call, at)).collect();
        *self = Silences { calls: calls.into_iter().map(|(call, (since, _))| (call, (since, at))).collect(), found, ..Silences::default() };
    }

    fn quiet(&mut self, session: SessionId, calls: &'a [InteractionId], until: Option<Timestamp>, at: Timestamp) -> Checked {
        self.look_at_all(at)?;
        let mut found = false;
        for call in calls {
            self.holders.insert(call, session);
            found |= self.found.remove(call).is_some();
        }
        // Said before the primary was lost, and taken behind that: void at once.
        match until {
            Some(until) if self.unled_since.is_some() && until >= at => self.void_since.insert(session, at),
            // It ended while no gateway was there to hear what its session would have done then, or no primary to do it.
            Some(until) if (found || self.led_at == at) && until < at => self.void_since.insert(session, until),
            // It was void, and the next primary said only so much before it was lost, too.
            Some(until) if self.unled_since.is_some() && until < at => self.void_since.get(&session).copied(),
            _ => self.void_since.remove(&session),
        };
        match until {
            Some(until) => self.quiet_until.insert(session, until),
            None => self.quiet_until.remove(&session),
        };
        Ok(())
    }

    fn unled(&mut self, at: Timestamp) -> Checked {
        self.look_at_all(at)?;
        self.unled_since.get_or_insert(at);
        for (session, _) in self.quiet_until.iter().filter(|(_, until)| **until >= at) {
            self.void_since.entry(*session).or_insert(at);
        }
        Ok(())
    }

    fn led(&mut self, at: Timestamp) -> Checked {
        self.look_at_all(at)?;
        (self.unled_since, self.led_at) = (None, at);
        // A quiet that has not ended meanwhile holds again.
        self.void_since.retain(|session, _| self.quiet_until.get(session).is_some_and(|until| *until <= at));
        Ok(())
    }

    fn look_at_all(&mut self, at: Timestamp) -> Checked {
        let calls: Vec<_> = self.calls.keys().copied().collect();
        calls.into_iter().try_for_each(|call| self.look(call, at))
    }

    /// Nothing about the call has changed since the last look: was it too long by now?
    fn look(&mut self, call: &InteractionId, at: Timestamp) -> Checked {
        if self.is_dead {
            return Ok(());
        }
        let meant_until = self.meant_until(call);
        let Some((since, seen)) = self.calls.get_mut(call) else { return Ok(()) };
        let allowed_until = since.saturating_add(LONGEST_SILENCE_MS).max(meant_until);
        // What changes twice at one moment was never heard in between.
        let passed = std::mem::replace(seen, at) < at;
        holds("P9", !passed || at <= allowed_until, || {
            format!("the caller of {call} heard nothing from {since} to {at}; that was allowed until {allowed_until}")
        })
    }

    fn meant_until(&self, call: &InteractionId) -> Timestamp {
        let found = self.found.get(call).map_or(0, |at| at.saturating_add(LONGEST_SILENCE_MS));
        let Some(session) = self.holders.get(call) else { return found };
        let Some(until) = self.quiet_until.get(session) else { return found };
        match (self.void_since.get(session), self.unled_since) {
            (Some(void), Some(unled)) => (*until).min(unled).max(*void).saturating_add(LONGEST_SILENCE_MS),
            // It ended meanwhile, and what its session does about that is yet to come.
            (Some(void), None) => (*until).max(void.saturating_add(LONGEST_SILENCE_MS)),
            (None, _) => *until,
        }
    }
}
