//! One ended session in a hundred is replayed alone (P10).

use tandem_native_guests::{Act, Script};
use tandem_words::EventBody;

use crate::rig::{Rig, deleted, digit, script};

/// Sets a timer, of another length in a replay where it `differs`; the call's end is its own.
fn ends(differs: bool) -> Script {
    script(move |_, event, ask| match &event.body {
        EventBody::InteractionAdded(_) => {
            ask.after(if differs && ask.is_replay() { 2_000 } else { 1_000 });
            Act::Wait
        }
        EventBody::InteractionDeleted(_) => Act::Finish,
        EventBody::Digit(_) => Act::Error("no".to_owned()),
        _ => Act::Wait,
    })
}

#[test]
fn one_ended_session_in_a_hundred_is_replayed_and_one_that_differs_isolates_its_version() {
    for differs in [false, true] {
        let mut rig = Rig::new(ends(differs));
        let session = rig.call(99, 100);
        rig.event(session, 200, deleted(99));
        rig.commit();
        assert!(rig.loads.is_empty(), "it is none of the hundred");
        let session = rig.call(100, 300);
        rig.event(session, 400, deleted(100));
        rig.commit();
        assert_eq!(rig.loads.len(), 1);
        rig.settle();
        assert_eq!(
            rig.differed.iter().any(|told| told.contains("101-1-100") && told.contains("replaying step 1")),
            differs,
            "{:?}",
            rig.differed
        );
        assert!(rig.worker.state(session).is_none() && rig.guests.memory(session).is_none(), "nothing is left of it");
        let (one, other) = (rig.call(101, 500), rig.call(102, 500));
        assert_eq!(rig.guests.are_neighbours(one, other), !differs);
        assert_eq!(rig.disk.steps(session).len(), 2, "its journal stands");
    }
}

#[test]
fn a_failed_session_is_a_sample_as_far_as_it_ran_well() {
    let mut rig = Rig::new(ends(false));
    let session = rig.call(100, 100);
    rig.event(session, 200, digit(100, "e"));
    rig.settle();
    assert_eq!((rig.differed.len(), rig.guests.counts().replayed_starts), (0, 1));
}
