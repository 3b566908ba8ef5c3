//! Callers of a small world, in which everything happens that the oracle must understand.

use serde_json::json;

use super::run::{Run, after, collect, default_routed, disconnect, gone, music, play, play_done, routed, sales};

type Act = (u64, Box<dyn FnOnce(&mut Run)>);

/// What happens, in order of time.
#[derive(Default)]
struct Script(Vec<Act>);

impl Script {
    fn at(&mut self, now: u64, act: impl FnOnce(&mut Run) + 'static) {
        self.0.push((now, Box::new(act)));
    }

    fn play(mut self, end_at: u64) -> Run {
        self.0.sort_by_key(|(now, _)| *now);
        let mut run = Run::begin();
        for (now, act) in self.0 {
            run.pass_to(now);
            act(&mut run);
        }
        run.end(end_at);
        run
    }

    /// Announced, queued for sales, answered by somebody there, and some talk.
    fn routed(&mut self, caller: u64, at: u64, answered_at: u64, who: &'static str, left_at: u64) {
        self.queued(caller, at);
        self.answered(caller, answered_at, who, left_at);
    }

    fn queued(&mut self, caller: u64, at: u64) {
        self.announced(caller, at);
        self.at(at + 2_000, move |run| to_sales(run, caller));
    }

    fn announced(&mut self, caller: u64, at: u64) {
        self.at(at, move |run| {
            run.arrive(caller, "8000");
            welcome(run, caller);
        });
    }

    fn answered(&mut self, caller: u64, at: u64, who: &'static str, left_at: u64) {
        let call = format!("c{caller}");
        self.at(at, move |run| {
            run.event(&call, None, Some(2), json!("done"));
            run.event(&call, None, Some(3), routed(&call, who));
            run.step(&call, json!("wait"), &[]);
            run.step(&call, json!("finish"), &[]);
            run.hears(&call, &json!({"person": {"who": who}}));
        });
        self.at(left_at, move |run| run.left(&format!("c{caller}"), "routed", "agent-hung-up"));
    }

    /// Waits for sales until it hangs up.
    fn abandoned(&mut self, caller: u64, at: u64, left_at: u64) {
        self.queued(caller, at);
        let call = format!("c{caller}");
        self.at(left_at, move |run| {
            run.event(&call, None, Some(3), gone());
            run.event(&call, None, Some(2), json!("done"));
            run.left(&call, "abandoned", "caller-hung-up");
            run.step(&call, json!("wait"), &[]);
            run.step(&call, json!("wait"), &[]);
            run.step(&call, json!("finish"), &[]);
        });
    }
}

fn welcome(run: &mut Run, caller: u64) {
    let call = format!("c{caller}");
    run.open(&call, 1);
    run.step(&call, json!("wait"), &[(1, play(&call, "welcome"))]);
    run.hears_treatment(&call, 1, "dialog.playsound welcome");
}

fn to_sales(run: &mut Run, caller: u64) {
    let call = format!("c{caller}");
    run.event(&call, None, Some(1), play_done());
    run.step(&call, json!("wait"), &[(2, music(&call)), (3, sales(&call))]);
    run.hears(&call, &json!("music"));
}

/// The world; `faults`: its host dies at 46 s, and another leads at 53 s.
pub fn world(faults: bool) -> Run {
    let mut script = Script::default();
    script.routed(1, 1_000, 10_000, "ann", 40_000);
    script.abandoned(3, 3_000, 30_000);
    survey(&mut script);
    quiet_one(&mut script);
    script.queued(10, 43_000);
    undeployed_and_failing(&mut script);
    finishing(&mut script);
    if faults {
        script.at(46_000, Run::unled);
        script.at(53_000, Run::led);
        given_up_and_late(&mut script);
        script.at(53_000, |run| run.receive("c10", 3, 2, &sales("c10"), "duplicate"));
        script.abandoned(7, 70_000, 76_000);
    } else {
        script.routed(5, 45_000, 50_000, "bob", 52_000);
        script.routed(6, 52_000, 55_000, "bob", 65_000);
        script.routed(7, 70_000, 73_000, "bob", 80_000);
    }
    script.answered(10, 57_000, "ann", 75_000);
    script.routed(11, 200_000, 203_000, "ann", 210_000);
    script.play(211_000)
}

/// Caller 2 is asked for a PIN, which the journal masks, and is hung up on; a late answer comes after the end.
fn survey(script: &mut Script) {
    script.at(2_000, |run| {
        run.arrive(2, "8000");
        run.open("c2", 1);
        run.step("c2", json!("wait"), &[(1, collect("c2"))]);
        run.hears_treatment("c2", 1, "dialog.collect pin");
    });
    script.at(9_000, |run| {
        run.event("c2", None, Some(1), json!({"dialog.collect.done": {"keys": "1234", "stopped_by": "max-digits"}}));
        run.step("c2", json!("finish"), &[(2, disconnect("c2"))]);
        let masked = run.journal.last_mut().and_then(|step| step.pointer_mut("/step/event/body/dialog.collect.done/keys"));
        *masked.expect("keys") = json!("****");
        run.event("c2", None, Some(2), json!("done"));
        run.step("c2", json!("late"), &[]);
        run.left("c2", "self-served", "strategy");
    });
}

/// Caller 4 hears nothing for 20 s, because the session means it.
fn quiet_one(script: &mut Script) {
    script.at(12_000, |run| {
        run.arrive(4, "8000");
        run.open("c4", 1);
        run.step("c4", json!("wait"), &[(1, after(20_000))]);
        run.quiet("c4", Some(32_000));
        run.hears("c4", &json!("silence"));
    });
    script.at(32_000, |run| {
        run.fire("c4", 1, json!("wait"), &[(2, play("c4", "bye"))]);
        run.quiet("c4", None);
        run.hears_treatment("c4", 2, "dialog.playsound bye");
    });
    script.at(34_000, |run| {
        run.event("c4", None, Some(2), play_done());
        run.step("c4", json!("wait"), &[(3, disconnect("c4"))]);
        run.event("c4", None, Some(3), json!("done"));
        run.left("c4", "self-served", "strategy");
        run.step("c4", json!("wait"), &[]);
        run.step("c4", json!("finish"), &[]);
    });
}

/// Caller 8 dials a number without a strategy; caller 9's fails.
fn undeployed_and_failing(script: &mut Script) {
    script.at(90_000, |run| run.arrive(8, "8888"));
    script.at(110_000, |run| {
        run.event("c8", None, None, default_routed("c8"));
        run.hears("c8", &json!("default-route"));
    });
    script.at(120_000, |run| run.left("c8", "default-routed", "caller-hung-up"));
    script.at(91_000, |run| {
        run.arrive(9, "8000");
        run.open("c9", 1);
        run.step("c9", json!({"failed": {"kind": "trap", "message": "unreachable"}}), &[]);
        run.event("c9", None, None, default_routed("c9"));
        run.hears("c9", &json!("default-route"));
    });
    script.at(95_000, |run| run.left("c9", "default-routed", "caller-hung-up"));
}

/// Caller 12's session finishes by its timer while the announcement plays: it hears no digit any more, but the answer it is owed.
fn finishing(script: &mut Script) {
    script.at(150_000, |run| {
        run.arrive(12, "8000");
        run.open("c12", 1);
        run.step("c12", json!("wait"), &[(1, play("c12", "long")), (2, after(1_000))]);
        run.hears_treatment("c12", 1, "dialog.playsound long");
    });
    script.at(151_000, |run| run.fire("c12", 2, json!("finish"), &[]));
    script.at(151_500, |run| {
        run.event("c12", None, None, json!({"interaction.digit": {"interaction": "c12", "key": "1"}}));
        run.forget("c12");
    });
    script.at(160_000, |run| {
        run.event("c12", None, Some(1), play_done());
        run.step("c12", json!("late"), &[]);
        run.event("c12", None, None, default_routed("c12"));
        run.hears("c12", &json!("default-route"));
    });
    script.at(170_000, |run| run.left("c12", "default-routed", "caller-hung-up"));
}

/// Nobody lives from 46 s to 53 s: caller 5 is given up, caller 6 comes and is served late.
fn given_up_and_late(script: &mut Script) {
    script.announced(5, 45_000);
    script.at(47_000, |run| {
        run.event("c5", None, Some(1), play_done());
        run.hears("c5", &json!("silence"));
    });
    script.at(51_000, |run| {
        run.event("c5", None, None, default_routed("c5"));
        run.hears("c5", &json!("default-route"));
    });
    script.at(52_000, |run| run.arrive(6, "8000"));
    script.at(53_000, |run| {
        run.step("c5", json!("wait"), &[]);
        run.step("c5", json!("finish"), &[]);
        welcome(run, 6);
    });
    script.at(55_000, |run| to_sales(run, 6));
    script.answered(6, 58_000, "bob", 80_000);
    script.at(60_000, |run| run.left("c5", "default-routed", "caller-hung-up"));
}
