use expect_test::expect;
use tandem_words::{CollectOptions, Prompt, RequestBody};

use crate::simulated::Options;
use crate::simulated::testing::*;

#[test]
fn the_first_treatment_answers_and_the_second_waits_for_it() {
    Bench::ringing().ask(play("hello", false)).run(500).ask(play("goodbye", false)).run(9_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        2000 c1 dialog.playsound.done #1 End
        2000 c1 hears #2 dialog.playsound goodbye
        4000 c1 dialog.playsound.done #2 End
        4000 c1 is silent since 4000
        4000 c1 hears Silence
    "#]]);
}

#[test]
fn music_gives_way_to_a_treatment_and_comes_back() {
    Bench::ringing().ask(music()).ask(play("hello", false)).run(3_000).cancel(1).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears Music
        0 c1 hears #2 dialog.playsound hello
        2000 c1 dialog.playsound.done #2 End
        2000 c1 hears Music
        3000 c1 error #1 Cancelled
        3000 c1 is silent since 3000
        3000 c1 hears Silence
    "#]]);
}

#[test]
fn other_music_takes_the_place_of_the_first() {
    Bench::ringing().ask(music()).ask(music()).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears Music
        0 c1 done #1
    "#]]);
}

#[test]
fn a_key_stops_an_interruptible_prompt_and_counts_for_the_next_collect() {
    Bench::ringing().ask(play("hello", true)).run(700).press("4").ask(collect(2)).run(800).press("2").check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        700 c1 interaction.digit 4
        700 c1 dialog.playsound.done #1 Digit
        700 c1 is silent since 700
        700 c1 hears Silence
        700 c1 is Attended
        700 c1 hears #2 dialog.collect menu
        800 c1 dialog.collect.done #2 "42" MaxDigits
        800 c1 is silent since 800
        800 c1 hears Silence
    "#]]);
}

#[test]
fn a_key_does_not_stop_what_cannot_be_interrupted_and_is_told_at_once() {
    Bench::ringing().ask(play("hello", false)).run(700).press("4").run(3_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        700 c1 interaction.digit 4
        2000 c1 dialog.playsound.done #1 End
        2000 c1 is silent since 2000
        2000 c1 hears Silence
    "#]]);
}

#[test]
fn a_collect_that_flushes_forgets_what_was_pressed_before() {
    let RequestBody::Collect { call, options } = collect(1) else { unreachable!() };
    let flushing = RequestBody::Collect { call, options: CollectOptions { flush: true, ..options } };
    Bench::ringing().ask(play("hello", false)).run(700).press("4").ask(flushing).run(60_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        700 c1 interaction.digit 4
        2000 c1 dialog.playsound.done #1 End
        2000 c1 hears #2 dialog.collect menu
        9000 c1 dialog.collect.done #2 "" NoInput
        9000 c1 is silent since 9000
        9000 c1 hears Silence
    "#]]);
}

#[test]
fn a_collect_ends_by_terminator_in_time_or_with_enough() {
    Bench::ringing().ask(collect(5)).run(1_000).press("12#").check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.collect menu
        1000 c1 dialog.collect.done #1 "12" Terminator
        1000 c1 is silent since 1000
        1000 c1 hears Silence
    "#]]);
    Bench::ringing().ask(collect(5)).run(1_000).press("12").run(5_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.collect menu
        4000 c1 dialog.collect.done #1 "12" End
        4000 c1 is silent since 4000
        4000 c1 hears Silence
    "#]]);
}

#[test]
fn a_recording_ends_by_the_hash_key_or_by_its_length() {
    Bench::ringing().ask(record(0)).run(1_500).press("1#").check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.recording
        1500 c1 interaction.digit 1
        1500 c1 dialog.recording.done #1 recording:101-1-1-1-1/wish 1500 ms
        1500 c1 is silent since 1500
        1500 c1 hears Silence
    "#]]);
    Bench::ringing().ask(record(800)).run(1_500).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.recording
        800 c1 dialog.recording.done #1 recording:101-1-1-1-1/wish 800 ms
        800 c1 is silent since 800
        800 c1 hears Silence
    "#]]);
}

#[test]
fn what_is_cancelled_answers_so_whether_it_runs_or_waits() {
    Bench::ringing()
        .ask(collect(3))
        .ask(play("hello", false))
        .ask(record(0))
        .run(100)
        .press("1")
        .cancel(2)
        .cancel(1)
        .run(400)
        .cancel(3)
        .cancel(3)
        .check(expect![[r#"
            0 c1 interaction.party-changed caller 555 Connected
            0 c1 is Attended
            0 c1 hears #1 dialog.collect menu
            100 c1 dialog.playsound.done #2 Cancelled
            100 c1 dialog.collect.done #1 "1" Cancelled
            100 c1 hears #3 dialog.recording
            400 c1 dialog.recording.done #3 recording:101-1-1-1-3/wish 300 ms
            400 c1 is silent since 400
            400 c1 hears Silence
        "#]]);
}

#[test]
fn what_cannot_be_treated_is_refused_and_leaves_the_call_ringing() {
    let options = Options { sounds: Some(["hello".to_owned()].into()), ..options() };
    let mut bench = Bench::with(options, vec![plan()]);
    bench.ask(play("helo", false)).ask(collect(1)).ask(RequestBody::Music { call: c1(), name: "waltz".into() });
    bench.check(expect![[r#"
        0 c1 error #1 NotFound
        0 c1 error #2 NotFound
        0 c1 error #3 NotFound
    "#]]);
    Bench::ringing().ask(collect(0)).ask(RequestBody::After { delay_ms: 1 }).check(expect![[r#"
        0 c1 error #1 Rejected
        0 - error #2 Unsupported
    "#]]);
}

#[test]
fn an_empty_announcement_ends_in_its_own_instant() {
    let nothing = RequestBody::Play { call: c1(), prompts: Vec::<Prompt>::new(), interruptible: false };
    Bench::ringing().ask(nothing).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 dialog.playsound.done #1 End
        0 c1 is silent since 0
        0 c1 hears #1 dialog.playsound
        0 c1 hears Silence
    "#]]);
}

#[test]
fn queued_treatments_and_keys_pressed_ahead_are_bounded() {
    let mut options = options();
    options.limits.queued_treatments = 1;
    options.limits.type_ahead = 2;
    let mut bench = Bench::with(options, vec![plan()]);
    bench.ask(play("hello", false)).ask(play("hello", false)).ask(play("hello", false)).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        0 c1 error #3 OverLimit
    "#]]);
    bench.press("123").run(10_000).log.clear();
    bench.ask(collect(9)).run(13_000).check(expect![[r#"
        10000 c1 is Attended
        10000 c1 hears #4 dialog.collect menu
        13000 c1 dialog.collect.done #4 "12" End
        13000 c1 is silent since 13000
        13000 c1 hears Silence
    "#]]);
}
