//! A scenario being played: who does what when, and who hears of what.

use std::collections::BTreeMap;

use tandem_journal::{Claim, Record};
use tandem_session::Guests;
use tandem_words::{InteractionId, SessionId, Timestamp};

use super::{
    Failure, Fault, Mode,
    player::{Player, Wish},
    staffing::Staffing,
    story::told_of,
};
use crate::lab::{
    scenario::{Action, Scenario},
    tabletop::{TableError, Tabletop},
};

/// Instants of one scenario. More is a strategy whose timers never come to an end.
const MAX_INSTANTS: u64 = 1_000_000;

/// See the module.
pub(super) struct Play<'a, G> {
    pub(super) table: Tabletop<G>,
    staffing: Staffing,
    pub(super) players: Vec<Player<'a>>,
    /// Whose call it is.
    calls: BTreeMap<InteractionId, usize>,
    /// Whose call the session serves.
    sessions: BTreeMap<SessionId, usize>,
}

impl<'a, G: Guests> Play<'a, G> {
    pub(super) fn new(table: Tabletop<G>, staffing: Staffing, players: Vec<Player<'a>>) -> Self {
        Play { table, staffing, players, calls: BTreeMap::new(), sessions: BTreeMap::new() }
    }

    /// Until every player is through, or one fails.
    pub(super) fn run(&mut self) -> Result<(), Box<Failure>> {
        let table = |error: TableError| Box::new(Failure::of_table(&error));
        for _ in 0..MAX_INSTANTS {
            self.tell().map_err(table)?;
            match self.everybody_plays()? {
                Some(until) => self.table.pass(until).map_err(table)?,
                None => return Ok(()),
            }
        }
        let fault = Fault::Missing { why: format!("the scenario does not end within {MAX_INSTANTS} instants: which timer never stops?") };
        Err(Box::new(Failure { fault, ..Failure::of_table(&TableError::Restless) }))
    }

    /// Until nobody can do more at this instant. The earliest time that somebody waits for; none: all are done.
    fn everybody_plays(&mut self) -> Result<Option<Timestamp>, Box<Failure>> {
        let several = self.players.len() > 1;
        loop {
            let (mut acted, mut until) = (false, None::<Timestamp>);
            for caller in 0..self.players.len() {
                while let Some(player) = self.players.get_mut(caller) {
                    let wish = player.play(&mut self.table, &mut self.staffing);
                    if let Some(call) = player.call.clone() {
                        self.calls.insert(call, caller);
                    }
                    match wish {
                        Ok(Wish::GoOn) => {
                            acted = true;
                            self.tell().map_err(|error| Box::new(Failure::of_table(&error)))?;
                        }
                        Ok(Wish::Until(at)) => {
                            until = Some(until.map_or(at, |until| until.min(at)));
                            break;
                        }
                        Ok(Wish::Nothing) => break,
                        Err(failure) => return Err(Box::new(Failure { caller: several.then_some(caller + 1), ..*failure })),
                    }
                }
            }
            if !acted {
                return Ok(until);
            }
        }
    }

    /// As long as no host dies, no request comes twice, and none from a host that may not act.
    pub(super) fn check_requests(&self, scenario: &Scenario, mode: Mode) -> Result<(), Box<Failure>> {
        let counted = self.table.exchange().tally();
        let dies = mode == Mode::Dying || scenario.steps.iter().any(|step| matches!(step.action, Action::HostDies(_)));
        if dies || (counted.duplicates, counted.fenced) == (0, 0) {
            return Ok(());
        }
        let why = format!("{} requests came twice and {} too late, though no host died", counted.duplicates, counted.fenced);
        Err(Box::new(Failure { fault: Fault::Tandem { why }, ..Failure::of_table(&TableError::Restless) }))
    }

    /// Tells every player what happened in their call.
    fn tell(&mut self) -> Result<(), TableError> {
        for record in self.table.records()? {
            let session = record.session();
            if let Record::Opened(opening) = &record {
                let owner = match &opening.claim {
                    Some(Claim::Visit { interaction, .. }) => self.calls.get(interaction.as_str()),
                    Some(Claim::Request(key)) => self.sessions.get(&key.session),
                    None => None,
                };
                if let Some(owner) = owner.copied() {
                    self.sessions.insert(session, owner);
                }
            }
            let owner = self.sessions.get(&session).copied();
            if let Some(player) = owner.and_then(|owner| self.players.get_mut(owner)) {
                player.story.record(record);
            }
        }
        for line in self.table.lines() {
            let owner = told_of(&line).and_then(|call| self.calls.get(call)).copied();
            if let Some(player) = owner.and_then(|owner| self.players.get_mut(owner)) {
                player.story.line(&line);
            }
        }
        Ok(())
    }
}
