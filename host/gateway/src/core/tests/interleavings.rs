//! Whatever order deaths, takeovers, repetitions and stray messages come in: no request acts twice, every request is
//! answered once, no event is lost, doubled or reordered.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tandem_switch_link::{GatewayMessage, HostMessage, RequestState, StepMessage, SwitchEvent};
use tandem_words::{RequestBody, RequestKey};

use crate::{
    core::{ConnectionId, Exchange, Pace, testing::*},
    port::Order,
    record::{Line, Verdict},
};

#[derive(Debug, Clone)]
enum Action {
    /// The other instance takes the lease (the old connection stays open), or the same one comes again.
    Lead {
        died: bool,
    },
    Die,
    /// A step with this many requests is committed, and sent unless the host dies first.
    Step {
        call: u8,
        requests: u8,
        sent: bool,
    },
    /// A committed step is sent again although nobody asked.
    Again {
        which: prop::sample::Index,
    },
    /// A deposed instance still sends.
    Stray {
        which: prop::sample::Index,
    },
    Commit {
        count: u8,
    },
    Acknowledge,
    Idle,
    Pass {
        ms: u16,
    },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => any::<bool>().prop_map(|died| Action::Lead { died }),
        1 => Just(Action::Die),
        6 => (0..4_u8, 0..4_u8, any::<bool>()).prop_map(|(call, requests, sent)| Action::Step { call, requests, sent }),
        3 => any::<prop::sample::Index>().prop_map(|which| Action::Again { which }),
        1 => any::<prop::sample::Index>().prop_map(|which| Action::Stray { which }),
        4 => (1..5_u8).prop_map(|count| Action::Commit { count }),
        3 => Just(Action::Acknowledge),
        6 => Just(Action::Idle),
        6 => (1..3_000_u16).prop_map(|ms| Action::Pass { ms }),
    ]
}

struct World {
    exchange: Exchange<ScriptedSwitch>,
    lines: Vec<Line>,
    next_connection: u64,
    epoch: u64,
    primary: Option<ConnectionId>,
    deposed: Option<(ConnectionId, u64)>,
    /// Of the primary: the last frame, and the events it has not yet committed.
    seq: u64,
    inbox: Vec<SwitchEvent>,
    /// The journal: it outlives the instances.
    committed: Vec<SwitchEvent>,
    steps: Vec<StepMessage>,
    next_request: u32,
}

impl World {
    fn new() -> Self {
        World {
            exchange: exchange(&[(0, "call0"), (100, "call1"), (100, "call2"), (2_000, "call3")]),
            lines: Vec::new(),
            next_connection: 1,
            epoch: 0,
            primary: None,
            deposed: None,
            seq: 0,
            inbox: Vec::new(),
            committed: Vec::new(),
            steps: Vec::new(),
            next_request: 1,
        }
    }

    fn does(&mut self, action: &Action) {
        match action {
            Action::Lead { died } => self.leads(*died),
            Action::Die => self.dies(),
            Action::Step { call, requests, sent } => self.steps_on(*call, *requests, *sent),
            Action::Again { which } => {
                // A host repeats only what waits for its answer.
                let answered = self.answered();
                let open: Vec<_> = self.steps.iter().filter(|step| keys(step).iter().all(|key| !answered.contains(key))).collect();
                if !open.is_empty() {
                    let step = StepMessage { epoch: self.epoch, ..(*which.get(&open)).clone() };
                    self.say(HostMessage::Step(step));
                }
            }
            Action::Stray { which } => {
                if let Some((id, epoch)) = self.deposed.take()
                    && !self.steps.is_empty()
                {
                    let step = StepMessage { epoch, ..which.get(&self.steps).clone() };
                    self.exchange.received(id, vec![HostMessage::Step(step)]);
                }
            }
            Action::Commit { count } => {
                let count = usize::from(*count).min(self.inbox.len());
                self.committed.extend(self.inbox.drain(..count));
            }
            Action::Acknowledge => self.say(HostMessage::Acknowledge(mark(self.committed.len() as u64))),
            Action::Idle => self.say(HostMessage::Idle { seq: self.seq, wake_at: None }),
            Action::Pass { ms } => {
                if matches!(self.exchange.pace(), Pace::Settled | Pace::Free) {
                    self.exchange.pass_to(self.exchange.now() + u64::from(*ms));
                }
            }
        }
        self.turn();
    }

    fn say(&mut self, message: HostMessage) {
        if let Some(id) = self.primary {
            self.exchange.received(id, vec![message]);
        }
    }

    fn dies(&mut self) {
        if let Some(id) = self.primary.take() {
            self.exchange.closed(id);
        }
        self.inbox.clear();
    }

    fn leads(&mut self, died: bool) {
        if died {
            self.dies();
        }
        self.deposed = self.primary.map(|id| (id, self.epoch));
        self.epoch += 1;
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.exchange.connected(id);
        self.inbox.clear();
        self.primary = Some(id);
        self.exchange.received(id, vec![hello(), lead(self.epoch)]);
        self.turn();
        let waiting = self.steps.iter().flat_map(keys).filter(|key| !self.answered().contains(key)).collect();
        let after = (!self.committed.is_empty()).then(|| mark(self.committed.len() as u64));
        self.say(HostMessage::Reconcile { after, interactions: Vec::new(), requests: waiting, more: false });
        self.turn();
    }

    fn steps_on(&mut self, call: u8, requests: u8, sent: bool) {
        let call = format!("call{call}");
        let requests = (0..requests).map(|n| match (self.next_request + u32::from(n)) % 7 {
            0 => RequestBody::Disconnect { interaction: call.as_str().into() },
            1..4 => play(&call, 50),
            _ => attach(&call),
        });
        let numbered: Vec<_> = requests.enumerate().map(|(n, body)| (self.next_request + n as u32, body)).collect();
        self.next_request += numbered.len() as u32;
        let mut step = step(1, self.steps.len() as u32 + 1, &call, numbered);
        step.epoch = self.epoch;
        if self.primary.is_none() {
            return;
        }
        self.steps.push(step.clone());
        if sent { self.say(HostMessage::Step(step)) } else { self.dies() }
    }

    fn turn(&mut self) {
        let turn = self.exchange.turn();
        self.lines.extend(turn.lines);
        let mut unknown = BTreeSet::new();
        for (id, frame) in turn.frames {
            for message in frame.messages {
                match message {
                    _ if self.primary != Some(id) => {}
                    GatewayMessage::Event(event) => {
                        let expected = self.committed.len() + self.inbox.len() + 1;
                        assert_eq!(event.position, expected as u64, "without holes, in order, once");
                        self.inbox.push(event);
                    }
                    GatewayMessage::Reconciled { kept_from, requests, .. } => {
                        assert!(kept_from <= self.committed.len() as u64 + 1, "nothing is lost");
                        unknown.extend(requests.iter().filter(|(_, state)| *state == RequestState::Unknown).map(|(key, _)| *key));
                    }
                    GatewayMessage::Refused { message, .. } => panic!("a well-behaved primary was refused: {message}"),
                    _ => {}
                }
            }
            if self.primary == Some(id) {
                self.seq = frame.seq;
            }
        }
        for step in self.steps.clone() {
            let requests: Vec<_> = step.requests.iter().zip(keys(&step)).filter(|(_, key)| unknown.contains(key)).collect();
            if !requests.is_empty() {
                let requests = requests.into_iter().map(|(asked, _)| asked.clone()).collect();
                self.say(HostMessage::Step(StepMessage { epoch: self.epoch, requests, ..step }));
            }
        }
    }

    fn answered(&self) -> BTreeSet<RequestKey> {
        self.committed.iter().filter_map(|event| event.answers).collect()
    }

    /// Heals everything, and checks.
    fn ends(mut self) {
        self.leads(true);
        for _ in 0..400 {
            self.does(&Action::Commit { count: 255 });
            self.does(&Action::Acknowledge);
            self.does(&Action::Idle);
            self.does(&Action::Pass { ms: 30_000 });
        }
        let mut answers = BTreeMap::new();
        for key in self.committed.iter().filter_map(|event| event.answers) {
            *answers.entry(key).or_insert(0) += 1;
        }
        for key in self.steps.iter().flat_map(keys) {
            assert_eq!(answers.remove(&key), Some(1), "{key} is answered once");
        }
        assert_eq!(answers, BTreeMap::new());
        let mut applied = BTreeSet::new();
        for order in &self.exchange.switch().orders {
            if let Order::Apply { key, .. } = order {
                assert!(applied.insert(*key), "{key} was applied twice");
            }
        }
        let verdicts = self.lines.iter().filter(|line| matches!(line, Line::Request { verdict: Verdict::Applied, .. })).count();
        assert_eq!(verdicts, applied.len());
        let recorded: Vec<_> =
            self.lines.into_iter().filter_map(|line| if let Line::Event(event) = line { Some(event) } else { None }).collect();
        assert_eq!(recorded, self.committed, "the record and the journal agree");
        assert_eq!(self.exchange.core().kept_events(), 0);
    }
}

fn keys(step: &StepMessage) -> Vec<RequestKey> {
    step.requests.iter().map(|asked| RequestKey { session: step.session, incarnation: 1, request: asked.request }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_applies_a_request_twice_or_loses_an_event(actions in prop::collection::vec(action(), 1..120)) {
        let mut world = World::new();
        actions.iter().for_each(|action| world.does(action));
        world.ends();
    }
}
