//! Whatever strategies, callers and scripts do: every request is answered once, every call ends once and counts once, and
//! the same inputs give the same outputs.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tandem_words::{EventBody, InteractionId, Party, PartyState, RequestBody, Route, Target};

use crate::port::{Condition, Order, Report, Switch};
use crate::record::{Heard, Line};
use crate::simulated::callers::{After, Answer, CallerPlan, Digits};
use crate::simulated::testing::*;
use crate::simulated::{AgentPlan, Command, Duty, NumberAnswers, Options, SimulatedSwitch};

/// Calls that may exist: callers 1 to 4 by plan, later ones by script, and the first ones that strategies make.
const IDS: [&str; 7] = ["c1", "c2", "c3", "c4", "c5", "cout-1", "cout-2"];

#[derive(Debug, Clone)]
enum Act {
    Ask(RequestBody),
    Cancel(u32),
    DefaultRoute(usize),
    Command(Command),
}

fn world() -> Options {
    let bob = AgentPlan { answers_after_ms: None, ..AgentPlan::new("bob", &["sales"]) };
    let cid = AgentPlan { duty: vec![Duty { from: 5_000, to: Some(20_000) }], wrap_up_ms: 2_000, ..AgentPlan::new("cid", &["service"]) };
    let numbers = [("busy".to_owned(), NumberAnswers::Busy), ("never".to_owned(), NumberAnswers::Never)].into();
    let mut options = Options { agents: vec![AgentPlan::new("ann", &["sales", "service"]), bob, cid], numbers, ..options() };
    options.limits.queued_treatments = 2;
    options
}

fn caller(number: u32) -> impl Strategy<Value = CallerPlan> {
    let keys = prop::collection::vec("[0-9#]{0,3}", 0..3);
    (0..10_000_u64, 0..9_000_u64, prop::option::of(0..9_000_u64), 0..9_000_u64, keys).prop_map(
        move |(arrive_at_ms, patience_ms, hangs_up_at_ms, service_ms, keys)| {
            let answers = keys.into_iter().map(|keys| Answer::new(keys, 700)).collect();
            let digits = Digits { answers, after: After::Repeat, at_prompts: false };
            CallerPlan { number, arrive_at_ms, patience_ms, hangs_up_at_ms, service_ms, digits, ..plan() }
        },
    )
}

fn target() -> impl Strategy<Value = Target> {
    let point = |number: &str| Target::RoutingPoint(number.into());
    let targets = [group("sales"), group("service"), agent("ann"), agent("bob"), agent("cid"), number("700"), number("busy")];
    let more = [number("never"), point("8001"), point("8000"), Target::DefaultRoute, group("nobody")];
    prop::sample::select([&targets[..], &more[..]].concat())
}

fn body() -> impl Strategy<Value = RequestBody> {
    let id = || prop::sample::select(&IDS[..]).prop_map(InteractionId::from);
    let times = (0..3_u32, 0..3_u32, any::<bool>());
    prop_oneof![
        3 => (id(), any::<bool>()).prop_map(|(call, interruptible)| match play("hello", interruptible) {
            RequestBody::Play { prompts, .. } => RequestBody::Play { call, prompts, interruptible },
            other => other,
        }),
        3 => (id(), 0..4_u8).prop_map(|(call, max_digits)| match collect(max_digits) {
            RequestBody::Collect { options, .. } => RequestBody::Collect { call, options },
            other => other,
        }),
        2 => id().prop_map(|call| RequestBody::Music { call, name: String::new() }),
        1 => (id(), 0..2_000_u32).prop_map(|(call, max)| RequestBody::StartRecording { call, name: "r".into(), max_length_ms: max }),
        6 => (id(), prop::collection::vec(target(), 1..3), times).prop_map(|(interaction, targets, (timeout, ring, unchecked))| {
            RequestBody::Route(Route {
                interaction,
                timeout_ms: timeout * 1_500,
                ring_timeout_ms: ring * 800,
                unchecked,
                ..route(&targets)
            })
        }),
        2 => (id(), target()).prop_map(|(call, to)| RequestBody::Transfer { call, to }),
        1 => (1..20_u32, -1..2_i32).prop_map(|(route, priority)| RequestBody::SetPriority { route, priority }),
        1 => Just(RequestBody::QueryGroup { group: "sales".into() }),
        1 => id().prop_map(|interaction| RequestBody::Disconnect { interaction }),
        2 => (prop::sample::select(vec!["700", "busy", "never"]), 0..3_u32).prop_map(|(to, ring)| create_call(to, ring * 1_500)),
        1 => id().prop_map(|interaction| RequestBody::DeleteUserData { interaction, keys: vec!["a".into()] }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let id = || prop::sample::select(&IDS[..]).prop_map(InteractionId::from);
    let agent = || prop::sample::select(vec!["ann", "bob", "cid"]).prop_map(str::to_owned);
    let command = prop_oneof![
        Just(Command::Dial { calling: "1".into(), number: "8001".into(), user_data: Vec::new(), patience_ms: None }),
        (id(), "[0-9#]{1,2}").prop_map(|(interaction, keys)| Command::Press { interaction, keys }),
        id().prop_map(|interaction| Command::HangUp { interaction }),
        id().prop_map(|interaction| Command::TargetHangsUp { interaction }),
        (id(), any::<bool>()).prop_map(|(interaction, held)| Command::Hold { interaction, held }),
        agent().prop_map(|agent| Command::LogIn { agent }),
        agent().prop_map(|agent| Command::LogOut { agent }),
    ];
    prop_oneof![
        12 => body().prop_map(Act::Ask),
        2 => (1..20_u32).prop_map(Act::Cancel),
        1 => (0..IDS.len()).prop_map(Act::DefaultRoute),
        3 => command.prop_map(Act::Command),
    ]
}

/// What came out, and what is checked on the way.
#[derive(Default)]
struct Watch {
    reports: Vec<Report>,
    lines: Vec<Line>,
    answered: BTreeSet<u32>,
    condition: BTreeMap<InteractionId, Condition>,
    heard: BTreeMap<InteractionId, Heard>,
    /// Visits begun and not ended.
    here: BTreeSet<InteractionId>,
    /// Who takes part in a call, or is rung for it.
    parties: BTreeMap<(InteractionId, String), PartyState>,
}

impl Watch {
    fn take(&mut self, switch: &mut SimulatedSwitch) {
        for report in switch.drain_reports() {
            match &report {
                Report::Condition { interaction, condition } => {
                    self.condition.insert(interaction.clone(), *condition);
                }
                Report::Event { answers, body, .. } => {
                    if let Some(key) = answers {
                        assert!(self.answered.insert(key.request), "answered twice: {report:?}");
                    }
                    match body {
                        EventBody::InteractionAdded(added) | EventBody::CallCreated(added) => {
                            assert!(self.here.insert(added.id.clone()), "{report:?}");
                        }
                        EventBody::InteractionDeleted(deletion) => {
                            assert!(self.here.remove(&deletion.interaction), "{report:?}");
                            self.parties.retain(|(interaction, _), _| *interaction != deletion.interaction);
                        }
                        EventBody::PartyChanged(party) => self.party(party),
                        _ => {}
                    }
                }
            }
            self.reports.push(report);
        }
        for line in switch.drain_lines() {
            match &line {
                Line::Hears { interaction, heard, .. } => {
                    self.heard.insert(interaction.clone(), heard.clone());
                }
                Line::Left { interaction, .. } => {
                    self.heard.remove(interaction);
                }
                _ => {}
            }
            self.lines.push(line);
        }
        // A call that a session made leaves without a word in the record.
        self.heard.retain(|interaction, _| self.condition.get(interaction) != Some(&Condition::Gone));
        // The core sees the silence that the caller hears, at every instant.
        for (interaction, heard) in &self.heard {
            let silent = matches!(self.condition.get(interaction), Some(Condition::Silent { .. }));
            assert_eq!(silent, *heard == Heard::Silence, "{interaction}");
        }
    }

    /// Nobody rings twice, and nobody leaves who was not there.
    fn party(&mut self, party: &Party) {
        let before = self.parties.insert((party.interaction.clone(), party.id.clone()), party.state);
        let there = !matches!(before, None | Some(PartyState::Left));
        match party.state {
            PartyState::Ringing => assert!(!there, "{party:?}, {before:?}"),
            PartyState::Left => assert!(there, "{party:?}, {before:?}"),
            PartyState::Connected | PartyState::Held => {}
        }
    }

    fn run(&mut self, switch: &mut SimulatedSwitch, to: u64) {
        while let Some(at) = switch.next_due().filter(|at| *at <= to) {
            switch.advance(at);
            self.take(switch);
            assert!(switch.next_due().is_none_or(|next| next > at), "time must pass");
        }
    }
}

fn play_through(callers: &[CallerPlan], acts: &[(u64, Act)]) -> Watch {
    let mut switch = SimulatedSwitch::new(world(), callers.to_vec(), 0).unwrap();
    let mut watch = Watch::default();
    let (mut now, mut asked) = (0, 0);
    for (after_ms, act) in acts {
        now += after_ms;
        watch.run(&mut switch, now);
        match act.clone() {
            Act::Ask(body) => {
                asked += 1;
                let route = if let RequestBody::SetPriority { route, .. } = &body { Some(key(*route)) } else { None };
                switch.order(now, Order::Apply { key: key(asked), body, route });
            }
            Act::Cancel(request) => switch.order(now, Order::Cancel { key: key(request) }),
            Act::DefaultRoute(call) => switch.order(now, Order::DefaultRoute { interaction: IDS[call].into(), to: "9000".into() }),
            // A script may ask for what cannot be.
            Act::Command(command) => drop(switch.command(now, command)),
        }
        watch.take(&mut switch);
    }
    // Everybody hangs up in the end.
    watch.run(&mut switch, now + 20_000);
    for interaction in watch.here.clone() {
        switch.command(now + 20_000, Command::HangUp { interaction }).unwrap();
        watch.take(&mut switch);
    }
    assert!(switch.is_over());
    let status = switch.status();
    assert_eq!((status.live_calls, status.open_requests), (0, 0));
    assert_eq!(status.counts.calls(), status.counts.arrived);
    assert_eq!(watch.answered, (1..=asked).collect(), "answered");
    assert!(watch.here.is_empty() && watch.condition.values().all(|condition| *condition == Condition::Gone));
    let count = |is: fn(&Line) -> bool| watch.lines.iter().filter(|line| is(line)).count() as u64;
    assert_eq!(count(|line| matches!(line, Line::Arrived { .. })), status.counts.arrived);
    assert_eq!(count(|line| matches!(line, Line::Left { .. })), status.counts.arrived);
    watch
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_request_is_answered_once_and_every_call_ends_once(
        callers in (caller(1), caller(2), caller(3), caller(4)),
        acts in prop::collection::vec((0..1_500_u64, act()), 0..60),
    ) {
        let callers = [callers.0, callers.1, callers.2, callers.3];
        let first = play_through(&callers, &acts);
        let second = play_through(&callers, &acts);
        prop_assert_eq!(first.reports, second.reports);
        prop_assert_eq!(first.lines, second.lines);
    }
}
