//! The call, as a flow sees it.

use std::{cell::RefCell, convert::Infallible, future::pending, ops::Deref, rc::Rc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Collect, Digits, Event, EventBody, Fetch, GroupStatus, Host, Interaction, Message, Play, Property, Recording, RequestId, Response,
    Restart, Result, Route, Routed, StoppedBy, Target, Timestamp,
    flow::{HungUp, Received, Request, request::Kind, state::State},
};

/// The call of a session. Cheap to clone. Requests are awaited; reads and notes (`id`, `get`, `now`, `random`, `parameter`,
/// `local_time`, `log`, `milestone`, `cancel`) are those of [`Host`], to which it dereferences.
#[derive(Debug, Clone)]
pub struct Call {
    host: Rc<Host>,
    state: Rc<RefCell<State>>,
}

impl Deref for Call {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Call {
    pub(crate) fn new(host: &Rc<Host>, state: &Rc<RefCell<State>>) -> Self {
        Call { host: Rc::clone(host), state: Rc::clone(state) }
    }

    /// The same session's requests for another of its interactions. Digits and the end of the call stay those of *the* call.
    pub fn on(&self, interaction: &str) -> Call {
        Call { host: Rc::new(self.host.on(interaction)), state: Rc::clone(&self.state) }
    }

    fn request<T>(&self, id: RequestId, cancellable: bool, on_call: bool) -> Request<T> {
        let on_call = on_call && self.state.borrow().kept.call.as_deref() == Some(&*self.host.id());
        Request::new(&self.state, id, Kind { cancellable, on_call })
    }

    /// Something the caller hears, or waits for.
    fn treatment<T>(&self, id: RequestId) -> Request<T> {
        self.request(id, true, true)
    }

    /// A change of the call, done at once.
    fn change<T>(&self, id: RequestId) -> Request<T> {
        self.request(id, false, true)
    }

    /// Plays prompts to their end, or until a digit stops them.
    pub fn play(&self, play: impl Into<Play>) -> Request<StoppedBy> {
        self.treatment(self.host.play(play))
    }

    /// Plays prompts and takes digits.
    pub fn collect(&self, collect: Collect) -> Request<Digits> {
        self.treatment(self.host.collect(collect))
    }

    /// Plays music until dropped, or until the call is routed.
    pub fn music(&self, name: &str) -> Request<()> {
        self.treatment(self.host.music(name))
    }

    /// Records what is said until dropped, or so long at most.
    pub fn record(&self, name: &str, max_length: Duration) -> Request<Recording> {
        self.treatment(self.host.record(name, max_length))
    }

    /// Routes the call.
    pub fn route(&self, route: impl Into<Route>) -> Request<Routed> {
        self.treatment(self.host.route(route))
    }

    /// Sends the call to its default route.
    pub fn default_route(&self) -> Request<Routed> {
        self.route(Target::DefaultRoute)
    }

    /// Changes the priority of an open route.
    pub fn set_priority(&self, route: &Request<Routed>, priority: i32) -> Request<()> {
        self.request(self.host.set_priority(route.id(), priority), false, false)
    }

    /// Asks how a group stands.
    pub fn query_group(&self, group: &str) -> Request<GroupStatus> {
        self.request(self.host.query_group(group), false, false)
    }

    /// Hands the connected call on at once.
    pub fn transfer(&self, to: Target) -> Request<()> {
        self.change(self.host.transfer(to))
    }

    /// Hangs up.
    pub fn disconnect(&self) -> Request<()> {
        self.change(self.host.disconnect())
    }

    /// Calls somebody, showing a number; gives the new interaction once it is answered.
    pub fn create_call(&self, to: &str, calling: &str, ring_timeout: Duration) -> Request<Interaction> {
        self.request(self.host.create_call(to, calling, ring_timeout), false, false)
    }

    /// Attaches one key.
    pub fn attach(&self, key: impl Into<String>, value: impl Into<String>) -> Request<()> {
        self.change(self.host.attach(key, value))
    }

    /// Attaches several keys.
    pub fn attach_all(&self, data: impl IntoIterator<Item = Property>) -> Request<()> {
        self.change(self.host.attach_all(data))
    }

    /// Deletes keys.
    pub fn delete(&self, keys: &[&str]) -> Request<()> {
        self.change(self.host.delete(keys))
    }

    /// Waits so long.
    pub fn sleep(&self, duration: Duration) -> Request<()> {
        self.request(self.host.after(duration), true, false)
    }

    /// Waits until a moment.
    pub fn sleep_until(&self, time: Timestamp) -> Request<()> {
        self.request(self.host.at(time), true, false)
    }

    /// Asks a web service.
    pub fn fetch(&self, fetch: Fetch) -> Request<Response> {
        self.request(self.host.fetch(fetch), true, false)
    }

    /// Sends a message to a session.
    pub async fn send(&self, session: &str, name: &str, content: &impl Serialize) -> Result<()> {
        self.request(self.host.send(session, name, content)?, false, false).await
    }

    /// Starts a session of a strategy; gives its id.
    pub fn start_session(&self, strategy: &str, parameters: impl IntoIterator<Item = Property>) -> Request<String> {
        self.request(self.host.start_session(strategy, parameters), false, false)
    }

    /// The call as it was when it came; none where the session has none, or the event that told it is missing.
    pub fn interaction(&self) -> Option<Interaction> {
        self.state.borrow().kept.interaction.clone()
    }

    /// Set where the session was started again from the beginning; the caller may have heard an announcement already.
    pub fn restarted(&self) -> Option<Restart> {
        self.state.borrow().kept.restarted.clone()
    }

    /// The next digit of the call that no `collect` took.
    pub fn digit(&self) -> Received<char> {
        let take = |event: &Event, call: Option<&str>| match &event.body {
            EventBody::Digit(digit) if call == Some(&digit.interaction) => digit.key.chars().next(),
            _ => None,
        };
        Received::new(&self.state, take, false)
    }

    /// The next message from another session.
    pub fn message(&self) -> Received<Message> {
        let take = |event: &Event, _: Option<&str>| match &event.body {
            EventBody::Message(message) => Some(message.clone()),
            _ => None,
        };
        Received::new(&self.state, take, true)
    }

    /// The next unread event of any kind, digits and messages too; but for answers, and the call's own coming and end.
    pub fn event(&self) -> Received<Event> {
        Received::new(&self.state, |event, _| Some(event.clone()), true)
    }

    /// The end of the call. While it is awaited, it hears of the end before anything else is interrupted.
    pub fn hung_up(&self) -> HungUp {
        HungUp(Rc::clone(&self.state))
    }

    /// Lets the flow begin again with this state: `run` is called anew, now as after any recovery, and finds the state by
    /// [`resumed`](Self::resumed). Requests that the flow still holds are cancelled; the journal before is not needed any
    /// more. Returns only with an error of serialization.
    pub async fn checkpoint(&self, state: &impl Serialize) -> Result<Infallible> {
        let json = serde_json::to_string(state)?;
        self.state.borrow_mut().checkpoint = Some(json);
        pending().await
    }

    /// The state of the last checkpoint; none in a flow that begins.
    pub fn resumed<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.state.borrow().resumed.as_deref().map(serde_json::from_str).transpose().map_err(Into::into)
    }
}
