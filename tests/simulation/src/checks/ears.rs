//! P4 and P7 for sessions that are not persisted: no row tells what they heard, so their strategies' ears do.
//!
//! A run of a session (one incarnation in one epoch) hears the events of its call from the first on, in order, none twice and none
//! left out; only behind `partial` or a `gap` some may be missing. A run that starts again hears `session.restarted` first.

use std::collections::BTreeMap;

use tandem_journal::{Claim, EndedBy, Survival};
use tandem_switch_link::SwitchEvent;
use tandem_words::{Epoch, Event, EventBody, Incarnation, SessionId};

use super::{
    Checked,
    events::owners,
    holds,
    journal::{Book, Journal},
    switch::{NOWHERE, Switch},
};
use crate::{plan::Plan, strategies::Heard};

/// One run of a session.
#[derive(Debug, Default)]
pub(super) struct Ear {
    incarnation: Incarnation,
    events: Vec<Event>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ears(BTreeMap<(SessionId, Epoch), Ear>);

impl Ears {
    /// Strategies heard this in this epoch.
    pub(super) fn heard(&mut self, epoch: Epoch, heard: Vec<Heard>, plan: &Plan) -> Checked {
        for heard in heard {
            match heard {
                // One that has differed in this epoch starts again in it.
                Heard::Start(session, incarnation, version) if incarnation > 1 && plan.replay_differs(version) => {
                    self.0.insert((session, epoch), Ear { incarnation, events: Vec::new() });
                }
                Heard::Start(session, incarnation, _) => {
                    let ear = self.0.entry((session, epoch)).or_default();
                    let same = ear.incarnation == incarnation || ear.incarnation == 0;
                    holds("P1", same, || format!("{session} runs in incarnations {} and {incarnation} of one epoch", ear.incarnation))?;
                    ear.incarnation = incarnation;
                }
                Heard::Event(session, event) => {
                    let Some(ear) = self.0.get_mut(&(session, epoch)) else { continue };
                    let before = usize::try_from(event.seq.saturating_sub(1)).unwrap_or(usize::MAX);
                    match ear.events.get_mut(before) {
                        // After a trap it is tried once more; what the host itself says may be later then.
                        Some(tried) => {
                            let same = (&tried.body, tried.request, tried.switch_at) == (&event.body, event.request, event.switch_at);
                            holds("P4", same, || format!("{session} heard {event:?} in place of {tried:?}"))?;
                            *tried = event;
                        }
                        None => {
                            let in_order = ear.events.len() == before;
                            holds("P4", in_order, || format!("{session} heard event {} behind {}", event.seq, ear.events.len()))?;
                            ear.events.push(event);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether any run of the session ever heard anything.
    pub(super) fn has_heard(&self, session: SessionId) -> bool {
        self.0.range((session, 0)..=(session, Epoch::MAX)).any(|(_, ear)| !ear.events.is_empty())
    }

    pub(super) fn check(&self, journal: &Journal, switch: &Switch) -> Checked {
        let mut told: BTreeMap<SessionId, Vec<&SwitchEvent>> = BTreeMap::new();
        for (event, owner) in owners(journal, switch).into_iter().flatten() {
            if let Some(owner) = owner {
                told.entry(owner).or_default().push(event);
            }
        }
        for ((session, epoch), ear) in &self.0 {
            let Some(book) = journal.session(*session).filter(|book| book.opening.survival != Survival::Recovered) else { continue };
            let told = told.get(session).map(Vec::as_slice).unwrap_or_default();
            ear.check(*session, *epoch, book, told)?;
        }
        Ok(())
    }
}

impl Ear {
    fn check(&self, session: SessionId, epoch: Epoch, book: &Book, told: &[&SwitchEvent]) -> Checked {
        let again = epoch > session.epoch;
        let run = format!("{session} (incarnation {}, epoch {epoch})", self.incarnation);
        holds("P7", again == (self.incarnation > 1), || format!("{run}: a later epoch is a later incarnation, and no other"))?;
        let mut lossy = false;
        let mut next = 0;
        for (index, event) in self.events.iter().enumerate() {
            match &event.body {
                EventBody::SessionRestarted(restart) => {
                    lossy |= restart.partial;
                    holds("P7", again && index == 0, || format!("{run} heard session.restarted as event {}", event.seq))?;
                    if let Some(Claim::Visit { interaction, .. }) = &book.opening.claim {
                        let named = restart.interaction.as_deref() == Some(interaction);
                        holds("P7", named, || format!("{run} has call {interaction}, and was told of {:?}", restart.interaction))?;
                    }
                }
                _ if again && index == 0 => {
                    return holds("P7", false, || format!("{run} heard {} before session.restarted", event.body.name()));
                }
                EventBody::Gap(_) => lossy = true,
                _ => {}
            }
            if event.switch_at.is_none() {
                continue;
            }
            let rest = told.get(next..).unwrap_or_default();
            let answers = |told: &SwitchEvent| told.answers.filter(|key| key.incarnation == self.incarnation).map(|key| key.request);
            let is_it = |told: &&SwitchEvent| event.switch_at == Some(told.at) && told.body == event.body;
            // Two may say the same of two requests, and the first of them be lost.
            let exactly = rest.iter().position(|told| is_it(told) && answers(told) == event.request);
            let found = exactly.or_else(|| rest.iter().position(is_it));
            let Some(skipped) = found else {
                let expected = rest.first();
                return holds("P4", false, || format!("{run} heard {event:?}; the switch told it next: {expected:?}"));
            };
            holds("P7", skipped == 0 || lossy, || {
                format!("{run} heard {event:?} and not what came before, and nobody told it so: {:?}", rest.first())
            })?;
            let meant = rest.get(skipped).and_then(|told| answers(told));
            holds("P3", event.request == meant, || format!("{run} took {event:?} for an answer; the switch meant {meant:?}"))?;
            next += skipped + 1;
        }
        if again || lossy {
            return Ok(());
        }
        // What came before it ended by itself, it has heard.
        let ended = book.ending.as_ref().filter(|ending| ending.incarnation == 1 && ending.by != EndedBy::NotRestarted);
        let missed = told.get(next).filter(|told| told.position < NOWHERE && ended.is_some_and(|ending| told.at < ending.at));
        holds("P4", missed.is_none(), || format!("{run} ended and had not heard {missed:?}"))
    }
}
