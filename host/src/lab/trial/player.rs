//! One caller with a scenario in hand: does what it says, and compares.

use tandem_gateway::simulated::Command;
use tandem_session::Guests;
use tandem_words::{InteractionId, Timestamp};

use super::{
    Failure, Fault,
    expectation::{Kind, is_met, kind},
    staffing::Staffing,
    story::{Story, time_of_day},
};
use crate::lab::{
    scenario::{Action, Expectation, Scenario, Step, words},
    tabletop::{TableError, Tabletop},
};

/// How long an expectation waits, ms of switch time. Longer than strategies wait for an agent; not so long that the wait of
/// one that is never met would cost real time.
const EXPECT_WITHIN_MS: u64 = 600_000;

/// Somebody without a number of their own.
const CALLING: &str = "5550000";

/// What a player wants next.
pub(super) enum Wish {
    /// It has done something: look again when the table has settled.
    GoOn,
    /// Something to happen, or this time to come.
    Until(Timestamp),
    /// Nothing: the scenario is over.
    Nothing,
}

/// See the module.
pub(super) struct Player<'a> {
    scenario: &'a Scenario,
    /// Does nothing before.
    starts_at: Timestamp,
    /// The next step.
    at: usize,
    /// When that was looked at first.
    since: Option<Timestamp>,
    /// The scenario is over for this one.
    has_left: bool,
    pub(super) call: Option<InteractionId>,
    pub(super) story: Story,
    /// Everything strict before this entry has been expected.
    matched: usize,
    /// Soft expectations look from here on: what followed the match before the last one.
    around: usize,
}

type Played<T> = Result<T, Box<Failure>>;

impl<'a> Player<'a> {
    pub(super) fn new(scenario: &'a Scenario, starts_at: Timestamp) -> Self {
        Player { scenario, starts_at, at: 0, since: None, has_left: false, call: None, story: Story::default(), matched: 0, around: 0 }
    }

    /// Does as much as can be done now.
    pub(super) fn play<G: Guests>(&mut self, table: &mut Tabletop<G>, staffing: &mut Staffing) -> Played<Wish> {
        let now = table.now();
        if now < self.starts_at {
            return Ok(Wish::Until(self.starts_at));
        }
        let scenario = self.scenario;
        let Some(step) = scenario.steps.get(self.at) else { return self.leave() };
        let since = *self.since.get_or_insert(now);
        let over = match &step.action {
            Action::Wait(ms) if now < since + ms => return Ok(Wish::Until(since + ms)),
            Action::Wait(_) => true,
            Action::Expect(expectation) => match self.expect(step, expectation, since, now)? {
                Some(until) => return Ok(Wish::Until(until)),
                None => true,
            },
            action => {
                self.story.deed(now, step.text.clone());
                self.act(step, action, table, staffing)?;
                true
            }
        };
        if over {
            self.at += 1;
            self.since = None;
        }
        Ok(Wish::GoOn)
    }

    /// The last step is done: nothing may be left that nobody expected. What comes later is no longer looked at.
    fn leave(&mut self) -> Played<Wish> {
        match (self.next_strict(), self.scenario.steps.last()) {
            (Some((_, got)), Some(step)) if !self.has_left => Err(self.fails(step, Fault::Unexpected { got })),
            _ => {
                self.has_left = true;
                Ok(Wish::Nothing)
            }
        }
    }

    fn act<G: Guests>(&mut self, step: &Step, action: &Action, table: &mut Tabletop<G>, staffing: &mut Staffing) -> Played<()> {
        let commands = match (action, &self.call) {
            (Action::HostDies(ms), _) => {
                let died = table.host_dies(*ms);
                return died.map_err(|error| self.table_fails(step, &error));
            }
            (Action::Dials(number, calling), _) => vec![Command::Dial {
                calling: calling.clone().unwrap_or_else(|| CALLING.to_owned()),
                number: number.clone(),
                user_data: self.scenario.setting.user_data.clone(),
                patience_ms: self.scenario.setting.patience_ms,
            }],
            (Action::Presses(keys), Some(call)) => vec![Command::Press { interaction: call.clone(), keys: keys.clone() }],
            (Action::HangsUp, Some(call)) => vec![Command::HangUp { interaction: call.clone() }],
            (Action::AgentHangsUp, Some(call)) => vec![Command::TargetHangsUp { interaction: call.clone() }],
            (Action::AgentHolds(held), Some(call)) => vec![Command::Hold { interaction: call.clone(), held: *held }],
            (Action::SomebodyAttaches(property), Some(call)) => {
                vec![Command::ChangeUserData { interaction: call.clone(), changed: vec![property.clone()], deleted: Vec::new() }]
            }
            (Action::SomebodyDeletes(key), Some(call)) => {
                vec![Command::ChangeUserData { interaction: call.clone(), changed: Vec::new(), deleted: vec![key.clone()] }]
            }
            (Action::LogIn(group, count), _) => staffing.log_in(group, *count),
            (Action::LogOut(group, count), _) => {
                staffing.log_out(group, *count).map_err(|why| self.fails(step, Fault::Impossible { why }))?
            }
            _ => Vec::new(),
        };
        for command in commands {
            let done = table.command(command).map_err(|error| self.table_fails(step, &error))?;
            match done {
                Ok(Some(call)) => self.call = Some(call),
                Ok(None) => {}
                Err(refused) => return Err(self.fails(step, Fault::Impossible { why: refused.to_string() })),
            }
        }
        Ok(())
    }

    /// None: it is met. Else until when to wait for it.
    fn expect(&mut self, step: &Step, expectation: &Expectation, since: Timestamp, now: Timestamp) -> Played<Option<Timestamp>> {
        let strict = self.next_strict();
        let met = match kind(expectation) {
            Kind::Nothing(ms) => {
                return match strict.filter(|(index, _)| self.story.entries.get(*index).is_some_and(|entry| entry.at < since + ms)) {
                    Some((_, got)) => Err(self.fails(step, Fault::Instead { got })),
                    None => Ok(Some(since + ms).filter(|until| now < *until)),
                };
            }
            Kind::Strict => self.find(expectation, self.matched, strict.as_ref().map(|(index, _)| index + 1)),
            Kind::Next => self.find(expectation, self.matched, strict.as_ref().map(|(index, _)| *index)),
            Kind::Around => self.find(expectation, self.around, strict.as_ref().map(|(index, _)| *index)),
            Kind::End => self.story.is_over().then_some(self.matched).filter(|_| strict.is_none()),
        };
        if let Some(met) = met {
            match kind(expectation) {
                Kind::Strict | Kind::Next => {
                    self.around = self.matched;
                    self.matched = met + 1;
                }
                _ => {}
            }
            if let Some(entry) = self.story.entries.get_mut(met).filter(|_| kind(expectation) != Kind::End) {
                entry.used = true;
            }
            return Ok(None);
        }
        if let Some((_, got)) = strict {
            return Err(self.fails(step, Fault::Instead { got }));
        }
        let until = since + EXPECT_WITHIN_MS;
        let nothing_comes = self.story.is_over() && !matches!(expectation, Expectation::DefaultRouted | Expectation::Routed(_));
        if nothing_comes || now >= until {
            return Err(self.fails(step, Fault::Missing { why: self.why_nothing_comes(now - since) }));
        }
        Ok(Some(until))
    }

    /// The first entry that fits and has not been found before, among those from `from` to before `to`.
    fn find(&self, expectation: &Expectation, from: usize, to: Option<usize>) -> Option<usize> {
        let to = to.unwrap_or(self.story.entries.len());
        let entries = self.story.entries.iter().enumerate().take(to).skip(from);
        entries.filter(|(_, entry)| !entry.used && is_met(expectation, entry)).map(|(index, _)| index).next()
    }

    /// The first strict entry that nobody has expected yet.
    fn next_strict(&self) -> Option<(usize, String)> {
        let found = self.story.entries.iter().enumerate().skip(self.matched).find(|(_, entry)| entry.what.is_strict());
        found.map(|(index, entry)| (index, format!("{} (at {})", entry.what.words(), time_of_day(entry.at))))
    }

    fn why_nothing_comes(&self, waited_ms: u64) -> String {
        match (self.story.is_over(), &self.call) {
            (true, _) => "the session is over".to_owned(),
            (false, _) => format!("{} have passed, and the session waits for something else", words::time(waited_ms)),
        }
    }

    fn fails(&self, step: &Step, fault: Fault) -> Box<Failure> {
        let Step { line, text, .. } = step;
        Box::new(Failure { line: *line, sentence: text.clone(), caller: None, fault, timeline: self.story.timeline() })
    }

    fn table_fails(&self, step: &Step, error: &TableError) -> Box<Failure> {
        self.fails(step, Fault::Tandem { why: error.to_string() })
    }
}
