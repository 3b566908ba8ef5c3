//! Switch time beside sessions that wait for their restart.

use super::*;
use crate::{RestartOptions, testing::kept};

/// Three sessions start again, one each 50 ms.
fn link() -> Link {
    let mut link = Link::new();
    let options = RestartOptions { quota: 1, ..RestartOptions::default() };
    link.primary.set_restarts(Restarts::new(options, [1, 2, 3].map(|number| kept(number).opening).into(), [].into(), true));
    link.lead(1);
    link.reconcile(Stock::default(), 1, vec![], vec![]);
    link
}

fn idle(seq: u64, wake_at: Option<u64>) -> Option<Directive> {
    Some(Directive::Send(HostMessage::Idle { seq, wake_at }))
}

#[test]
fn while_sessions_wait_switch_time_is_no_faster_than_real_time() {
    let mut link = link();
    assert_eq!(names(&link.primary.tick(1_000)), ["restart"]);
    assert_eq!(link.primary.idle(Some(95_000)), idle(3, Some(90_050)), "till the next of them starts again");
    link.take(vec![GatewayMessage::Clock { now: 90_050 }]);
    for now_ms in [1_001, 1_049] {
        assert!(link.primary.tick(now_ms).is_empty());
        assert_eq!(link.primary.idle(Some(95_000)), None, "the switch was faster, and waits");
    }
    assert_eq!(names(&link.primary.tick(1_050)), ["restart"]);
    assert_eq!(link.primary.idle(Some(90_070)), idle(4, Some(90_070)), "a timer is earlier");
    link.take(vec![GatewayMessage::Clock { now: 90_070 }]);
    assert_eq!(names(&link.primary.tick(1_100)), ["restart"]);
    assert_eq!(link.primary.idle(Some(95_000)), idle(5, Some(95_000)), "nobody waits any more");
}

#[test]
fn those_that_are_dropped_hold_up_no_time() {
    let mut link = link();
    link.primary.tick(1_000);
    link.take(vec![GatewayMessage::Clock { now: 90_050 }]);
    assert_eq!(link.primary.idle(None), None);
    [2, 3].into_iter().for_each(|number| link.primary.over(session(number)));
    assert_eq!(link.primary.idle(None), idle(4, None));
}
