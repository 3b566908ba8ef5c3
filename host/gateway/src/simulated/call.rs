//! A call, from its first ring to its end.

use tandem_words::{Interaction, Property, RequestKey, Timestamp, UserDataChange, Visit};

use super::caller::Caller;
use super::route::OpenRoute;
use super::staff::StaffKey;
use super::treatment::Treatments;
use crate::port::Condition;
use crate::record::{CallOutcome, Heard};

/// A call's number: the caller's, above [`FIRST_OUTBOUND`] that of an outbound call.
pub(super) type CallNumber = u64;

/// Callers are numbered in 32 bits; outbound calls have numbers of their own above, so that they shift no caller's.
pub(super) const FIRST_OUTBOUND: CallNumber = 1 << 32;

/// How far a call has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// Outbound, on this request: it rings where it was called.
    Calling { key: RequestKey, answers: bool },
    /// At a routing point; nobody has answered it.
    Ringing,
    /// Connected, and the strategy's.
    Connected,
    /// With a target.
    Talking { who: String, agent: Option<tandem_queue::Name> },
    /// On its default route.
    DefaultRouted,
    /// Done with; dropped as soon as its state is told.
    Over,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) number: CallNumber,
    /// As of its present visit.
    pub(super) interaction: Interaction,
    pub(super) visit: Visit,
    pub(super) stage: Stage,
    pub(super) treatments: Treatments,
    pub(super) route: Option<OpenRoute>,
    /// How many times it was handed to agent groups.
    pub(super) legs: u32,
    /// Whoever called; none for outbound calls, whose called party is no caller: the record says what they hear, and counts them not.
    pub(super) caller: Option<Caller>,
    /// What it counts as so far: what it came to first.
    pub(super) outcome: Option<CallOutcome>,
    pub(super) answered_by: Option<String>,
    /// The target that has it lets it wait, with music.
    pub(super) held: bool,
    /// The group it waited for last, and since when.
    pub(super) queued: Option<(String, Timestamp)>,
    /// The last instant at which it came to another routing point, and how often it did so then.
    pub(super) moved: (Timestamp, u32),
    pub(super) told: Told,
}

/// What was told of a call last: only changes are told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) heard: Option<Heard>,
    pub(super) silent_since: Option<Timestamp>,
    pub(super) condition: Option<Condition>,
}

impl Call {
    pub(super) fn new(number: CallNumber, interaction: Interaction, stage: Stage, caller: Option<Caller>) -> Self {
        Call {
            number,
            interaction,
            visit: 1,
            stage,
            treatments: Treatments::default(),
            route: None,
            legs: 0,
            caller,
            outcome: None,
            answered_by: None,
            held: false,
            queued: None,
            moved: (0, 0),
            told: Told::default(),
        }
    }

    /// A strategy may act on it.
    pub(super) fn is_servable(&self) -> bool {
        matches!(self.stage, Stage::Ringing | Stage::Connected | Stage::Talking { .. })
    }

    pub(super) fn next_leg(&mut self) -> StaffKey {
        self.legs = self.legs.saturating_add(1);
        StaffKey { call: self.number, leg: self.legs }
    }

    /// What is heard now; none: nobody is there yet or any more.
    pub(super) fn heard(&self) -> Option<Heard> {
        match &self.stage {
            Stage::Calling { .. } | Stage::Over => None,
            Stage::Ringing => Some(Heard::Ringing),
            Stage::Talking { .. } if self.held => Some(Heard::Music),
            Stage::Talking { who, .. } => Some(Heard::Person { who: who.clone() }),
            Stage::DefaultRouted => Some(Heard::DefaultRoute),
            Stage::Connected => Some(match (&self.treatments.running, &self.treatments.music, &self.route) {
                (Some((treatment, _)), ..) => Heard::Treatment { request: treatment.key, what: treatment.what.clone() },
                (None, Some(_), _) => Heard::Music,
                (None, None, Some(_)) => Heard::Ringing,
                (None, None, None) => Heard::Silence,
            }),
        }
    }

    /// Its condition, where nothing is heard since `silent_since`.
    pub(super) fn condition(&self, silent_since: Option<Timestamp>) -> Option<Condition> {
        Some(match (&self.stage, silent_since) {
            (Stage::Calling { .. }, _) => return None,
            (Stage::Ringing, _) => Condition::Ringing,
            (Stage::Connected, None) => Condition::Attended,
            (Stage::Connected, Some(since)) => Condition::Silent { since },
            (Stage::Talking { .. }, _) => Condition::Routed,
            (Stage::DefaultRouted, _) => Condition::DefaultRouted,
            (Stage::Over, _) => Condition::Gone,
        })
    }

    /// Gives keys new values (of equal keys the last wins) and takes others away. Returns what was there to be changed.
    pub(super) fn change_user_data(&mut self, changed: Vec<Property>, deleted: Vec<String>) -> UserDataChange {
        let data = &mut self.interaction.user_data;
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(data).into_iter().partition(|old| deleted.contains(&old.key));
        *data = left;
        for property in &changed {
            match data.iter_mut().find(|old| old.key == property.key) {
                Some(old) => old.value.clone_from(&property.value),
                None => data.push(property.clone()),
            }
        }
        UserDataChange { interaction: self.interaction.id.clone(), changed, deleted: gone.into_iter().map(|old| old.key).collect() }
    }
}
