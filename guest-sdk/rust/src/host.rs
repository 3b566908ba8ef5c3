//! The host, as a strategy sees it while it handles an event.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::Duration,
};

use serde::Serialize;

use crate::{
    Collect, Context, Error, Event, EventBody, Fetch, InteractionId, Level, LocalTime, Play, Property, Random, RequestId, Result, Route,
    Target, Timestamp,
    imports::{control, dialog, http, routing, timers, user_data},
    options::millis,
};

/// What an event-style strategy asks the host for. Requests return their id at once, a later event carries it; those about
/// a call are about *the* call, the session's first interaction ([`on`](Host::on) is for another).
#[derive(Debug)]
pub struct Host {
    step: Rc<Step>,
    call: RefCell<Option<Rc<str>>>,
}

/// What every handle of one session shares.
#[derive(Debug)]
struct Step {
    context: Context,
    at: Cell<Timestamp>,
    random: Random,
}

impl Host {
    pub(crate) fn new(context: Context, call: Option<InteractionId>) -> Self {
        let step = Step { at: Cell::new(context.started_at), context, random: Random::default() };
        Host { step: Rc::new(step), call: RefCell::new(call.map(Rc::from)) }
    }

    /// Takes time and seed from an event, and the call from the first event that names one.
    pub(crate) fn begin(&self, event: &Event) {
        self.step.at.set(event.at);
        self.step.random.reseed(event.seed);
        let named = match &event.body {
            EventBody::InteractionAdded(interaction) => Some(&interaction.id),
            EventBody::SessionRestarted(restart) => restart.interaction.as_ref(),
            _ => None,
        };
        let mut call = self.call.borrow_mut();
        if let (None, Some(id)) = (call.as_ref(), named) {
            *call = Some(Rc::from(id.as_str()));
        }
    }

    pub(crate) fn call(&self) -> Option<Rc<str>> {
        self.call.borrow().clone()
    }

    /// The call's id; empty before the first interaction, and in a session that has none.
    pub fn id(&self) -> Rc<str> {
        self.call().unwrap_or_else(|| Rc::from(""))
    }

    /// The same host for another interaction of this session.
    pub fn on(&self, interaction: &str) -> Host {
        Host { step: Rc::clone(&self.step), call: RefCell::new(Some(Rc::from(interaction))) }
    }

    /// What the session was told at its start.
    pub fn context(&self) -> &Context {
        &self.step.context
    }

    /// A parameter: as set by deployment or starter, else the manifest's default.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.step.context.parameter(name)
    }

    /// Session time of the event being handled.
    pub fn now(&self) -> Timestamp {
        self.step.at.get()
    }

    /// Random numbers, the same ones in a replay.
    pub fn random(&self) -> &Random {
        &self.step.random
    }

    /// Plays prompts; answered by `PlayDone`.
    pub fn play(&self, play: impl Into<Play>) -> RequestId {
        let play = play.into();
        dialog::play(&self.id(), &play.prompts, play.options)
    }

    /// Plays prompts and takes digits; answered by `CollectDone`.
    pub fn collect(&self, collect: Collect) -> RequestId {
        dialog::collect(&self.id(), &collect.0)
    }

    /// Plays music until cancelled or routed; an empty name is the switch's own.
    pub fn music(&self, name: &str) -> RequestId {
        dialog::music(&self.id(), name)
    }

    /// Records what is said, so long at most; answered by `RecordingDone`.
    pub fn record(&self, name: &str, max_length: Duration) -> RequestId {
        dialog::start_recording(&self.id(), name, millis(max_length))
    }

    /// Routes; answered by `RouteDone`.
    pub fn route(&self, route: impl Into<Route>) -> RequestId {
        let route = route.into();
        routing::route(&self.id(), &route.targets, route.options)
    }

    /// Sends the call to its default route.
    pub fn default_route(&self) -> RequestId {
        self.route(Target::DefaultRoute)
    }

    /// Changes the priority of an open route; answered by `Done`.
    pub fn set_priority(&self, route: RequestId, priority: i32) -> RequestId {
        routing::set_priority(route, priority)
    }

    /// Asks how a group stands; answered by `GroupStatus`.
    pub fn query_group(&self, group: &str) -> RequestId {
        routing::query_group(group)
    }

    /// Hands the connected call on at once; answered by `Done`.
    pub fn transfer(&self, to: Target) -> RequestId {
        routing::transfer(&self.id(), &to)
    }

    /// Hangs up; answered by `Done`.
    pub fn disconnect(&self) -> RequestId {
        routing::disconnect(&self.id())
    }

    /// Calls somebody, showing a number; answered by `CallCreated`.
    pub fn create_call(&self, to: &str, calling: &str, ring_timeout: Duration) -> RequestId {
        routing::create_call(to, calling, millis(ring_timeout))
    }

    /// User data as it is now, with what this step attached.
    pub fn get(&self, key: &str) -> Option<String> {
        user_data::get(&self.id(), key)
    }

    /// Attaches one key; answered by `Done`.
    pub fn attach(&self, key: impl Into<String>, value: impl Into<String>) -> RequestId {
        self.attach_all([Property::new(key, value)])
    }

    /// Attaches several keys; answered by `Done`.
    pub fn attach_all(&self, data: impl IntoIterator<Item = Property>) -> RequestId {
        let data: Vec<Property> = data.into_iter().collect();
        user_data::attach(&self.id(), &data)
    }

    /// Deletes keys; answered by `Done`.
    pub fn delete(&self, keys: &[&str]) -> RequestId {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        user_data::delete(&self.id(), &keys)
    }

    /// Starts a timer; answered by `TimerFired`.
    pub fn after(&self, delay: Duration) -> RequestId {
        timers::after(millis(delay))
    }

    /// Starts a timer for a moment; answered by `TimerFired`.
    pub fn at(&self, time: Timestamp) -> RequestId {
        timers::at(time)
    }

    /// Local time of this event in a zone such as `Europe/Berlin`; an error names a zone that the host does not know.
    pub fn local_time(&self, zone: &str) -> Result<LocalTime> {
        timers::local(self.now(), zone).map_err(Error::Other)
    }

    /// Asks a web service; answered by `FetchDone`.
    pub fn fetch(&self, fetch: Fetch) -> RequestId {
        http::fetch(&fetch.0)
    }

    /// Stops a treatment, recording, route, timer or fetch; that request then answers.
    pub fn cancel(&self, request: RequestId) {
        control::cancel(request);
    }

    /// Sends a message to a session, its content as JSON; answered by `Done`. The error is one of serialization.
    pub fn send(&self, session: &str, name: &str, content: &impl Serialize) -> Result<RequestId> {
        Ok(control::send(session, name, &serde_json::to_string(content)?))
    }

    /// Starts a session of a strategy; answered by `SessionStarted`.
    pub fn start_session(&self, strategy: &str, parameters: impl IntoIterator<Item = Property>) -> RequestId {
        let parameters: Vec<Property> = parameters.into_iter().collect();
        control::start_session(strategy, &parameters)
    }

    /// Writes a line into the log: `host.log(Level::Info, format_args!("{n} tries"))`.
    pub fn log(&self, level: Level, text: impl fmt::Display) {
        control::log(level, &text.to_string());
    }

    /// Marks a named point of the flow.
    pub fn milestone(&self, name: &str) {
        control::milestone(name);
    }
}
