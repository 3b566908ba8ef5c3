//! What happened in one caller's call, in order: read from the host's journal and the switch's record.

use std::collections::BTreeMap;

use jiff::Timestamp as Date;
use tandem_gateway::record::Line;
use tandem_journal::{Note, Outcome, Record, Step};
use tandem_words::{EventBody, InteractionId, RequestBody, SessionId, Timestamp};

use crate::lab::scenario::words;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Somebody outside did something: the caller, an agent, the host's death.
    Deed(String),
    /// A session began.
    Began(String),
    /// A session was told something.
    Heard(EventBody),
    /// A session asked for something.
    Asked(RequestBody, Option<String>),
    /// A session reached a milestone.
    Milestone(String),
    /// A session wrote into its log.
    Logged(String),
    /// A session's step failed.
    Failed(String),
    /// A session is over.
    Over,
    /// The switch sent the call to its default route, since nobody served it.
    DefaultRouted,
}

impl What {
    /// What a scenario must expect, one after the other.
    pub(super) fn is_strict(&self) -> bool {
        match self {
            What::Asked(body, _) => matches!(
                body,
                RequestBody::Play { .. }
                    | RequestBody::Collect { .. }
                    | RequestBody::Music { .. }
                    | RequestBody::StartRecording { .. }
                    | RequestBody::Route(_)
                    | RequestBody::Transfer { .. }
                    | RequestBody::CreateCall(_)
                    | RequestBody::Disconnect { .. }
            ),
            What::Failed(_) | What::DefaultRouted => true,
            _ => false,
        }
    }

    /// In the words of the language, where it has some.
    pub(super) fn words(&self) -> String {
        match self {
            What::Deed(deed) => deed.clone(),
            What::Began(who) => format!("a session begins: {who}"),
            What::Heard(body) => format!("  {}", words::event(body)),
            What::Asked(body, None) => words::request(body),
            What::Asked(body, Some(refused)) => format!("{} (refused: {refused})", words::request(body)),
            What::Milestone(name) => format!("milestone {name:?}"),
            What::Logged(line) => format!("log: {line}"),
            What::Failed(why) => format!("the strategy fails: {why}"),
            What::Over => "the session is over".to_owned(),
            What::DefaultRouted => "default route: nobody served the call".to_owned(),
        }
    }
}

/// Something that happened, and when.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) what: What,
    /// A soft expectation has found it.
    pub(super) used: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) entries: Vec<Entry>,
    /// The call's sessions: whether each is over.
    sessions: BTreeMap<SessionId, bool>,
}

impl Story {
    /// Something that no journal tells.
    pub(super) fn deed(&mut self, at: Timestamp, deed: String) {
        self.push(at, What::Deed(deed));
    }

    fn push(&mut self, at: Timestamp, what: What) {
        self.entries.push(Entry { at, what, used: false });
    }

    /// Sessions of the call have been, and are all over.
    pub(super) fn is_over(&self) -> bool {
        !self.sessions.is_empty() && self.sessions.values().all(|over| *over)
    }

    /// A record of one of its sessions.
    pub(super) fn record(&mut self, record: Record) {
        match record {
            Record::Opened(opening) => {
                self.sessions.insert(opening.session, false);
                self.push(opening.started_at, What::Began(format!("{} of {}", opening.session, opening.strategy)));
            }
            Record::Step(step) => self.step(step),
            Record::Ended(ending) => self.over(ending.session, ending.at),
            Record::Snapshot(_) => {}
        }
    }

    fn step(&mut self, step: Step) {
        let at = step.event.at;
        // The switch's record has it, also where no session is told.
        if !matches!(step.event.body, EventBody::InteractionDefaultRouted(_)) {
            self.push(at, What::Heard(step.event.body));
        }
        for note in step.notes {
            self.push(
                at,
                match note {
                    Note::Milestone(name) => What::Milestone(name),
                    Note::Log(level, line) => What::Logged(format!("{level:?}, {line}")),
                },
            );
        }
        for request in step.requests {
            let refused = request.refused.map(|failure| failure.message);
            for body in one_by_one(request.body) {
                self.push(at, What::Asked(body, refused.clone()));
            }
        }
        match step.outcome {
            Outcome::Failed(failure) => {
                self.push(at, What::Failed(failure.message));
                self.over(step.session, at);
            }
            Outcome::Finish => self.over(step.session, at),
            Outcome::Wait | Outcome::Checkpoint | Outcome::Late => {}
        }
    }

    fn over(&mut self, session: SessionId, at: Timestamp) {
        if self.sessions.insert(session, true) != Some(true) {
            self.push(at, What::Over);
        }
    }

    /// For people: each line with the time of day.
    pub(super) fn timeline(&self) -> Vec<String> {
        self.entries.iter().map(|entry| format!("{}  {}", time_of_day(entry.at), entry.what.words())).collect()
    }

    /// A line of the switch's record that tells of the call.
    pub(super) fn line(&mut self, line: &Line) {
        match line {
            Line::Event(event) if matches!(event.body, EventBody::InteractionDefaultRouted(_)) => self.push(event.at, What::DefaultRouted),
            Line::Left { at, outcome, .. } => self.push(*at, What::Deed(format!("the call is over: {outcome:?}"))),
            _ => {}
        }
    }
}

/// What is attached at once is expected one by one.
fn one_by_one(body: RequestBody) -> Vec<RequestBody> {
    match body {
        RequestBody::Attach { interaction, data } => {
            data.into_iter().map(|one| RequestBody::Attach { interaction: interaction.clone(), data: vec![one] }).collect()
        }
        body => vec![body],
    }
}

/// Which call a line of the switch's record tells of, where a story wants it.
pub(super) fn told_of(line: &Line) -> Option<&InteractionId> {
    match line {
        Line::Event(event) => match &event.body {
            EventBody::InteractionDefaultRouted(interaction) => Some(interaction),
            _ => None,
        },
        Line::Left { interaction, .. } => Some(interaction),
        _ => None,
    }
}

/// `09:30:00.000`.
pub(super) fn time_of_day(at: Timestamp) -> String {
    let date = i64::try_from(at).ok().and_then(|ms| Date::from_millisecond(ms).ok());
    date.map_or_else(|| format!("{at} ms"), |date| date.strftime("%H:%M:%S%.3f").to_string())
}
