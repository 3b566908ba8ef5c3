//! Unit tests without a host (not in components): what a strategy asks for is written down, and you answer.
//!
//! `tandem test` with scenario files is the real thing; this is for logic that is easier to reach from inside.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    Context, Deletion, Digit, Direction, EndCause, Event, EventBody, Interaction, InteractionId, Media, Next, Origin, Property, RequestId,
    Result, component,
    events::{self, EventStrategy},
    flow::{self, Flow},
};

#[derive(Default)]
struct Notes {
    requests: u32,
    lines: Vec<String>,
    user_data: BTreeMap<(String, String), String>,
}

thread_local! {
    static NOTES: RefCell<Notes> = RefCell::default();
}

pub(crate) fn note(line: String) {
    NOTES.with_borrow_mut(|notes| notes.lines.push(line));
}

pub(crate) fn record(line: String) -> RequestId {
    note(line);
    NOTES.with_borrow_mut(|notes| {
        notes.requests += 1;
        notes.requests
    })
}

pub(crate) fn user_data(interaction: &str, key: &str) -> Option<String> {
    NOTES.with_borrow(|notes| notes.user_data.get(&(interaction.to_owned(), key.to_owned())).cloned())
}

/// What `get` answers on this thread from now on; none: no such key.
pub fn set_user_data(interaction: &str, key: &str, value: Option<&str>) {
    let key = (interaction.to_owned(), key.to_owned());
    NOTES.with_borrow_mut(|notes| match value {
        Some(value) => notes.user_data.insert(key, value.to_owned()),
        None => notes.user_data.remove(&key),
    });
}

/// A context with these parameters.
pub fn context(parameters: &[(&str, &str)]) -> Context {
    let parameters = parameters.iter().map(|(key, value)| Property::new(*key, *value)).collect();
    Context { session_id: "1-1-1".into(), incarnation: 1, origin: Origin::Interaction, started_at: 0, parameters }
}

/// A session with you as its host. One at a time on a thread: a new one forgets what was noted.
pub struct Desk<S> {
    context: Context,
    session: S,
    seq: u32,
    call: InteractionId,
}

/// A session of an event-style strategy with these parameters.
pub fn events<T: EventStrategy>(parameters: &[(&str, &str)]) -> Result<Desk<events::Session<T>>> {
    Desk::start(parameters)
}

/// A session of a straight-line strategy with these parameters.
pub fn flow<F: Flow>(parameters: &[(&str, &str)]) -> Result<Desk<flow::Session<F>>> {
    Desk::start(parameters)
}

impl<S: component::Session> Desk<S> {
    fn start(parameters: &[(&str, &str)]) -> Result<Self> {
        NOTES.take();
        let context = component::complete::<S>(context(parameters));
        Ok(Desk { session: S::start(context.clone())?, context, seq: 0, call: String::new() })
    }

    /// Tells an event; gives the outcome, and what was asked for and noted.
    pub fn tell(&mut self, request: Option<RequestId>, body: EventBody) -> (Result<Next, String>, Vec<String>) {
        self.seq += 1;
        let event = Event { seq: self.seq, at: u64::from(self.seq), switch_at: None, seed: u64::from(self.seq), request, body };
        let next = self.session.handle(event).map_err(|error| error.to_string());
        (next, NOTES.with_borrow_mut(|notes| std::mem::take(&mut notes.lines)))
    }

    /// A call comes.
    pub fn call(&mut self, id: &str) -> (Result<Next, String>, Vec<String>) {
        self.call = id.to_owned();
        let interaction = Interaction {
            id: id.into(),
            root: id.into(),
            media: Media::Voice,
            direction: Direction::Inbound,
            calling: "5551234".into(),
            called: "8000".into(),
            routing_point: "8000".into(),
            arrived_at: 0,
            user_data: Vec::new(),
        };
        self.tell(None, EventBody::InteractionAdded(interaction))
    }

    /// The caller presses a key that nobody collects.
    pub fn press(&mut self, key: char) -> (Result<Next, String>, Vec<String>) {
        let digit = Digit { interaction: self.call.clone(), key: key.into() };
        self.tell(None, EventBody::Digit(digit))
    }

    /// The caller hangs up.
    pub fn hang_up(&mut self) -> (Result<Next, String>, Vec<String>) {
        let deletion = Deletion { interaction: self.call.clone(), cause: EndCause::CallerHungUp };
        self.tell(None, EventBody::InteractionDeleted(deletion))
    }

    /// The snapshot, where there is one.
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        self.session.save()
    }

    /// Drops the session and restores it from its snapshot; false where it has none.
    pub fn restore(&mut self) -> Result<bool> {
        let Some(state) = self.session.save() else { return Ok(false) };
        self.session = S::restore(self.context.clone(), &state, S::manifest().state_version)?;
        Ok(true)
    }
}
