//! The primary's side, case by case.

use std::collections::BTreeMap;

use tandem_synch_link::{Change, Held, PrimaryMessage, encoded_bytes};

use super::{ACKNOWLEDGES_WITHIN_MS, BufferLimits, Effect, KeepLimits, MAX_IN_FLIGHT_BYTES, Source};
use crate::testing::{digit, heard, kept, mark, opened, session};

fn source(buffer: BufferLimits) -> Source {
    Source::new(3, buffer, KeepLimits::default(), BTreeMap::new())
}

fn hear(source: &mut Source, now_ms: u64, position: u64) -> Vec<Effect> {
    let mut out = Vec::new();
    source.kept(now_ms, vec![heard(1, digit(position, "c1"))], Some(mark(1, position)), &mut out);
    out
}

fn effects(act: impl FnOnce(&mut Vec<Effect>)) -> Vec<Effect> {
    let mut out = Vec::new();
    act(&mut out);
    out
}

/// With one session, which the backup has.
fn level() -> Source {
    let mut source = source(BufferLimits::default());
    effects(|out| source.kept(0, vec![opened(1, 1)], None, out));
    effects(|out| source.connected(0, None, out));
    assert_eq!(effects(|out| source.acknowledged(1, out)), [Effect::Solo(false)]);
    assert!(source.is_settled());
    source
}

#[test]
fn without_a_backup_events_count_at_once_and_the_lease_says_so_from_the_beginning() {
    let mut source = source(BufferLimits::default());
    assert!(source.is_solo() && !source.is_connected());
    effects(|out| source.kept(0, vec![opened(1, 1)], None, out));
    assert_eq!(hear(&mut source, 0, 1), [Effect::Count(mark(1, 1))]);
}

#[test]
fn with_a_backup_an_event_counts_when_it_is_acknowledged() {
    let mut source = level();
    let sent = hear(&mut source, 0, 1);
    assert!(matches!(sent[..], [Effect::Send(PrimaryMessage::Change { seq: 2, .. })]) && !source.is_settled());
    hear(&mut source, 0, 2);
    assert_eq!(effects(|out| source.acknowledged(2, out)), [Effect::Count(mark(1, 1))]);
    assert_eq!(effects(|out| source.acknowledged(2, out)), []);
    assert_eq!(effects(|out| source.acknowledged(3, out)), [Effect::Count(mark(1, 2))]);
}

#[test]
fn when_the_backup_goes_the_lease_says_so_before_what_waited_counts() {
    let mut source = level();
    hear(&mut source, 0, 1);
    let lost = [Effect::Solo(true), Effect::Count(mark(1, 1))];
    assert_eq!(effects(|out| source.gone(out)), lost);
    assert_eq!(effects(|out| source.gone(out)), []);
    assert_eq!(hear(&mut source, 0, 2), [Effect::Count(mark(1, 2))]);
}

#[test]
fn a_backup_that_goes_while_nothing_waits_leaves_no_doubt() {
    let mut source = level();
    assert_eq!(effects(|out| source.gone(out)), []);
    assert!(!source.is_solo());
}

#[test]
fn a_backup_that_comes_back_gets_what_it_lacks() {
    let mut source = level();
    hear(&mut source, 0, 1);
    effects(|out| source.gone(out));
    hear(&mut source, 0, 2);
    let sent = effects(|out| source.connected(0, Some(Held { epoch: 3, seq: 2 }), out));
    assert!(matches!(sent[..], [Effect::Send(PrimaryMessage::Change { seq: 3, .. })]), "{sent:?}");
    assert!(!source.is_level() && source.is_solo());
    assert_eq!(effects(|out| source.acknowledged(3, out)), [Effect::Solo(false)]);
    assert!(source.is_settled());
    let nothing_new = effects(|out| source.connected(0, Some(Held { epoch: 3, seq: 3 }), out));
    assert!(nothing_new.is_empty() && source.is_settled());
}

#[test]
fn what_cannot_be_told_change_by_change_is_told_as_a_whole() {
    let one = encoded_bytes(&heard(1, digit(100, "c1")));
    for (have, why) in [
        (Held { epoch: 2, seq: 1 }, "of another epoch"),
        (Held { epoch: 3, seq: 99 }, "more than there is"),
        (Held { epoch: 3, seq: 1 }, "more was missed than may wait"),
    ] {
        let mut source = source(BufferLimits { bytes: 2 * one, age_ms: 1_000 });
        effects(|out| source.kept(0, vec![opened(1, 1)], None, out));
        (101..105).for_each(|position| drop(hear(&mut source, 0, position)));
        assert_eq!(source.buffered_bytes(), 2 * one);
        let sent = effects(|out| source.connected(0, Some(have), out));
        assert_eq!(sent[0], Effect::Send(PrimaryMessage::Begin), "{why}");
        assert_eq!(*sent.last().unwrap(), Effect::Send(PrimaryMessage::End { seq: 5 }));
    }
}

#[test]
fn what_waited_too_long_is_not_kept() {
    let mut source = level();
    effects(|out| source.gone(out));
    hear(&mut source, 1_000, 1);
    effects(|out| source.tick(601_000, out));
    assert!(source.buffered_bytes() > 0);
    effects(|out| source.tick(601_001, out));
    assert_eq!(source.buffered_bytes(), 0);
    let sent = effects(|out| source.connected(601_001, Some(Held { epoch: 3, seq: 1 }), out));
    assert_eq!(sent[0], Effect::Send(PrimaryMessage::Begin));
}

#[test]
fn a_backup_that_does_not_acknowledge_is_cut_off_and_calls_go_on() {
    let mut source = level();
    hear(&mut source, 1_000, 1);
    assert_eq!(effects(|out| source.tick(1_000 + ACKNOWLEDGES_WITHIN_MS, out)), []);
    let cut = effects(|out| source.tick(1_001 + ACKNOWLEDGES_WITHIN_MS, out));
    assert!(matches!(&cut[..], [Effect::Cut(why), Effect::Solo(true), Effect::Count(_)] if why.contains("did not acknowledge")), "{cut:?}");
    assert!(!source.is_connected());
}

#[test]
fn a_backup_that_does_not_keep_up_is_cut_off() {
    let mut source = level();
    let mut position = 0;
    let cut = loop {
        position += 1;
        let mut event = digit(position, "c1");
        event.interaction = Some("c".repeat(1 << 20).into());
        let mut out = Vec::new();
        source.kept(0, vec![heard(1, event)], None, &mut out);
        if let Some(Effect::Cut(why)) = out.pop() {
            break why;
        }
        assert!(position <= MAX_IN_FLIGHT_BYTES as u64 >> 20, "nothing bounds it");
    };
    assert!(cut.contains("does not keep up") && !source.is_connected());
}

#[test]
fn a_backup_that_acknowledges_what_was_not_sent_is_cut_off() {
    let mut source = level();
    assert!(matches!(effects(|out| source.acknowledged(2, out))[..], [Effect::Cut(_)]));
    let mut filling = source_with_sessions();
    assert!(matches!(effects(|out| filling.acknowledged(0, out))[..], [Effect::Cut(_)]), "before the full state is out");
}

/// The full state takes more than one part, and the first is out.
fn source_with_sessions() -> Source {
    let kept = (1..=9).map(|number| (session(number), kept(number))).collect();
    let mut source = Source::new(3, BufferLimits::default(), KeepLimits::default(), kept).in_parts_of(100);
    let sent = effects(|out| source.connected(0, None, out));
    assert!(!sent.iter().any(|effect| matches!(effect, Effect::Send(PrimaryMessage::End { .. }))));
    source
}

#[test]
fn while_the_full_state_is_on_its_way_events_count_alone() {
    let mut source = source_with_sessions();
    let effects = hear(&mut source, 0, 1);
    assert!(effects.contains(&Effect::Count(mark(1, 1))) && source.is_solo());
}

#[test]
fn an_event_that_changes_nothing_waits_for_what_came_before_it() {
    let mut source = level();
    let nobody = |source: &mut Source, position| effects(|out| source.kept(0, Vec::new(), Some(mark(1, position)), out));
    assert_eq!(nobody(&mut source, 1), [Effect::Count(mark(1, 1))]);
    hear(&mut source, 0, 2);
    assert_eq!(nobody(&mut source, 3), []);
    assert_eq!(effects(|out| source.acknowledged(2, out)), [Effect::Count(mark(1, 2)), Effect::Count(mark(1, 3))]);
}

fn is_missed(effect: &Effect) -> bool {
    matches!(effect, Effect::Send(PrimaryMessage::Change { change: Change::Missed(_), .. }))
}

#[test]
fn that_events_are_lost_is_told_once_of_each_session_and_the_backup_is_behind_until_it_has_it() {
    let mut source = level();
    effects(|out| source.kept(0, vec![opened(2, 1)], None, out));
    effects(|out| source.acknowledged(2, out));
    assert!(!source.is_behind());
    let told = effects(|out| source.missed(0, out));
    assert!(told.len() == 2 && told.iter().all(is_missed), "{told:?}");
    assert!(source.is_behind() && source.keeper().behind(None).all(|kept| kept.partial));
    assert_eq!(effects(|out| source.missed(0, out)), [], "once");
    assert_eq!(effects(|out| source.acknowledged(3, out)), []);
    assert!(source.is_behind(), "of the first only");
    assert_eq!(effects(|out| source.acknowledged(4, out)), []);
    assert!(!source.is_behind() && !source.is_solo());
    assert_eq!(effects(|out| source.gone(out)), [], "it has it");
}

#[test]
fn a_backup_that_goes_before_it_knows_what_was_lost_is_not_to_trust_its_copy() {
    let mut source = level();
    effects(|out| source.missed(0, out));
    assert_eq!(effects(|out| source.gone(out)), [Effect::Solo(true)]);
    // It comes back with what it had, and is told.
    let told = effects(|out| source.connected(0, Some(Held { epoch: 3, seq: 1 }), out));
    assert!(matches!(&told[..], [told] if is_missed(told)), "{told:?}");
    assert_eq!(effects(|out| source.acknowledged(2, out)), [Effect::Solo(false)]);
}

#[test]
fn what_is_lost_while_no_backup_could_be_told_is_said_in_the_lease() {
    let mut alone = level();
    effects(|out| alone.gone(out));
    assert!(!alone.is_solo());
    assert_eq!(effects(|out| alone.missed(0, out)), [Effect::Solo(true)]);

    let mut filling = level().in_parts_of(1);
    effects(|out| filling.kept(0, vec![opened(2, 1)], None, out));
    effects(|out| filling.acknowledged(2, out));
    effects(|out| filling.gone(out));
    // The first session's part is out.
    assert_eq!(effects(|out| filling.connected(0, None, out)).len(), 2);
    let told = effects(|out| filling.missed(0, out));
    assert!(matches!(&told[..], [first, Effect::Solo(true)] if is_missed(first)), "{told:?}");
    let rest = effects(|out| filling.more(0, out));
    assert!(matches!(&rest[..], [Effect::Send(PrimaryMessage::Kept(second)), Effect::Send(_)] if second.partial), "{rest:?}");
}

#[test]
fn where_nothing_is_kept_nothing_is_missed() {
    let mut source = source(BufferLimits::default());
    effects(|out| source.connected(0, None, out));
    effects(|out| source.acknowledged(0, out));
    assert_eq!(effects(|out| source.missed(0, out)), []);
    assert!(!source.is_behind() && !source.is_solo());
}
