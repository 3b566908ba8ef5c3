mod gaps;
mod waiting;

use std::collections::BTreeSet;

use tandem_switch_link::{Asked, Held, InteractionState, Over, Refusal, RequestState, StepMessage};
use tandem_words::{ErrorCode, EventBody, Gap, Holding, Message, RequestBody, StartSession, StoppedBy};

use super::*;
use crate::testing::{added, answer, deleted, deployments, digit, key, mark, session, told};

fn primary() -> Primary {
    let options = NodeOptions {
        cluster: "cc1".to_owned(),
        instance: InstanceName { node: 101, letter: 'a' },
        epoch: 3,
        store: 77,
        switch: "main".into(),
        token: Some("secret".to_owned()),
    };
    Primary::new(options, deployments())
}

/// A gateway's end of a connection, with its frames numbered.
struct Link {
    primary: Primary,
    frames: u64,
}

impl Link {
    fn new() -> Link {
        let mut link = Link { primary: primary(), frames: 0 };
        link.connect();
        link
    }

    fn connect(&mut self) {
        self.frames = 0;
        let hello = self.primary.connected();
        assert!(matches!(&hello[..], [Directive::Send(HostMessage::Hello { token: Some(_), node: 101, .. })]));
    }

    fn send(&mut self, messages: Vec<GatewayMessage>) -> (Vec<Directive>, Result<(), LinkError>) {
        self.frames += 1;
        self.primary.frame(GatewayFrame { seq: self.frames, messages })
    }

    fn take(&mut self, messages: Vec<GatewayMessage>) -> Vec<Directive> {
        let (directives, taken) = self.send(messages);
        taken.unwrap();
        directives
    }

    /// To the point where stock is taken.
    fn lead(&mut self, incarnation: u64) {
        let lead = self.take(vec![welcome("main", incarnation)]);
        assert_eq!(lead, [Directive::Send(HostMessage::Lead { epoch: 3, store: 77 })]);
        assert_eq!(self.take(vec![GatewayMessage::Leading { epoch: 3, now: 0 }]), [Directive::TakeStock]);
    }

    /// From there to the events.
    fn reconcile(
        &mut self,
        stock: Stock,
        kept_from: u64,
        interactions: Vec<InteractionState>,
        requests: Vec<RequestState>,
    ) -> Vec<Directive> {
        let asked = self.primary.took_stock(stock.clone());
        let [Directive::Send(HostMessage::Reconcile { interactions: asked, .. })] = &asked[..] else { panic!("{asked:?}") };
        let reconciled = GatewayMessage::Reconciled {
            now: 90_000,
            kept_from,
            interactions: asked.iter().cloned().zip(interactions).collect(),
            requests: stock.requests.into_iter().zip(requests).collect(),
            more: false,
        };
        self.take(vec![reconciled])
    }

    /// A connection without anything behind it.
    fn serving() -> Link {
        let mut link = Link::new();
        link.lead(1);
        let directives = link.reconcile(Stock::default(), 1, vec![], vec![]);
        assert_eq!(
            directives,
            [Directive::Follow(mark(1, 0)), Directive::Reconciled { unknown: BTreeSet::new(), fresh: true, remembers: false }]
        );
        link
    }
}

fn welcome(switch: &str, incarnation: u64) -> GatewayMessage {
    GatewayMessage::Welcome { protocol: 1, switch: switch.into(), incarnation, now: 0 }
}

fn holding(number: u64, call: &str, visit: u32) -> Holding {
    Holding {
        interaction: call.into(),
        session: session(number),
        visit: Some((1, visit)),
        since: Some((1, visit.into())),
        controlled: true,
    }
}

fn names(directives: &[Directive]) -> Vec<String> {
    let name = |directive: &Directive| match directive {
        Directive::Send(_) => "send".to_owned(),
        Directive::TakeStock => "take-stock".to_owned(),
        Directive::Follow(mark) => format!("follow {}", mark.position),
        Directive::Prepare(mark) => format!("prepare {}", mark.position),
        Directive::Reconciled { fresh, .. } => format!("reconciled {fresh}"),
        Directive::Advance(now) => format!("advance {now}"),
        Directive::Open { opening, .. } => format!("open {}", opening.session.number),
        Directive::Deliver(session, _, event) => format!("deliver {} to {}", event.position, session.number),
        Directive::News(session, body) => format!("news {} to {}", body.name(), session.number),
        Directive::NewsForAll(body) => format!("news {} to all", body.name()),
        Directive::Answer(key, body) => format!("answer {} to {}", body.name(), key.request),
        Directive::Message { to, .. } => format!("message to {}", to.number),
        Directive::Restart(..) => "restart".to_owned(),
        Directive::Discard(..) => "discard".to_owned(),
        Directive::Ignore(mark) => format!("ignore {}", mark.position),
        Directive::Warn(_) => "warn".to_owned(),
    };
    directives.iter().map(name).collect()
}

#[test]
fn lead_comes_first_and_events_come_last() {
    let mut link = Link::serving();
    assert_eq!(link.primary.phase(), Phase::Serving);
    let directives = link.take(told(&[added(1, "c1", 1, "8000"), digit(2, "c1"), digit(3, "c9"), added(4, "c4", 1, "9999")]));
    assert_eq!(names(&directives), ["open 1", "deliver 2 to 1", "ignore 3", "warn", "ignore 4"]);
    assert_eq!((link.primary.now(), link.primary.sessions()), (4_000, 1));
    link.primary.over(session(1));
    assert_eq!(names(&link.take(told(&[digit(5, "c1")]))), ["ignore 5"]);
}

#[test]
fn a_message_out_of_its_place_is_named_with_the_phase() {
    let leading = || GatewayMessage::Leading { epoch: 3, now: 0 };
    let reconciled = || GatewayMessage::Reconciled { now: 0, kept_from: 1, interactions: vec![], requests: vec![], more: false };
    let clock = || GatewayMessage::Clock { now: 1 };
    let event = || GatewayMessage::Event(digit(1, "c1"));
    let check = |mut link: Link, message: GatewayMessage, what: &str| {
        let phase = link.primary.phase();
        let error = link.send(vec![message]).1.unwrap_err();
        assert!(error.to_string().contains(&format!("`{what}` in phase {phase:?}")), "{error}");
    };
    for (message, what) in [(leading(), "leading"), (reconciled(), "reconciled"), (clock(), "clock"), (event(), "event")] {
        check(Link::new(), message, what);
    }
    let claiming = || {
        let mut link = Link::new();
        link.take(vec![welcome("main", 1)]);
        link
    };
    for (message, what) in [(welcome("main", 1), "welcome"), (GatewayMessage::Leading { epoch: 4, now: 0 }, "leading"), (event(), "event")]
    {
        check(claiming(), message, what);
    }
    let taking_stock = || {
        let mut link = Link::new();
        link.lead(1);
        link
    };
    for (message, what) in [(reconciled(), "reconciled"), (event(), "event"), (clock(), "clock")] {
        check(taking_stock(), message, what);
    }
    for (message, what) in [(leading(), "leading"), (reconciled(), "reconciled"), (welcome("main", 1), "welcome")] {
        check(Link::serving(), message, what);
    }
}

#[test]
fn what_came_before_a_fault_of_the_same_frame_has_happened() {
    let mut link = Link::serving();
    let mut messages = told(&[added(1, "c1", 1, "8000")]);
    messages.push(GatewayMessage::Leading { epoch: 3, now: 0 });
    let (directives, taken) = link.send(messages);
    assert_eq!((names(&directives), taken.is_err()), (vec!["open 1".to_owned()], true));
}

#[test]
fn holes_and_repeats_are_faults() {
    for position in [3, 1] {
        let mut link = Link::serving();
        link.take(told(&[digit(1, "c1")]));
        let error = link.send(told(&[digit(position, "c1")])).1.unwrap_err();
        assert_eq!(error, LinkError::EventOrder { expected: 2, found: position });
    }
    for seq in [3, 5] {
        let mut link = Link::serving();
        let (_, taken) = link.primary.frame(GatewayFrame { seq, messages: vec![] });
        assert_eq!(taken, Err(LinkError::FrameOrder { expected: 4, found: seq }));
    }
}

#[test]
fn a_refusal_and_another_switch_are_told_apart() {
    let refused = GatewayMessage::Refused { reason: Refusal::Fenced, message: "epoch 4 leads".to_owned() };
    for mut link in [Link::new(), Link::serving()] {
        let error = link.send(vec![refused.clone()]).1.unwrap_err();
        assert!(matches!(error, LinkError::Refused { reason: Refusal::Fenced, .. }));
    }
    let error = Link::new().send(vec![welcome("other", 1)]).1.unwrap_err();
    assert!(error.to_string().contains("\"other\"") && error.to_string().contains("\"main\""), "{error}");
}

#[test]
fn stock_is_taken_only_when_it_was_asked_for() {
    let mut link = Link::new();
    assert!(link.primary.took_stock(Stock::default()).is_empty());
    link.lead(1);
    link.primary.disconnected();
    assert!(link.primary.took_stock(Stock::default()).is_empty());
    assert_eq!(link.primary.phase(), Phase::Away);
}

#[test]
fn a_new_primary_follows_behind_w_and_says_what_is_unknown() {
    let mut link = Link::new();
    link.lead(1);
    let stock = Stock { after: Some(mark(1, 7)), interactions: vec![holding(9, "c1", 1)], requests: vec![key(9, 1), key(9, 2), key(9, 3)] };
    let states = vec![RequestState::Open, RequestState::Unknown, RequestState::Answered];
    let directives = link.reconcile(stock, 3, vec![InteractionState::AtRoutingPoint], states);
    assert_eq!(
        directives,
        [Directive::Follow(mark(1, 7)), Directive::Reconciled { unknown: [key(9, 2)].into(), fresh: true, remembers: true }]
    );
    let directives = link.take(told(&[digit(8, "c1"), answer(9, key(9, 3), EventBody::Done)]));
    assert_eq!(names(&directives), ["deliver 8 to 9", "deliver 9 to 9"]);
    // The time is asked for, to know that the backlog is through; nothing was missing.
    assert_eq!(link.primary.idle(None), Some(Directive::Send(HostMessage::Idle { seq: 4, wake_at: Some(90_000) })));
    assert_eq!(names(&link.take(vec![GatewayMessage::Clock { now: 90_000 }])), ["advance 90000"]);
    assert_eq!(link.primary.idle(None), Some(Directive::Send(HostMessage::Idle { seq: 5, wake_at: Some(90_000) })));
    assert_eq!(names(&link.take(vec![GatewayMessage::Clock { now: 90_000 }])), ["advance 90000"]);
    assert_eq!(link.primary.idle(None), Some(Directive::Send(HostMessage::Idle { seq: 6, wake_at: None })));
}

#[test]
fn a_new_connection_hands_out_no_event_twice() {
    let mut link = Link::serving();
    link.take(told(&[added(1, "c1", 1, "8000"), digit(2, "c1"), deleted(3, "c1"), added(4, "c1", 2, "8001")]));
    link.primary.disconnected();
    assert_eq!(link.primary.tell(step()), [], "reconciliation will find it");
    link.connect();
    link.lead(1);
    let stock = Stock { after: Some(mark(1, 1)), interactions: vec![holding(1, "c1", 1), holding(2, "c1", 2)], requests: vec![] };
    let here = InteractionState::AtRoutingPoint;
    let directives = link.reconcile(stock, 2, vec![here, here], vec![]);
    assert_eq!(names(&directives), ["follow 1", "reconciled false"]);
    let directives = link.take(told(&[digit(2, "c1"), deleted(3, "c1"), added(4, "c1", 2, "8001"), digit(5, "c1")]));
    assert_eq!(names(&directives), ["deliver 5 to 2"]);
}

fn step() -> StepMessage {
    let over = Some(Over::Finished);
    StepMessage { epoch: 3, session: session(1), incarnation: 1, seq: 1, interactions: vec![], quiet_until: None, over, requests: vec![] }
}

#[test]
fn steps_are_told_while_events_flow() {
    let mut link = Link::serving();
    assert_eq!(link.primary.tell(step()), [Directive::Send(HostMessage::Step(step()))]);
    let mut link = Link::new();
    link.lead(1);
    assert_eq!(link.primary.tell(step()), []);
}

#[test]
fn a_request_that_no_frame_holds_is_answered_and_the_rest_of_its_step_goes() {
    let mut link = Link::serving();
    let delete = |request, keys: Vec<String>| Asked { request, body: RequestBody::DeleteUserData { interaction: "c1".into(), keys } };
    let kept = [delete(1, vec!["x".to_owned()]), delete(4, vec!["x".repeat(1 << 20)])];
    let many = delete(2, vec![String::new(); 1 << 20]);
    let escaped = delete(3, vec!["\u{1}".repeat(1 << 20)]);
    let [first, last] = kept.clone();
    let directives = link.primary.tell(StepMessage { requests: vec![first, many, escaped, last], ..step() });
    let refused = |directive: &Directive| match directive {
        Directive::Answer(key, EventBody::Failed(failure)) if failure.code == ErrorCode::OverLimit => Some(key.request),
        _ => None,
    };
    assert_eq!(directives.iter().filter_map(refused).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(directives.last(), Some(&Directive::Send(HostMessage::Step(StepMessage { requests: kept.to_vec(), ..step() }))));
}

#[test]
fn what_is_reconciled_comes_in_parts_and_no_more_than_was_asked() {
    let part = |of: &[u64], more| GatewayMessage::Reconciled {
        now: 0,
        kept_from: 8,
        interactions: of.iter().map(|call| (Held { id: format!("c{call}").into(), visit: Some(1) }, InteractionState::Gone)).collect(),
        requests: of.iter().map(|call| (key(*call, 1), RequestState::Unknown)).collect(),
        more,
    };
    let asking = || {
        let mut link = Link::new();
        link.lead(1);
        let interactions = [1, 2, 3].map(|number| holding(number, &format!("c{number}"), 1)).to_vec();
        let requests = [1, 2, 3].map(|number| key(number, 1)).to_vec();
        link.primary.took_stock(Stock { after: Some(mark(1, 7)), interactions, requests });
        link
    };
    let mut link = asking();
    assert!(link.take(vec![part(&[1, 2], true)]).is_empty());
    assert_eq!(link.primary.phase(), Phase::Reconciling);
    let unknown = [1, 2, 3].map(|number| key(number, 1)).into();
    assert_eq!(link.take(vec![part(&[3], false)])[1], Directive::Reconciled { unknown, fresh: true, remembers: true });
    let deleted = link.take(vec![GatewayMessage::Clock { now: 1 }]);
    assert_eq!(names(&deleted)[..3], [1, 2, 3].map(|number| format!("news interaction.deleted to {number}")));
    let (_, taken) = asking().send(vec![part(&[1, 2], true), part(&[1, 2], true)]);
    assert_eq!(taken, Err(LinkError::Unasked { asked: 6 }));
}

#[test]
fn idle_and_w_are_said_when_they_are_news() {
    let mut link = Link::serving();
    let idle = |seq, wake_at| Some(Directive::Send(HostMessage::Idle { seq, wake_at }));
    assert_eq!(link.primary.idle(None), idle(3, None));
    assert_eq!(link.primary.idle(None), None);
    assert_eq!(link.primary.idle(Some(5)), idle(3, Some(5)));
    link.take(vec![GatewayMessage::Clock { now: 5 }]);
    assert_eq!(link.primary.idle(Some(5)), idle(4, Some(5)));
    let acknowledged = |position| Some(Directive::Send(HostMessage::Acknowledge(mark(1, position))));
    assert_eq!(link.primary.durable(mark(1, 3)), acknowledged(3));
    assert_eq!(link.primary.durable(mark(1, 3)), None);
    assert_eq!(link.primary.durable(mark(2, 9)), None, "of another life of the switch");
    assert_eq!(link.primary.durable(mark(1, 4)), acknowledged(4));
    link.primary.disconnected();
    assert_eq!((link.primary.idle(None), link.primary.durable(mark(1, 5))), (None, None));
}

#[test]
fn w_is_what_this_epoch_has_heard_even_if_the_store_says_less() {
    let mut link = Link::serving();
    link.take(told(&[digit(1, "c1"), digit(2, "c1")]));
    let _ = link.primary.durable(mark(1, 2));
    link.primary.disconnected();
    link.connect();
    link.lead(1);
    let asked = link.primary.took_stock(Stock::default());
    assert!(
        matches!(&asked[..], [Directive::Send(HostMessage::Reconcile { after: Some(after), .. })] if *after == mark(1, 2)),
        "{asked:?}"
    );
}

#[test]
fn a_duplicate_changes_nothing_and_time_does_not_go_back() {
    let mut link = Link::serving();
    assert!(link.take(vec![GatewayMessage::Duplicate { request: key(1, 1), state: RequestState::Open }]).is_empty());
    link.take(vec![GatewayMessage::Clock { now: 500 }]);
    link.take(vec![GatewayMessage::Clock { now: 400 }]);
    assert_eq!(link.primary.now(), 500);
}

#[test]
fn messages_reach_sessions_of_this_node_only() {
    let mut link = Link::serving();
    let mut send = |to: &str| {
        let message = Message { sender: String::new(), name: "hello".to_owned(), json: String::new() };
        link.primary.send(key(1, 1), to, "welcome".to_owned(), message)
    };
    assert_eq!(names(&[send("101-3-9")]), ["message to 9"]);
    for to in ["102-3-9", "nobody", ""] {
        let refused = send(to);
        assert!(matches!(&refused, Directive::Answer(_, EventBody::Failed(failure)) if failure.code == ErrorCode::NotFound), "{refused:?}");
    }
}

#[test]
fn a_started_session_lives_by_its_starter_s_time() {
    let mut link = Link::serving();
    let start = |strategy: &str| StartSession { strategy: strategy.to_owned(), parameters: Vec::new() };
    let Directive::Open { opening, event: None } = link.primary.start(key(1, 1), &start("survey"), 7_000) else { panic!() };
    assert_eq!(opening.started_at, 7_000);
    let refused = link.primary.start(key(1, 2), &start("none"), 7_000);
    assert!(matches!(refused, Directive::Answer(_, EventBody::Failed(failure)) if failure.code == ErrorCode::NotFound));
}
