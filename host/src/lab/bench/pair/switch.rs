//! The switch of a pair: it keeps what a switch keeps (events behind W, requests it has seen), and takes note of when each call was
//! served.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use tandem_switch_link::{GatewayMessage, Held, HostMessage, InteractionState, Mark, PROTOCOL, RequestState, StepMessage, SwitchEvent};
use tandem_words::{EventBody, Interaction, InteractionId, Position, Property, RequestKey, SessionId, Timestamp, UserDataChange};

/// When switch time begins here; it runs with real time.
const BEGIN: Timestamp = 1_783_074_600_000;

/// Of the switch, its only one.
const INCARNATION: u64 = 1;

/// Calls that come in the beginning.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many.
    pub calls: u32,
    /// Where they come to.
    pub number: &'static str,
    /// Steps that each makes before it rests.
    pub steps: u32,
    /// What an event carries (JSON).
    pub payload: String,
}

#[derive(Debug, Default)]
struct Call {
    steps: u32,
    /// The request that waits for an answer.
    asked: Option<RequestKey>,
    /// When the event came that no step has followed yet.
    waits_since: Option<Instant>,
    /// It came since [`Switch::begins_anew`].
    is_new: bool,
    /// It has made a step since then.
    served: bool,
}

/// Of a session's run: the last request that came, and the last one that is answered; they are, in order.
#[derive(Debug, Default)]
struct Requests {
    incarnation: u32,
    seen: u32,
    answered: u32,
}

/// How calls were served since [`Switch::begins_anew`].
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// Of calls that were there: when the first step of each came.
    pub old: Vec<Instant>,
    /// Of calls that came since: how long each waited for its first step.
    pub new: Vec<Duration>,
}

/// See the module.
pub struct Switch {
    plan: Plan,
    began: Instant,
    calls: BTreeMap<InteractionId, Call>,
    requests: BTreeMap<SessionId, Requests>,
    rested: u32,
    position: Position,
    kept: VecDeque<SwitchEvent>,
    /// The connection that leads, once it has reconciled.
    leader: Option<usize>,
    /// Since [`Switch::begins_anew`].
    anew: bool,
    served: Served,
    /// Calls whose events come by themselves: one each so often, round and round.
    round: Option<(Duration, Instant, u32)>,
    /// New calls: one each so often.
    arrivals: Option<(Duration, Instant)>,
    longest_wait: Duration,
}

impl Switch {
    /// Before anybody is connected.
    pub fn new(plan: Plan) -> Self {
        Switch {
            plan,
            began: Instant::now(),
            calls: BTreeMap::new(),
            requests: BTreeMap::new(),
            rested: 0,
            position: 0,
            kept: VecDeque::new(),
            leader: None,
            anew: false,
            served: Served::default(),
            round: None,
            arrivals: None,
            longest_wait: Duration::ZERO,
        }
    }

    /// Whether somebody leads.
    pub fn is_led(&self) -> bool {
        self.leader.is_some()
    }

    /// Whether all calls have made their steps.
    pub fn all_rest(&self) -> bool {
        self.rested == self.plan.calls
    }

    /// From now on it counts who is served; sessions make no more steps by themselves.
    pub fn begins_anew(&mut self) {
        (self.anew, self.served, self.longest_wait) = (true, Served::default(), Duration::ZERO);
        self.calls.values_mut().for_each(|call| call.served = false);
    }

    /// Each request that waits is answered; whoever leads next hears it.
    pub fn answer_all(&mut self) {
        let open: Vec<_> = self.calls.iter().filter_map(|(id, call)| Some((id.clone(), call.asked?))).collect();
        let now = Instant::now();
        open.into_iter().for_each(|(id, key)| drop(self.data(id, Some(key), now)));
    }

    /// One call after the other gets an event, one so often.
    pub fn begin_round(&mut self, each: Duration) {
        self.round = Some((each, Instant::now(), 0));
    }

    /// No more events come by themselves.
    pub fn end_round(&mut self) {
        self.round = None;
    }

    /// A new call comes so often; none: no more do.
    pub fn set_arrivals(&mut self, each: Option<Duration>) {
        self.arrivals = each.map(|each| (each, Instant::now()));
    }

    /// How calls were served.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// Whether a step is owed to an event.
    pub fn somebody_waits(&self) -> bool {
        self.calls.values().any(|call| call.waits_since.is_some())
    }

    /// The same of a call that came since [`Switch::begins_anew`].
    pub fn somebody_new_waits(&self) -> bool {
        self.calls.values().any(|call| call.is_new && call.waits_since.is_some())
    }

    /// The longest that an event has waited for its step, of those whose step has come.
    pub fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    fn now(&self, real: Instant) -> Timestamp {
        BEGIN + u64::try_from(real.saturating_duration_since(self.began).as_millis()).unwrap_or_default()
    }

    /// What an instance says; what it is answered.
    pub fn hears(&mut self, connection: usize, messages: Vec<HostMessage>, real: Instant) -> Vec<GatewayMessage> {
        let (now, mut answers) = (self.now(real), Vec::new());
        for message in messages {
            match message {
                HostMessage::Hello { .. } => {
                    answers.push(GatewayMessage::Welcome { protocol: PROTOCOL, switch: "bench".into(), incarnation: INCARNATION, now });
                }
                HostMessage::Lead { epoch, .. } => {
                    self.leader = None;
                    answers.push(GatewayMessage::Leading { epoch, now });
                }
                HostMessage::Reconcile { after, interactions, requests, more } => {
                    let after = after.map_or(0, |mark| mark.position);
                    self.forget_up_to(after);
                    answers.push(self.reconciled(now, interactions, requests, more));
                    if more {
                        continue;
                    }
                    self.leader = Some(connection);
                    answers.extend(self.kept.iter().cloned().map(GatewayMessage::Event));
                    answers.extend(self.first_words(real));
                }
                HostMessage::Step(step) => answers.extend(self.step(&step, real)),
                HostMessage::Acknowledge(Mark { position, .. }) => self.forget_up_to(position),
                HostMessage::Idle { wake_at: Some(at), .. } if at <= now => answers.push(GatewayMessage::Clock { now }),
                HostMessage::Idle { .. } | HostMessage::Heartbeat => {}
            }
        }
        answers
    }

    /// What has happened at the switch, for whoever leads.
    pub fn news(&mut self, connection: usize, real: Instant) -> Vec<GatewayMessage> {
        if self.leader.is_some_and(|leader| leader != connection) {
            return Vec::new();
        }
        let mut events = Vec::new();
        while let Some((each, next, call)) = self.round.filter(|(_, next, _)| *next <= real) {
            self.round = Some((each, next + each, (call + 1) % self.plan.calls.max(1)));
            let id = id(call);
            // One that has not been served yet is left alone.
            if let Some(key) = self.calls.get(&id).filter(|call| call.waits_since.is_none()).map(|call| call.asked) {
                events.push(self.data(id, key, next));
            }
        }
        while let Some((each, next)) = self.arrivals.filter(|(_, next)| *next <= real) {
            self.arrivals = Some((each, next + each));
            events.extend(self.call(u32::try_from(self.calls.len()).unwrap_or(u32::MAX), next));
        }
        // While nobody leads they are kept, as all are.
        if self.leader == Some(connection) { events } else { Vec::new() }
    }

    /// A connection is over.
    pub fn gone(&mut self, connection: usize) {
        if self.leader == Some(connection) {
            self.leader = None;
        }
    }

    /// The first primary hears of all calls.
    fn first_words(&mut self, real: Instant) -> Vec<GatewayMessage> {
        if !self.calls.is_empty() {
            return Vec::new();
        }
        (0..self.plan.calls).flat_map(|number| self.call(number, real)).collect()
    }

    fn reconciled(&self, now: Timestamp, held: Vec<Held>, requests: Vec<RequestKey>, more: bool) -> GatewayMessage {
        let kept_from = self.kept.front().map_or(self.position + 1, |event| event.position);
        let interactions = held.into_iter().map(|held| (held, InteractionState::AtRoutingPoint)).collect();
        let requests = requests.into_iter().map(|key| (key, self.state_of(key))).collect();
        GatewayMessage::Reconciled { now, kept_from, interactions, requests, more }
    }

    fn state_of(&self, key: RequestKey) -> RequestState {
        match self.requests.get(&key.session) {
            Some(known) if known.incarnation != key.incarnation || key.request > known.seen => RequestState::Unknown,
            Some(known) if key.request > known.answered => RequestState::Open,
            Some(_) => RequestState::Answered,
            None => RequestState::Unknown,
        }
    }

    /// A session has done something: whoever waits for that is served.
    fn step(&mut self, step: &StepMessage, real: Instant) -> Option<GatewayMessage> {
        let StepMessage { session, incarnation, .. } = *step;
        let known = self.requests.entry(session).or_default();
        if known.incarnation != incarnation {
            *known = Requests { incarnation, ..Requests::default() };
        }
        let last = step.requests.iter().map(|asked| asked.request).max().filter(|last| *last > known.seen)?;
        known.seen = last;
        let key = RequestKey { session, incarnation, request: last };
        let id = step.interactions.first()?.id.clone();
        let call = self.calls.get_mut(&id)?;
        call.asked = Some(key);
        call.steps += 1;
        let waited = call.waits_since.take().map(|since| real.saturating_duration_since(since));
        if self.anew {
            if !std::mem::replace(&mut call.served, true) {
                match waited.filter(|_| call.is_new) {
                    Some(waited) => self.served.new.push(waited),
                    None => self.served.old.push(real),
                }
            }
            self.longest_wait = self.longest_wait.max(waited.unwrap_or_default());
            return None;
        }
        if call.steps < self.plan.steps {
            return Some(self.data(id, Some(key), real));
        }
        self.rested += u32::from(call.steps == self.plan.steps);
        None
    }

    /// A call comes to its number, and brings user data.
    fn call(&mut self, number: u32, since: Instant) -> [GatewayMessage; 2] {
        let id = id(number);
        let at = self.now(since);
        let interaction = Interaction::arriving(id.clone(), "5550100", self.plan.number, at);
        self.calls.insert(id.clone(), Call { is_new: self.anew, ..Call::default() });
        let added = self.event(id.clone(), Some(1), None, EventBody::InteractionAdded(interaction), since);
        [added, self.data(id, None, since)]
    }

    fn data(&mut self, interaction: InteractionId, answers: Option<RequestKey>, since: Instant) -> GatewayMessage {
        if let Some(key) = answers
            && let Some(known) = self.requests.get_mut(&key.session)
        {
            known.answered = key.request;
        }
        if let Some(call) = self.calls.get_mut(&interaction) {
            call.waits_since = Some(since);
            call.asked = None;
        }
        let changed = vec![Property::new("bench", self.plan.payload.clone())];
        let change = UserDataChange { interaction: interaction.clone(), changed, deleted: Vec::new() };
        self.event(interaction, None, answers, EventBody::UserDataChanged(change), since)
    }

    fn event(
        &mut self,
        interaction: InteractionId,
        visit: Option<u32>,
        answers: Option<RequestKey>,
        body: EventBody,
        since: Instant,
    ) -> GatewayMessage {
        self.position += 1;
        let event = SwitchEvent { position: self.position, at: self.now(since), interaction: Some(interaction), visit, answers, body };
        self.kept.push_back(event.clone());
        GatewayMessage::Event(event)
    }

    fn forget_up_to(&mut self, position: Position) {
        while self.kept.front().is_some_and(|event| event.position <= position) {
            self.kept.pop_front();
        }
    }
}

fn id(call: u32) -> InteractionId {
    format!("c{call}").into()
}
