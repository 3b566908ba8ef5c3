//! A run as a switch and a host would write it down, made by hand: a small consistent world to doctor.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

/// What a call's session is to the journal.
#[derive(Debug, Clone)]
struct Session {
    id: String,
    seq: u64,
    at: u64,
}

/// An event of the switch: position, time, the request it answers, body.
type Told = (u64, u64, Option<u64>, Value);

/// Both files, and what is needed to go on writing them.
#[derive(Debug, Clone, Default)]
pub struct Run {
    pub record: Vec<Value>,
    pub journal: Vec<Value>,
    now: u64,
    position: u64,
    incarnation: u64,
    epoch: u64,
    led: bool,
    sessions: BTreeMap<String, Session>,
    opened: u64,
    /// Told while nobody led.
    backlog: BTreeMap<String, VecDeque<Told>>,
    calls: u64,
}

/// What a step asks for: its number, and what.
pub type Asked = (u64, Value);

pub fn play(call: &str, sound: &str) -> Value {
    json!({"dialog.playsound": {"call": call, "prompts": [{"sound": sound}], "interruptible": true}})
}

pub fn music(call: &str) -> Value {
    json!({"dialog.music": {"call": call, "name": "waltz"}})
}

pub fn collect(call: &str) -> Value {
    json!({"dialog.collect": {"call": call, "options": {"prompts": [{"sound": "pin"}], "min_digits": 1, "max_digits": 4, "terminators": "#",
        "first_digit_timeout_ms": 0, "inter_digit_timeout_ms": 0, "flush": false, "sensitive": true}}})
}

pub fn route(call: &str, target: &Value) -> Value {
    json!({"routing.route": {"interaction": call, "targets": [target], "priority": 0, "credit_ms": 0, "timeout_ms": 0,
        "ring_timeout_ms": 0, "unchecked": false}})
}

pub fn sales(call: &str) -> Value {
    route(call, &json!({"group": "sales"}))
}

pub fn disconnect(call: &str) -> Value {
    json!({"routing.disconnect": {"interaction": call}})
}

pub fn after(delay_ms: u64) -> Value {
    json!({"timer.after": {"delay_ms": delay_ms}})
}

pub fn play_done() -> Value {
    json!({"dialog.playsound.done": "end"})
}

pub fn routed(call: &str, who: &str) -> Value {
    json!({"routing.done": {"interaction": call, "target": "sales", "answered_by": who, "waited_ms": 1}})
}

pub fn gone() -> Value {
    json!({"error": {"code": "gone", "message": "the call is over"}})
}

pub fn default_routed(call: &str) -> Value {
    json!({"interaction.default-routed": call})
}

impl Run {
    /// The switch begins, and a host leads it.
    pub fn begin() -> Self {
        let mut run = Run { led: true, epoch: 1, incarnation: 1, ..Run::default() };
        run.line(json!({"type": "begin", "switch": "sim", "incarnation": 1, "seed": 7, "at": 0, "control_deadline_ms": 4000}));
        run.line(json!({"type": "led", "at": 0, "node": 101, "epoch": 1}));
        run
    }

    pub fn line(&mut self, line: Value) {
        self.record.push(line);
    }

    pub fn pass_to(&mut self, now: u64) {
        self.now = now;
    }

    pub fn unled(&mut self) {
        self.led = false;
        self.line(json!({"type": "unled", "at": self.now, "node": 101}));
    }

    pub fn led(&mut self) {
        self.led = true;
        self.epoch += 1;
        self.line(json!({"type": "led", "at": self.now, "node": 101, "epoch": self.epoch}));
    }

    /// A gateway begins that knows nothing; whoever led before leads again.
    pub fn begin_again(&mut self) {
        (self.incarnation, self.position, self.led) = (self.incarnation + 1, 0, true);
        self.backlog.clear();
        self.line(json!({"type": "begin", "switch": "sim", "incarnation": self.incarnation, "seed": 7, "at": self.now, "control_deadline_ms": 4000}));
        self.line(json!({"type": "led", "at": self.now, "node": 101, "epoch": self.epoch}));
    }

    /// It happened while no gateway was there.
    pub fn missed(&mut self, call: &str, answers: Option<u64>, body: Value) {
        let key = answers.map(|request| self.key(call, request));
        self.line(json!({"type": "missed", "at": self.now, "interaction": call, "answers": key, "body": body}));
    }

    /// The host tells a session something itself.
    pub fn news(&mut self, call: &str, request: Option<u64>, body: Value) {
        let now = self.now;
        self.write(call, json!("host"), now, None, request, body, json!("wait"), &[]);
    }

    pub fn end(&mut self, at: u64) {
        self.line(json!({"type": "end", "at": at, "calls": self.calls}));
    }

    /// A caller comes, and the switch tells it.
    pub fn arrive(&mut self, caller: u64, number: &str) {
        let call = format!("c{caller}");
        self.calls += 1;
        self.line(json!({"type": "arrived", "at": self.now, "interaction": call, "caller": caller, "routing_point": number}));
        self.hears(&call, &json!("ringing"));
        self.added(&call, 1, number);
    }

    pub fn added(&mut self, call: &str, visit: u64, number: &str) {
        let body = json!({"interaction.added": {"id": call, "root": call, "media": "voice", "direction": "inbound", "calling": "555",
            "called": number, "routing_point": number, "arrived_at": self.now, "user_data": []}});
        self.event(call, Some(visit), None, body);
    }

    pub fn hears(&mut self, call: &str, heard: &Value) {
        self.line(json!({"type": "hears", "at": self.now, "interaction": call, "heard": heard}));
    }

    pub fn hears_treatment(&mut self, call: &str, request: u64, what: &str) {
        let key = self.key(call, request);
        self.hears(call, &json!({"treatment": {"request": key, "what": what}}));
    }

    pub fn left(&mut self, call: &str, outcome: &str, cause: &str) {
        self.event(call, None, None, json!({"interaction.deleted": {"interaction": call, "cause": cause}}));
        self.line(json!({"type": "left", "at": self.now, "interaction": call, "outcome": outcome, "answered_by": null, "group": null, "queued_at": null}));
    }

    pub fn quiet(&mut self, call: &str, until: Option<u64>) {
        let session = self.session(call).id.clone();
        self.line(json!({"type": "quiet", "at": self.now, "session": session, "incarnation": 1, "interactions": [call], "until": until}));
    }

    pub fn key(&self, call: &str, request: u64) -> Value {
        json!({"session": self.session(call).id, "incarnation": 1, "request": request})
    }

    fn session(&self, call: &str) -> &Session {
        &self.sessions[call]
    }

    /// The switch tells; whoever leads has yet to handle it.
    pub fn event(&mut self, call: &str, visit: Option<u64>, answers: Option<u64>, body: Value) {
        self.position += 1;
        let key = answers.map(|request| self.key(call, request));
        let waiting = (self.position, self.now, answers, body.clone());
        self.line(json!({"type": "event", "position": self.position, "at": self.now, "interaction": call, "visit": visit,
            "answers": key, "body": body}));
        self.backlog.entry(call.to_owned()).or_default().push_back(waiting);
    }

    /// A session is opened for a visit.
    pub fn open(&mut self, call: &str, visit: u64) {
        assert!(self.led);
        self.opened += 1;
        let id = format!("101-{}-{}", self.epoch, self.opened);
        let at = self.backlog[call].front().map_or(self.now, |(_, at, ..)| *at);
        self.journal.push(json!({"opened": {"session": id, "incarnation": 1, "epoch": self.epoch,
            "claim": {"visit": {"interaction": call, "switch": "sim", "incarnation": self.incarnation, "visit": visit}}, "origin": "interaction", "strategy": "s", "version": "00",
            "parameters": [], "switch": "sim", "started_at": at}}));
        self.sessions.insert(call.to_owned(), Session { id, seq: 0, at });
    }

    /// The call's session handles the oldest event that waits, and asks for this.
    pub fn step(&mut self, call: &str, outcome: Value, asked: &[Asked]) {
        let (position, at, request, body) = self.backlog.get_mut(call).and_then(VecDeque::pop_front).expect("an event waits");
        self.write(
            call,
            json!({"switch": {"incarnation": self.incarnation, "position": position}}),
            at,
            Some(at),
            request,
            body,
            outcome,
            asked,
        );
    }

    /// Whatever waits for the call's session is not for it any more.
    pub fn forget(&mut self, call: &str) {
        self.backlog.remove(call);
    }

    /// A timer fires.
    pub fn fire(&mut self, call: &str, request: u64, outcome: Value, asked: &[Asked]) {
        let now = self.now;
        self.write(call, json!("host"), now, None, Some(request), json!("timer.fired"), outcome, asked);
    }

    #[allow(clippy::too_many_arguments)]
    fn write(
        &mut self,
        call: &str,
        source: Value,
        at: u64,
        switch_at: Option<u64>,
        request: Option<u64>,
        body: Value,
        outcome: Value,
        asked: &[Asked],
    ) {
        assert!(self.led);
        let epoch = self.epoch;
        let session = self.sessions.get_mut(call).expect("a session");
        session.seq += 1;
        session.at = at.max(session.at);
        let (id, seq, at) = (session.id.clone(), session.seq, session.at);
        let requests: Vec<Value> = asked.iter().map(|(id, body)| json!({"id": id, "body": body, "refused": null})).collect();
        self.journal.push(json!({"step": {"session": id, "incarnation": 1, "epoch": epoch, "version": "00", "source": source,
            "event": {"seq": seq, "at": at, "switch_at": switch_at, "seed": 1, "request": request, "body": body},
            "outcome": outcome, "requests": requests, "local_times": [], "notes": [], "last": false}}));
        for (request, body) in asked.iter().filter(|(_, body)| body.get("timer.after").is_none()) {
            self.receive(call, *request, seq, body, "applied");
        }
    }

    pub fn receive(&mut self, call: &str, request: u64, seq: u64, body: &Value, verdict: &str) {
        let key = self.key(call, request);
        self.line(
            json!({"type": "request", "at": self.now, "key": key, "seq": seq, "epoch": self.epoch, "body": body, "verdict": verdict}),
        );
    }

    /// Both files, as text.
    pub fn files(&self) -> (String, String) {
        let lines = |values: &[Value]| values.iter().map(|value| format!("{value}\n")).collect();
        (lines(&self.record), lines(&self.journal))
    }
}
