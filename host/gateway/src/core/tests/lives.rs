//! A gateway that dies and begins again beside a switch that lives on.

use tandem_switch_link::{GatewayMessage, HostMessage, InteractionState, Mark, Over, RequestState, StepMessage};
use tandem_words::EventBody;

use crate::{
    core::{ConnectionId, Exchange, Pace, testing::*},
    port::Order,
    record::Line,
};

struct Play {
    exchange: Exchange<ScriptedSwitch>,
    lines: Vec<Line>,
}

impl Play {
    /// Calls c1 and c2 are there; session 1 has c1, session 2 is over; A leads.
    fn begin(c1: StepMessage, c2: HostMessage) -> Play {
        let mut play = Play { exchange: exchange(&[(10, "c1"), (10, "c2"), (3_000, "c3")]), lines: Vec::new() };
        play.greets(A, 1, None, &[], &[]);
        play.passes_to(10);
        play.says(A, vec![HostMessage::Step(c1), c2]);
        play
    }

    fn greets(&mut self, id: ConnectionId, epoch: u64, after: Option<Mark>, held_calls: &[&str], requests: &[u32]) -> Vec<GatewayMessage> {
        self.exchange.connected(id);
        let interactions = held_calls.iter().map(|call| held(call, 1)).collect();
        let requests = requests.iter().map(|request| key(1, *request)).collect();
        self.says(id, vec![hello(), lead(epoch), HostMessage::Reconcile { after, interactions, requests, more: false }])
    }

    /// What it is told, until everybody has said to be idle and nothing more comes.
    fn says(&mut self, id: ConnectionId, messages: Vec<HostMessage>) -> Vec<GatewayMessage> {
        self.exchange.received(id, messages);
        let mut told = Vec::new();
        loop {
            let turn = self.exchange.turn();
            self.lines.extend(turn.lines);
            if turn.frames.is_empty() {
                return told;
            }
            for (to, frame) in turn.frames {
                self.exchange.received(to, vec![HostMessage::Idle { seq: frame.seq, wake_at: None }]);
                told.extend(frame.messages.into_iter().filter(|_| to == id));
            }
        }
    }

    fn passes_to(&mut self, at: u64) {
        while self.exchange.now() < at {
            self.exchange.pass_to(at);
            self.says(A, Vec::new());
        }
    }

    fn dies_until(&mut self, at: u64) {
        self.exchange.die();
        assert_eq!(self.exchange.pace(), Pace::Free);
        self.passes_to(at);
        self.exchange.begin_again(9);
        self.says(B, Vec::new());
    }

    fn default_routed(&self) -> Vec<String> {
        let order = |order: &Order| match order {
            Order::DefaultRoute { interaction, .. } => Some(interaction.to_string()),
            _ => None,
        };
        self.exchange.switch().orders.iter().filter_map(order).collect()
    }
}

fn play_of(ms: u32) -> Play {
    Play::begin(step(1, 1, "c1", vec![(1, play("c1", ms))]), over(step(2, 1, "c2", vec![(1, play("c2", 5_000))]), Over::Finished))
}

fn states(told: &[GatewayMessage]) -> (Vec<InteractionState>, Vec<RequestState>) {
    let reconciled = told.iter().find_map(|message| match message {
        GatewayMessage::Reconciled { interactions, requests, .. } => Some((interactions, requests)),
        _ => None,
    });
    let (interactions, requests) = reconciled.expect("reconciled");
    (interactions.iter().map(|(_, state)| *state).collect(), requests.iter().map(|(_, state)| *state).collect())
}

#[test]
fn a_call_is_still_there_and_what_goes_on_is_answered() {
    let mut play = play_of(4_000);
    play.dies_until(2_000);
    let told = play.greets(B, 1, Some(mark(2)), &["c1"], &[1]);
    assert!(told.iter().any(|message| matches!(message, GatewayMessage::Welcome { incarnation: 9, .. })));
    assert_eq!(states(&told), (vec![InteractionState::AtRoutingPoint], vec![RequestState::Open]));
    assert_eq!(positions(&told), [0; 0], "neither is a call told that a session has, nor one whose session may be over");
    play.passes_to(4_010);
    let lines = play.lines.iter().filter_map(|line| match line {
        Line::Event(event) => Some((event.position, event.answers)),
        _ => None,
    });
    assert_eq!(lines.collect::<Vec<_>>().last(), Some(&(2, Some(key(1, 1)))), "behind the arrival of c3");
    // Its session was over: it goes as soon as nothing is under way on it.
    play.passes_to(5_010);
    assert_eq!(play.default_routed(), ["c2"]);
}

#[test]
fn what_ended_meanwhile_is_unknown_and_the_record_says_that_nobody_heard_it() {
    let mut play = play_of(1_000);
    play.dies_until(2_000);
    let told = play.greets(B, 1, Some(mark(2)), &["c1"], &[1]);
    assert_eq!(states(&told), (vec![InteractionState::AtRoutingPoint], vec![RequestState::Unknown]));
    let missed = |line: &Line| matches!(line, Line::Missed { at: 1_010, answers: Some(of), .. } if *of == key(1, 1));
    assert!(play.lines.iter().any(missed), "{:?}", play.lines);
    assert!(play.lines.iter().any(|line| matches!(line, Line::Unled { .. })));
}

#[test]
fn a_call_that_came_meanwhile_is_told_once_every_node_has_said_what_it_has() {
    let mut play = play_of(60_000);
    play.dies_until(3_500);
    let told = play.greets(B, 1, Some(mark(2)), &["c1"], &[]);
    let added: Vec<_> = events(&told).into_iter().map(|event| (event.position, event.interaction, event.visit)).collect();
    assert_eq!(added, [(1, Some("c3".into()), Some(1))]);
    assert!(matches!(events(&told)[0].body, EventBody::InteractionAdded(_)));
    // The next primary of the same life is told as of any call.
    let told = play.greets(A, 2, Some(Mark { incarnation: 9, position: 0 }), &["c1"], &[]);
    assert_eq!(positions(&told), [1]);
}

#[test]
fn how_long_a_silence_is_meant_nobody_knows_so_its_deadline_begins_anew() {
    let quiet_step = |mut step: StepMessage| {
        step.quiet_until = Some(30_000);
        step
    };
    let c2 = || over(step(2, 1, "c2", vec![(1, play("c2", 500_000))]), Over::Finished);
    let begin = || Play::begin(quiet_step(step(1, 1, "c1", vec![(1, play("c1", 1_000))])), c2());
    // Nobody comes: 4 s from its beginning on.
    let mut play = begin();
    play.passes_to(9_000);
    play.dies_until(9_500);
    play.passes_to(13_499);
    assert!(play.default_routed().is_empty());
    play.passes_to(13_500);
    assert_eq!(play.default_routed(), ["c1"]);
    // The session says so again.
    let mut play = begin();
    play.passes_to(9_000);
    play.dies_until(9_500);
    play.greets(B, 1, Some(mark(2)), &["c1"], &[]);
    play.says(B, vec![HostMessage::Step(quiet_step(step(1, 2, "c1", vec![])))]);
    play.passes_to(29_999);
    assert_eq!(play.default_routed().iter().filter(|call| *call == "c1").count(), 0);
    play.passes_to(30_000);
    assert!(play.default_routed().contains(&"c1".to_owned()));
}
