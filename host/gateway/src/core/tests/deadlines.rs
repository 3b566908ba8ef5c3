use tandem_switch_link::{GatewayMessage, Held, HostMessage, InteractionState, Over, StepMessage, SwitchEvent};
use tandem_words::{ErrorCode, EventBody, RequestBody};

use crate::{
    core::{Options, RoutingPoint, testing::*},
    port::{Condition, Order},
    record::Line,
};

/// What happens to call c1, which arrives at 0 while node 101 is led.
#[derive(Debug, Clone)]
enum Do {
    At(u64),
    /// This instant has come, and the primary is still at work in it.
    Within(u64),
    Taken,
    QuietUntil(u64),
    Is(Condition),
    Asks(u32, RequestBody),
    Answer(u32),
    Over(Over),
    Dies,
    Leads,
    LeadsAndHolds,
}

fn music() -> RequestBody {
    RequestBody::Music { call: "c1".into(), name: "waltz".into() }
}

/// When c1 goes to its default route.
fn default_routed_at(script: &[Do]) -> Option<u64> {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0)]);
    let mut epoch = 1;
    for (seq, what) in (1..).zip(script) {
        let plain = || {
            let mut step = step(1, seq, "c1", vec![]);
            step.epoch = epoch;
            step
        };
        match what.clone() {
            Do::At(at) => {
                if let Some((at, _)) = desk.default_routed_by(at) {
                    return Some(at);
                }
                desk.core.pass_to(at);
            }
            Do::Within(at) => desk.core.pass_to(at),
            Do::Taken => drop(desk.says(A, [HostMessage::Step(plain())])),
            Do::QuietUntil(until) => drop(desk.says(A, [quiet(plain(), until)])),
            Do::Is(condition) => desk.condition("c1", condition),
            Do::Asks(request, body) => {
                let mut step = plain();
                step.requests = vec![tandem_switch_link::Asked { request, body }];
                desk.says(A, [HostMessage::Step(step)]);
            }
            Do::Answer(request) => desk.answer(key(1, request), "c1"),
            Do::Over(how) => drop(desk.says(A, [over(plain(), how)])),
            Do::Dies => desk.core.closed(A),
            Do::Leads | Do::LeadsAndHolds => {
                epoch += 1;
                let held: &[&str] = if matches!(what, Do::Leads) { &[] } else { &["c1"] };
                desk.greets(A, hello());
                desk.says(A, [lead(epoch), naming(Some(mark(1)), held)]);
            }
        }
        desk.core.apply_buffered();
        if desk.core.take_orders().iter().any(|order| matches!(order, Order::DefaultRoute { .. })) {
            return Some(desk.core.now());
        }
    }
    desk.default_routed_by(1_000_000).map(|(at, _)| at)
}

#[test]
fn a_call_that_nobody_serves_goes_to_its_default_route() {
    use Condition::{Attended, Routed};
    use Do::{Answer, Asks, At, Dies, Is, Leads, LeadsAndHolds, Over as Ends, QuietUntil, Taken, Within};
    let silent = |since| Is(Condition::Silent { since });
    let cases: Vec<(&str, Vec<Do>, Option<u64>)> = vec![
        ("nobody takes it", vec![], Some(20_000)),
        ("nobody takes it, connected from before", vec![At(100), silent(100)], Some(4_100)),
        ("silence", vec![Taken, At(1_000), silent(1_000)], Some(5_000)),
        ("no silence", vec![Taken, At(1_000), Is(Attended)], None),
        ("silence that ended", vec![Taken, silent(0), At(3_999), Is(Attended)], None),
        ("silence again", vec![Taken, silent(0), At(3_999), Is(Attended), At(5_000), silent(5_000)], Some(9_000)),
        ("a quiet session", vec![QuietUntil(30_000), silent(0)], Some(30_000)),
        ("short quiet", vec![QuietUntil(1_000), silent(0)], Some(4_000)),
        ("too long a quiet", vec![QuietUntil(999_000), silent(0)], Some(60_000)),
        ("quiet taken back", vec![QuietUntil(30_000), silent(0), At(10), Taken], Some(4_000)),
        ("ringing, taken, nothing under way", vec![Taken, At(500)], Some(20_000)),
        ("ringing, a route under way", vec![Asks(1, attach("c1"))], None),
        ("ringing and quiet", vec![QuietUntil(50_000)], Some(50_000)),
        ("with a person", vec![Taken, silent(0), At(10), Is(Routed), Ends(Over::Failed)], None),
        // A session that ended.
        ("finished, silent", vec![Taken, silent(0), At(700), Ends(Over::Finished)], Some(700)),
        ("finished, ringing", vec![Taken, At(700), Ends(Over::Finished)], Some(700)),
        ("failed in a treatment", vec![Asks(1, attach("c1")), Is(Attended), At(700), Ends(Over::Failed)], Some(700)),
        (
            "finished, a treatment still runs",
            vec![Asks(1, attach("c1")), Is(Attended), Ends(Over::Finished), At(9_000), Answer(1)],
            Some(9_000),
        ),
        ("finished, only music left", vec![Asks(1, music()), Is(Attended), At(700), Ends(Over::Finished)], Some(700)),
        ("finished, routed", vec![Asks(1, attach("c1")), Is(Attended), Ends(Over::Finished), At(9_000), Is(Routed), Answer(1)], None),
        ("finished, and quiet for ever", vec![QuietUntil(30_000), silent(0), At(700), Ends(Over::Finished)], Some(700)),
        // A host that died.
        ("dead host, silence before", vec![Taken, silent(0), At(3_000), Dies], Some(4_000)),
        ("dead host, quiet is void and counts from the death", vec![QuietUntil(30_000), silent(0), At(10_000), Dies], Some(14_000)),
        ("dead host in the instant in which the quiet ends", vec![QuietUntil(10_000), silent(0), Within(10_000), Dies], Some(14_000)),
        (
            "dead twice before anything came of the quiet's end",
            vec![QuietUntil(10_000), silent(0), Within(10_000), Dies, Within(10_020), LeadsAndHolds, Within(10_030), Dies],
            Some(14_000),
        ),
        (
            "dead host, the silence begins later",
            vec![QuietUntil(30_000), Is(Attended), At(1_000), Dies, At(2_000), silent(2_000)],
            Some(6_000),
        ),
        (
            "a host that comes back in time keeps its quiet",
            vec![QuietUntil(30_000), silent(0), At(10_000), Dies, At(13_999), LeadsAndHolds],
            Some(30_000),
        ),
        (
            "a quiet that ended while no host was there",
            vec![QuietUntil(10_000), silent(0), At(8_000), Dies, At(11_000), LeadsAndHolds],
            Some(12_000),
        ),
        (
            "the same, and the next primary says it again before it acts",
            vec![
                QuietUntil(10_000),
                silent(0),
                At(8_000),
                Dies,
                At(11_000),
                LeadsAndHolds,
                QuietUntil(10_000),
                At(11_100),
                QuietUntil(20_000),
            ],
            Some(20_000),
        ),
        (
            "the same, and it dies, too",
            vec![QuietUntil(10_000), silent(0), At(8_000), Dies, At(11_000), LeadsAndHolds, At(11_500), Dies],
            Some(12_000),
        ),
        ("dead host, treatment", vec![Taken, Is(Attended), Dies], None),
        ("taken before the death, as the next primary says", vec![Dies, At(100), LeadsAndHolds, Is(Attended)], None),
        // A session that the next primary does not know.
        ("forgotten, quiet", vec![QuietUntil(30_000), silent(0), At(3_000), Dies, At(3_100), Leads], Some(3_100)),
        ("forgotten, music", vec![Asks(1, music()), Is(Attended), At(3_000), Dies, At(3_100), Leads], Some(3_100)),
        ("forgotten, a treatment", vec![Asks(1, attach("c1")), Is(Attended), Dies, At(50), Leads, At(9_000), Answer(1)], Some(9_000)),
        ("forgotten, ringing", vec![Taken, At(50), Dies, At(100), Leads], Some(100)),
        ("forgotten, with a person", vec![Taken, Is(Routed), Dies, At(100), Leads], None),
        ("named once, and by no step, and then forgotten", vec![Dies, LeadsAndHolds, Is(Attended), Dies, At(90), Leads], Some(90)),
        ("nobody's when the next primary comes", vec![Dies, At(100), Leads], Some(20_000)),
    ];
    for (name, script, expected) in cases {
        assert_eq!(default_routed_at(&script), expected, "{name}");
    }
}

#[test]
fn the_session_hears_of_it_at_a_position_and_later_requests_fail() {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0)]);
    desk.frames(A);
    assert_eq!(desk.default_routed_by(30_000), Some((20_000, "9000".into())));
    let told = events(&desk.frames(A));
    assert_eq!((told[0].position, told[0].at), (2, 20_000));
    assert_eq!(told[0].body, EventBody::InteractionDefaultRouted("c1".into()));
    desk.says(A, [HostMessage::Step(step(1, 1, "c1", vec![(1, attach("c1"))]))]);
    assert_eq!(desk.acts(), []);
    assert_eq!(desk.verdicts(), [(1, crate::record::Verdict::Gone)]);
}

#[test]
fn each_routing_point_has_its_own_deadlines_and_no_number_is_without() {
    let points = [("8000".into(), RoutingPoint { default_route: "9001".into(), control_deadline_ms: 1, answer_deadline_ms: 50 })];
    for (points, expected) in [(points.into(), (50, "9001")), (Default::default(), (20_000, "9999"))] {
        let mut desk = Desk::with(Options { routing_points: points, ..options() }, keepsake());
        desk.core.reported(vec![added("c1", 0)]);
        assert_eq!(desk.default_routed_by(30_000), Some((expected.0, expected.1.into())));
    }
}

#[test]
fn the_record_says_until_when_a_session_means_to_be_quiet() {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0)]);
    desk.says(
        A,
        [quiet(step(1, 1, "c1", vec![]), 10_000), quiet(step(1, 2, "c1", vec![]), 10_000), HostMessage::Step(step(1, 3, "c1", vec![]))],
    );
    desk.acts();
    let untils: Vec<_> = desk
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Quiet { until, .. } => Some(*until),
            _ => None,
        })
        .collect();
    assert_eq!(untils, [Some(10_000), None], "news only");
    desk.core.reported(vec![added("c2", 0)]);
    let both = |seq| StepMessage { interactions: vec![held("c1", 1), held("c2", 1)], ..step(1, seq, "c1", vec![]) };
    desk.says(A, [quiet(step(1, 4, "c1", vec![]), 10_000), quiet(both(5), 10_000), quiet(both(6), 10_000)]);
    desk.acts();
    let of = |line: &Line| matches!(line, Line::Quiet { interactions, .. } if interactions.len() == 2);
    assert_eq!(desk.lines.iter().filter(|line| of(line)).count(), 1, "of another call, too");
}

#[test]
fn a_call_that_comes_back_to_a_finished_session_goes_to_its_default_route() {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0)]);
    desk.condition("c1", Condition::Routed);
    desk.says(A, [over(step(1, 1, "c1", vec![]), Over::Finished)]);
    assert_eq!(desk.acts(), []);
    desk.condition("c1", Condition::Silent { since: 0 });
    assert!(matches!(desk.acts()[..], [Order::DefaultRoute { .. }]));
}

#[test]
fn a_second_visit_is_nobodys_yet() {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0)]);
    desk.says(A, [HostMessage::Step(step(1, 1, "c1", vec![]))]);
    desk.acts();
    desk.core.pass_to(1_000);
    desk.core.reported(vec![visits("c1", 2, 1_000)]);
    assert_eq!(desk.acts(), []);
    desk.says(A, [over(step(1, 2, "", vec![]), Over::Failed)]);
    assert_eq!(desk.acts(), [], "the session of the first visit has no say any more");
    assert_eq!(desk.default_routed_by(100_000), Some((21_000, "9000".into())));
}

/// Session 1's primary is killed before its last step is sent, and the call moves on: the next primary sends that step.
#[test]
fn a_step_of_an_earlier_visit_does_nothing_to_the_present_one() {
    for (takes, how) in [(false, None), (true, None), (true, Some(Over::Finished)), (true, Some(Over::Failed))] {
        let mut desk = Desk::led();
        desk.core.reported(vec![added("c1", 0)]);
        desk.core.closed(A);
        desk.core.reported(vec![visits("c1", 2, 100)]);
        desk.greets(B, hello_of(101, 'b'));
        let reconcile = HostMessage::Reconcile { after: None, interactions: vec![held("c1", 1)], requests: vec![], more: false };
        let told = desk.says(B, [lead(2), reconcile]);
        let Some(GatewayMessage::Reconciled { interactions, .. }) = told.get(1) else { panic!("{told:?}") };
        assert_eq!(interactions[..], [(held("c1", 1), InteractionState::Gone)]);
        let of = |number, visit, requests| {
            let interactions = vec![held("c1", visit)];
            StepMessage { epoch: 2, interactions, ..step(number, 1, "c1", requests) }
        };
        if takes {
            desk.says(B, [HostMessage::Step(of(2, 2, vec![(1, play("c1", 10))]))]);
            assert_eq!(desk.acts().len(), 1);
        }
        let disconnect = RequestBody::Disconnect { interaction: "c1".into() };
        desk.says(B, [HostMessage::Step(StepMessage { over: how, ..of(1, 1, vec![(1, play("c1", 10)), (2, disconnect)]) })]);
        assert_eq!(desk.acts(), [], "{how:?}");
        let gone = events(&desk.frames(B));
        let is_gone = |event: &SwitchEvent| matches!(&event.body, EventBody::Failed(failure) if failure.code == ErrorCode::Gone);
        assert_eq!(
            gone.iter().filter(|event| is_gone(event)).map(|event| event.answers).collect::<Vec<_>>(),
            [Some(key(1, 1)), Some(key(1, 2))]
        );
        if takes {
            // It is still session 2's.
            desk.says(B, [HostMessage::Step(StepMessage { seq: 2, ..of(2, 2, vec![(2, play("c1", 10))]) })]);
            assert_eq!(desk.acts().len(), 1);
        } else {
            assert_eq!(desk.default_routed_by(100_000), Some((20_000, "9000".into())), "nobody has taken it");
        }
    }
}

#[test]
fn a_call_that_is_told_again_may_be_taken_again() {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0)]);
    desk.says(A, [quiet(step(1, 1, "c1", vec![]), 50_000)]);
    desk.acts();
    desk.core.closed(A);
    desk.core.pass_to(1_000);
    desk.greets(A, hello());
    desk.says(A, [lead(2), reconcile(None)]);
    assert_eq!(desk.acts(), []);
    assert_eq!(desk.default_routed_by(100_000), Some((20_000, "9000".into())), "its quiet went with its session");
}

/// What is done to the call `out`, made by session 1, by then.
fn hung_up_by(desk: &mut Desk, until: u64) -> Option<u64> {
    loop {
        if desk.acts().contains(&Order::HangUp { interaction: "out".into() }) {
            return Some(desk.core.now());
        }
        desk.core.pass_to(desk.core.next_due().filter(|due| *due <= until)?);
    }
}

#[test]
fn a_call_that_a_session_made_is_hung_up_when_nobody_serves_it() {
    let create = RequestBody::CreateCall(tandem_words::CreateCall { to: "555".into(), calling: "100".into(), ring_timeout_ms: 0 });
    let asks = || HostMessage::Step(step(1, 1, "", vec![(1, create.clone())]));
    let holding = |seq, requests| StepMessage { interactions: vec![Held { id: "out".into(), visit: None }], ..step(1, seq, "", requests) };
    // Over while it rang: the call that comes of it is nobody's.
    let mut desk = Desk::led();
    desk.says(A, [asks(), over(step(1, 2, "", vec![]), Over::Finished)]);
    desk.acts();
    desk.core.pass_to(2_000);
    desk.core.reported(made("out", 1, 2_000));
    assert_eq!(hung_up_by(&mut desk, 100_000), Some(6_000));
    for (last, expected) in [(Some(Over::Finished), 3_000), (Some(Over::Failed), 3_000), (None, 6_000)] {
        let mut desk = Desk::led();
        desk.says(A, [asks()]);
        desk.acts();
        desk.core.pass_to(2_000);
        desk.core.reported(made("out", 1, 2_000));
        desk.says(A, [HostMessage::Step(holding(3, vec![]))]);
        desk.acts();
        desk.core.pass_to(3_000);
        desk.says(A, last.map(|last| over(holding(4, vec![]), last)));
        assert_eq!(hung_up_by(&mut desk, 100_000), Some(expected), "{last:?}");
        assert!(events(&desk.frames(A)).iter().all(|event| !matches!(event.body, EventBody::InteractionDefaultRouted(_))));
    }
}
