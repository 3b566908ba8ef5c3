//! A session whose claim is somebody else's never was (P1).

use tandem_session::Input;
use tandem_words::EventBody;

use crate::rig::{Rig, digit, opening, player, session_in};

#[test]
fn a_session_that_lost_its_claim_leaves_no_trace_whatever_it_did_ahead() {
    let mut rig = Rig::new(player());
    let owner = rig.call(1, 100);
    rig.settle();
    rig.sent.clear();
    // The same visit again, as a backlog would tell it; the session runs ahead over several batches.
    let claim = rig.disk.records(owner).first().cloned();
    let Some(tandem_journal::Record::Opened(first)) = claim else { panic!() };
    let late = session_in(1, 2);
    let added = rig.switch_event(200, EventBody::InteractionAdded(crate::rig::interaction(&"c1".into())));
    rig.input(Input::Open(Box::new(opening(late, first.claim, 200)), Some(added)));
    for at in 0..6 {
        rig.event(late, 300 + at, digit(1, "1"));
    }
    rig.commit_rows(3);
    assert!(rig.worker.state(late).is_none());
    rig.event(late, 400, digit(1, "2"));
    rig.settle();
    assert_eq!(rig.disk.sessions(), [owner]);
    assert!(rig.sent.is_empty(), "{:?}", rig.sent);
    assert_eq!(rig.w(), 9, "its events are done with");
    assert_eq!(rig.guests.sessions(), [owner]);
    assert_eq!(rig.worker.wake_at(), None);
}
