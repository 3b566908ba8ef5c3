//! A switch on a bench: orders go in, and what comes out is written down as text, a line each, at its own instant.

use std::fmt::Write;

use expect_test::Expect;
use tandem_words::{
    CollectOptions, CreateCall, EventBody, InteractionId, Prompt, RequestBody, RequestKey, Route, SessionId, Target, Timestamp,
};

use super::callers::{CallerPlan, Digits};
use super::{AgentPlan, Command, Options, RoutingPoint, SimulatedSwitch};
use crate::port::{Condition, Order, Report, Switch};
use crate::record::{Heard, Line};

pub(super) struct Bench {
    pub(super) switch: SimulatedSwitch,
    pub(super) now: Timestamp,
    /// What came out so far.
    pub(super) log: String,
    pub(super) next_request: u32,
}

/// Routing points 8000 (default route 9000) and 8001, agent ann of group sales.
pub(super) fn options() -> Options {
    let point = |default: Option<&str>| RoutingPoint { default_route: default.map(str::to_owned) };
    Options {
        routing_points: [("8000".to_owned(), point(Some("9000"))), ("8001".to_owned(), point(None))].into(),
        agents: vec![AgentPlan::new("ann", &["sales"])],
        ..Options::default()
    }
}

/// Caller 1 dials 8000 at 0, waits 60 s, talks 30 s, presses nothing.
pub(super) fn plan() -> CallerPlan {
    CallerPlan {
        number: 1,
        arrive_at_ms: 0,
        calling: "555".into(),
        dials: "8000".into(),
        patience_ms: 60_000,
        hangs_up_at_ms: None,
        digits: Digits::silence(),
        service_ms: 30_000,
        priority: 0,
        credit_ms: 0,
        service_type: String::new(),
        seed: 1,
    }
}

pub(super) fn key(request: u32) -> RequestKey {
    RequestKey { session: SessionId { node: 101, epoch: 1, number: 1 }, incarnation: 1, request }
}

pub(super) fn c1() -> InteractionId {
    "c1".into()
}

pub(super) fn play(sound: &str, interruptible: bool) -> RequestBody {
    RequestBody::Play { call: c1(), prompts: vec![Prompt::Sound(sound.into())], interruptible }
}

pub(super) fn music() -> RequestBody {
    RequestBody::Music { call: c1(), name: String::new() }
}

pub(super) fn record(max_length_ms: u32) -> RequestBody {
    RequestBody::StartRecording { call: c1(), name: "wish".into(), max_length_ms }
}

/// Up to `max_digits` digits, ended by `#`, after one sound.
pub(super) fn collect(max_digits: u8) -> RequestBody {
    RequestBody::Collect {
        call: c1(),
        options: CollectOptions {
            prompts: vec![Prompt::Sound("menu".into())],
            min_digits: 1,
            max_digits,
            terminators: "#".into(),
            first_digit_timeout_ms: 0,
            inter_digit_timeout_ms: 0,
            flush: false,
            sensitive: false,
        },
    }
}

pub(super) fn route(targets: &[Target]) -> Route {
    Route { interaction: c1(), targets: targets.to_vec(), priority: 0, credit_ms: 0, timeout_ms: 0, ring_timeout_ms: 0, unchecked: false }
}

pub(super) fn group(name: &str) -> Target {
    Target::Group(name.into())
}

pub(super) fn agent(name: &str) -> Target {
    Target::Agent(name.into())
}

pub(super) fn number(name: &str) -> Target {
    Target::Number(name.into())
}

pub(super) fn create_call(to: &str, ring_timeout_ms: u32) -> RequestBody {
    RequestBody::CreateCall(CreateCall { to: to.into(), calling: "8000".into(), ring_timeout_ms })
}

impl Bench {
    /// Caller 1 of [`plan`] has just arrived; that is not in the log.
    pub(super) fn ringing() -> Self {
        Bench::with(options(), vec![plan()])
    }

    pub(super) fn with(options: Options, callers: Vec<CallerPlan>) -> Self {
        let switch = SimulatedSwitch::new(options, callers, 0).unwrap();
        let mut bench = Bench { switch, now: 0, log: String::new(), next_request: 1 };
        bench.run(0);
        bench.log.clear();
        bench
    }

    /// Passes time instant by instant.
    pub(super) fn run(&mut self, to: Timestamp) -> &mut Self {
        while let Some(at) = self.switch.next_due().filter(|at| *at <= to) {
            self.now = self.now.max(at);
            self.switch.advance(at);
            self.note();
        }
        self.now = to;
        self
    }

    /// The next request, numbered from 1 on.
    pub(super) fn ask(&mut self, body: RequestBody) -> &mut Self {
        let request = self.next_request;
        self.next_request += 1;
        let route = match &body {
            RequestBody::SetPriority { route, .. } => Some(key(*route)),
            _ => None,
        };
        self.order(Order::Apply { key: key(request), body, route })
    }

    pub(super) fn route(&mut self, targets: &[Target]) -> &mut Self {
        self.ask(RequestBody::Route(route(targets)))
    }

    pub(super) fn cancel(&mut self, request: u32) -> &mut Self {
        self.order(Order::Cancel { key: key(request) })
    }

    pub(super) fn order(&mut self, order: Order) -> &mut Self {
        self.switch.order(self.now, order);
        self.note();
        self
    }

    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        self.command(Command::Press { interaction: c1(), keys: keys.into() })
    }

    pub(super) fn hang_up(&mut self) -> &mut Self {
        self.command(Command::HangUp { interaction: c1() })
    }

    pub(super) fn command(&mut self, command: Command) -> &mut Self {
        self.switch.command(self.now, command).unwrap();
        self.note();
        self
    }

    /// Compares everything since the last check; lines of the record and conditions included.
    pub(super) fn check(&mut self, expected: Expect) -> &mut Self {
        expected.assert_eq(&std::mem::take(&mut self.log));
        self
    }

    fn note(&mut self) {
        for report in self.switch.drain_reports() {
            writeln!(self.log, "{} {}", self.now, in_words(&report)).unwrap();
        }
        for line in self.switch.drain_lines() {
            let words = match line {
                Line::Hears { interaction, heard, .. } => format!("{interaction} hears {}", heard_in_words(&heard)),
                Line::Left { interaction, outcome, answered_by, group, .. } => {
                    format!("{interaction} left {outcome:?} {} {}", answered_by.unwrap_or("-".into()), group.unwrap_or("-".into()))
                }
                Line::Arrived { interaction, caller, routing_point, .. } => {
                    format!("{interaction} arrived caller {caller} at {routing_point}")
                }
                other => panic!("a switch does not write {other:?}"),
            };
            writeln!(self.log, "{} {words}", self.now).unwrap();
        }
    }
}

/// `c1 dialog.playsound.done #1 End`, `c1 is Silent { since: 5 }`.
pub(super) fn in_words(report: &Report) -> String {
    match report {
        Report::Condition { interaction, condition: Condition::Silent { since } } => format!("{interaction} is silent since {since}"),
        Report::Condition { interaction, condition } => format!("{interaction} is {condition:?}"),
        Report::Event { interaction, visit, answers, body } => {
            let interaction = interaction.as_deref().unwrap_or("-");
            let answers = answers.map_or(String::new(), |key| format!(" #{}", key.request));
            let visit = visit.map_or(String::new(), |visit| format!(" visit {visit}"));
            format!("{interaction} {}{visit}{answers}{}", body.name(), body_in_words(body))
        }
    }
}

fn body_in_words(body: &EventBody) -> String {
    match body {
        EventBody::InteractionAdded(added) => format!(" at {}", added.routing_point),
        EventBody::InteractionDeleted(deletion) => format!(" {:?}", deletion.cause),
        EventBody::PartyChanged(party) => format!(" {} {} {:?}", party.id, party.address, party.state),
        EventBody::Digit(digit) => format!(" {}", digit.key),
        EventBody::PlayDone(stopped_by) => format!(" {stopped_by:?}"),
        EventBody::CollectDone(digits) => format!(" {:?} {:?}", digits.keys, digits.stopped_by),
        EventBody::RecordingDone(recording) => format!(" {} {} ms", recording.uri, recording.length_ms),
        EventBody::RouteDone(routed) => format!(" {} by {} after {}", routed.target, routed.answered_by, routed.waited_ms),
        EventBody::CallCreated(created) => format!(" {} to {}", created.calling, created.called),
        EventBody::Failed(failure) => format!(" {:?}", failure.code),
        EventBody::GroupStatus(status) => {
            format!(" {} {} {} {} {:?}", status.logged_in, status.ready, status.waiting, status.longest_wait_ms, status.expected_wait_ms)
        }
        EventBody::UserDataChanged(change) => format!(" {:?} -{:?}", change.changed, change.deleted),
        _ => String::new(),
    }
}

fn heard_in_words(heard: &Heard) -> String {
    match heard {
        Heard::Treatment { request, what } => format!("#{} {what}", request.request),
        Heard::Person { who } => format!("person {who}"),
        other => format!("{other:?}"),
    }
}
