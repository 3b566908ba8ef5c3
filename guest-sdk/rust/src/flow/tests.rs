//! Flows against the desk: what a polled `async fn` asks for, event by event.

use std::{cell::Cell, rc::Rc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    CallEnd, Collect, Digits, EndCause, Error, ErrorCode, EventBody, Failure, Gap, Manifest, Message, Next, Restart, RestartCause, Result,
    Route, StoppedBy,
    flow::{Call, Flow, Session, join, state::MAX_UNREAD},
    select,
    testing::{Desk, flow},
};

macro_rules! flow {
    ($name:ident, $call:ident => $body:block) => {
        struct $name;
        impl Flow for $name {
            fn manifest() -> Manifest {
                Manifest::new("test", "1").parameter("group", "", "agents")
            }
            async fn run($call: Call) -> Result<()> $body
        }
    };
}

fn asked(lines: &[&str]) -> (Result<Next, String>, Vec<String>) {
    (Ok(Next::Wait), lines.iter().map(|line| (*line).to_owned()).collect())
}

fn finished(lines: &[&str]) -> (Result<Next, String>, Vec<String>) {
    (Ok(Next::Finish), asked(lines).1)
}

fn played() -> EventBody {
    EventBody::PlayDone(StoppedBy::End)
}

fn failed(code: ErrorCode) -> EventBody {
    EventBody::Failed(Failure { code, message: "so it is".into() })
}

fn called<F: Flow>() -> (Desk<Session<F>>, Vec<String>) {
    let mut desk = flow::<F>(&[]).unwrap();
    let (next, lines) = desk.call("c1");
    assert_eq!(next, Ok(Next::Wait));
    (desk, lines)
}

const PLAY: &str = "play c1 [Prompt::Sound(\"a\")] interruptible=true";

#[test]
fn a_flow_goes_on_with_each_answer_and_ends_the_session() {
    flow!(Simple, call => {
        call.play("a").await?;
        let digits = call.collect(Collect::digits(1)).await?;
        call.attach("choice", &digits.keys).await?;
        call.route(Route::group(call.parameter("group").unwrap_or_default())).await?;
        Ok(())
    });
    let (mut desk, lines) = called::<Simple>();
    assert_eq!(lines, [PLAY]);
    assert_eq!(desk.tell(Some(1), played()), asked(&["collect c1 [] 1-1"]));
    assert_eq!(desk.tell(Some(9), played()), asked(&[]), "an answer to nothing changes nothing");
    let digits = Digits { keys: "3".into(), stopped_by: StoppedBy::MaxDigits };
    assert_eq!(desk.tell(Some(2), EventBody::CollectDone(digits)), asked(&["attach c1 choice=3"]));
    assert_eq!(desk.tell(Some(3), EventBody::Done), asked(&["route c1 [Target::Group(\"agents\")] priority=0 credit=0"]));
    assert_eq!(desk.tell(Some(4), failed(ErrorCode::TimedOut)), (Err("TimedOut: so it is".into()), vec![]));
    assert_eq!(desk.press('1'), finished(&[]), "a flow that is over stays over");
}

#[test]
fn the_end_of_the_call_ends_a_simple_flow_and_after_call_work_goes_on() {
    flow!(Simple, call => {
        call.play("a").await?;
        call.disconnect().await
    });
    flow!(Careful, call => {
        let error = call.play("a").await.err();
        assert_eq!(error, Some(Error::CallEnded(CallEnd::Deleted(EndCause::CallerHungUp))));
        call.sleep(Duration::from_secs(1)).await?;
        let digit = call.digit().await;
        assert!(digit.is_err_and(|e| e.is_call_ended()), "no digit can come any more");
        call.milestone("after-call");
        call.play("a").await.map(|_| ())
    });
    let (mut desk, _) = called::<Simple>();
    assert_eq!(desk.hang_up(), finished(&["cancel 1"]));
    let (mut desk, _) = called::<Simple>();
    assert_eq!(desk.tell(Some(1), EventBody::PlayDone(StoppedBy::HangUp)), asked(&[]), "the treatment tells it first");
    assert_eq!(desk.hang_up(), finished(&[]));
    let (mut desk, _) = called::<Simple>();
    assert_eq!(desk.tell(None, EventBody::InteractionDefaultRouted("c1".into())), finished(&["cancel 1"]));

    let (mut desk, _) = called::<Careful>();
    assert_eq!(desk.hang_up(), asked(&["cancel 1", "after 1000"]));
    assert_eq!(desk.tell(Some(2), EventBody::TimerFired), asked(&["milestone after-call", PLAY]));
    assert_eq!(desk.tell(Some(3), failed(ErrorCode::Gone)), finished(&[]));
}

#[test]
fn select_takes_the_first_branch_that_is_ready_and_cancels_the_others() {
    flow!(Chooser, call => {
        loop {
            select! {
                key = call.digit() => {
                    call.milestone(&format!("key {}", key?));
                }
                _ = call.sleep(Duration::from_secs(5)) => call.milestone("silence"),
                message = call.message() => { call.milestone(&message?.name) }
                end = call.hung_up() => {
                    call.milestone(&format!("{end:?}"));
                    return Ok(());
                }
            }
        }
    });
    let (mut desk, lines) = called::<Chooser>();
    assert_eq!(lines, ["after 5000"]);
    assert_eq!(desk.press('7'), asked(&["cancel 1", "milestone key 7", "after 5000"]));
    assert_eq!(desk.tell(Some(2), EventBody::TimerFired), asked(&["milestone silence", "after 5000"]));
    let message = Message { sender: "1-1-2".into(), name: "hello".into(), json: "{}".into() };
    assert_eq!(desk.tell(None, EventBody::Message(message)), asked(&["cancel 3", "milestone hello", "after 5000"]));
    assert_eq!(desk.hang_up(), finished(&["cancel 4", "milestone Deleted(EndCause::CallerHungUp)"]));
}

#[test]
fn a_future_kept_by_reference_survives_a_select() {
    flow!(Keeper, call => {
        let mut limit = call.sleep(Duration::from_secs(60));
        let mut keys = String::new();
        loop {
            select! {
                key = call.digit() => keys.push(key?),
                _ = &mut limit => break,
            }
        }
        call.attach("keys", keys).await
    });
    let (mut desk, lines) = called::<Keeper>();
    assert_eq!(lines, ["after 60000"]);
    assert_eq!((desk.press('1'), desk.press('2')), (asked(&[]), asked(&[])));
    assert_eq!(desk.tell(Some(1), EventBody::TimerFired), asked(&["attach c1 keys=12"]));
}

#[test]
fn joined_futures_wake_each_other_and_share_the_end_of_the_call() {
    flow!(Joined, call => {
        let done = Rc::new(Cell::new(false));
        let talk = async {
            let outcome = call.play("a").await;
            done.set(true);
            outcome
        };
        let watch = async {
            let end = call.hung_up().await;
            call.milestone("heard");
            end
        };
        let (outcome, end) = join(talk, watch).await;
        assert!(done.get() && outcome.is_err_and(|e| e == Error::CallEnded(end)));
        Ok(())
    });
    let (mut desk, _) = called::<Joined>();
    assert_eq!(desk.hang_up(), finished(&["milestone heard", "cancel 1"]));
}

#[test]
fn a_checkpoint_begins_again_alike_with_and_without_recovery() {
    #[derive(Serialize, Deserialize)]
    struct Round(u32);
    flow!(Rounds, call => {
        let Round(round) = call.resumed()?.unwrap_or(Round(0));
        let _music = call.music("hold");
        let key = call.digit().await?;
        call.milestone(&format!("round {round} {key}"));
        call.checkpoint(&Round(round + 1)).await?;
        Ok(())
    });
    for recovered in [false, true] {
        let (mut desk, lines) = called::<Rounds>();
        assert_eq!((lines, desk.snapshot()), (vec!["music c1 hold".to_owned()], None));
        let (next, lines) = desk.press('1');
        assert_eq!((next, lines), (Ok(Next::Checkpoint), ["milestone round 0 1", "cancel 1", "after 1"].map(String::from).to_vec()));
        if recovered {
            assert!(desk.restore().unwrap());
        }
        assert_eq!(desk.press('2'), asked(&[]), "nothing is asked for before the checkpoint's own event");
        assert_eq!(desk.tell(Some(1), failed(ErrorCode::Cancelled)), asked(&[]), "answers of the old run are nobody's");
        let (next, lines) = desk.tell(Some(2), EventBody::TimerFired);
        assert_eq!((next, lines[0].as_str(), lines[1].as_str()), (Ok(Next::Checkpoint), "music c1 hold", "milestone round 1 2"));
    }
}

#[test]
fn dropping_a_session_asks_for_nothing_and_a_detached_request_lives_on() {
    flow!(Holder, call => {
        call.music("hold").detach();
        call.sleep(Duration::from_secs(1)).await?;
        call.play("a").await.map(|_| ())
    });
    let (desk, lines) = called::<Holder>();
    assert_eq!(lines, ["music c1 hold", "after 1000"]);
    drop(desk);
    let mut desk = flow::<Holder>(&[]).unwrap();
    assert_eq!(desk.call("c1"), asked(&["music c1 hold", "after 1000"]), "the drop before noted nothing");
}

#[test]
fn a_restarted_flow_waits_for_its_interaction_unless_it_is_missing() {
    flow!(Again, call => {
        assert!(call.restarted().is_some());
        call.play(if call.interaction().is_some() { "a" } else { "b" }).await.map(|_| ())
    });
    let restart = |partial| {
        let restart = Restart { interaction: Some("c1".into()), cause: RestartCause::NotPersisted, partial };
        EventBody::SessionRestarted(restart)
    };
    let mut desk = flow::<Again>(&[]).unwrap();
    assert_eq!(desk.tell(None, restart(false)), asked(&[]));
    assert_eq!(desk.call("c1"), asked(&[PLAY]));
    let mut desk = flow::<Again>(&[]).unwrap();
    assert_eq!(desk.tell(None, restart(true)), asked(&["play c1 [Prompt::Sound(\"b\")] interruptible=true"]));
}

#[test]
fn unread_events_are_bounded_and_read_in_order() {
    flow!(Late, call => {
        call.play("a").await?;
        let first = call.event().await?;
        call.milestone(&format!("{:?}", first.body));
        Ok(())
    });
    let (mut desk, _) = called::<Late>();
    for since in 0..=MAX_UNREAD as u64 {
        desk.tell(None, EventBody::Gap(Gap { interaction: None, since })).0.unwrap();
    }
    assert_eq!(desk.tell(Some(1), played()), finished(&["milestone EventBody::Gap(Gap { interaction: None, since: 1 })"]));
}

#[test]
fn a_flow_that_wakes_itself_for_ever_fails_its_step() {
    flow!(Spinner, _call => {
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            std::task::Poll::<()>::Pending
        })
        .await;
        Ok(())
    });
    let mut desk = flow::<Spinner>(&[]).unwrap();
    assert!(desk.call("c1").0.is_err_and(|error| error.contains("woke itself")));
}

#[test]
fn whoever_awaits_the_end_hears_of_it_first() {
    flow!(Watcher, call => {
        select! {
            routed = call.route(Route::group("agents")) => { routed?; }
            end = call.hung_up() => call.milestone(&format!("{end:?}")),
        }
        Ok(())
    });
    let (mut desk, _) = called::<Watcher>();
    assert_eq!(desk.tell(Some(1), failed(ErrorCode::Gone)), asked(&[]), "how it ended is not known yet");
    assert_eq!(desk.hang_up(), finished(&["milestone Deleted(EndCause::CallerHungUp)"]));
    let (mut desk, _) = called::<Watcher>();
    assert_eq!(desk.hang_up(), finished(&["cancel 1", "milestone Deleted(EndCause::CallerHungUp)"]));
}

#[test]
fn an_end_that_nobody_awaits_any_more_interrupts_the_rest() {
    flow!(Distracted, call => {
        let mut end = call.hung_up();
        select! {
            _ = &mut end => return Ok(()),
            key = call.digit() => { key?; }
        }
        call.play("a").await.map(|_| ())
    });
    let (mut desk, _) = called::<Distracted>();
    assert_eq!(desk.press('1'), asked(&[PLAY]));
    assert_eq!(desk.hang_up(), finished(&["cancel 1"]));
}
