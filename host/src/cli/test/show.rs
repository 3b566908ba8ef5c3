//! Results for people.

use super::run::{Play, ScenarioResult, SuiteResult};
use crate::lab::{scenario::words, trial::Mode};

/// All of it, in lines. `verbose`: with what happened in each call.
pub(super) fn results(suites: &[SuiteResult], verbose: bool) -> String {
    let mut text = String::new();
    for suite in suites.iter().filter(|suite| !suite.scenarios.is_empty()) {
        text += &format!("{} ({})\n", suite.name, suite.from);
        for scenario in &suite.scenarios {
            text += &one(scenario, verbose);
        }
    }
    text + &summary(suites)
}

fn one(scenario: &ScenarioResult, verbose: bool) -> String {
    let mark = if scenario.is_good() { "ok  " } else { "FAIL" };
    let lasted = scenario.plays.first().map(|play| words::time(play.lasted_ms)).unwrap_or_default();
    let mut text = format!("  {mark}  {:<24} {lasted}\n", scenario.name());
    if let Some(why) = &scenario.unreadable {
        text += &indented(&format!("{}: {why}", scenario.path));
    }
    for play in &scenario.plays {
        text += &failure(scenario, play);
    }
    if let Some(play) = scenario.plays.first().filter(|play| verbose && play.failure.is_none()) {
        text += &indented(&play.timeline.join("\n"));
    }
    text
}

fn failure(scenario: &ScenarioResult, play: &Play) -> String {
    match &play.failure {
        Some(failure) => indented(&format!("{}, {}", scenario.path, play.mode.name())) + &indented(failure),
        None => String::new(),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}\n")).collect()
}

fn summary(suites: &[SuiteResult]) -> String {
    let scenarios = || suites.iter().flat_map(|suite| &suite.scenarios);
    let (all, bad) = (scenarios().count(), scenarios().filter(|scenario| !scenario.is_good()).count());
    let took: u128 = scenarios().flat_map(|scenario| &scenario.plays).map(|play| play.took.as_millis()).sum();
    // One that names an agent: the others would find that one busy.
    let among = scenarios().filter(|scenario| scenario.plays.iter().any(|play| play.mode == Mode::AmongOthers)).count();
    let others = if among == all { "among others".to_owned() } else { format!("{among} of them among others") };
    match (all, bad) {
        (0, _) => "no scenario was played\n".to_owned(),
        (all, 0) => format!("{all} scenarios passed: alone, restored, {others}, with a dying host ({took} ms)\n"),
        (all, bad) => format!("{bad} of {all} scenarios failed ({took} ms)\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;

    fn play(mode: Mode, failure: Option<&str>) -> Play {
        let timeline = vec!["09:30:00.000  caller dials 8000".to_owned()];
        Play { mode, failure: failure.map(str::to_owned), timeline, lasted_ms: 3_500, took: Duration::ZERO }
    }

    fn scenario(path: &str, plays: Vec<Play>) -> ScenarioResult {
        ScenarioResult { path: path.to_owned(), unreadable: None, plays }
    }

    #[test]
    fn a_scenario_that_was_not_played_among_others_is_not_counted_so() {
        let whole = scenario("menu/whole.scenario", Mode::ALL.map(|mode| play(mode, None)).into());
        let alone = scenario("menu/alone.scenario", vec![play(Mode::Alone, None), play(Mode::Restored, None), play(Mode::Dying, None)]);
        let suite = |scenarios| SuiteResult { name: "menu".to_owned(), from: "built in".to_owned(), scenarios };
        let told = results(&[suite(vec![whole, alone])], false);
        assert!(told.ends_with("2 scenarios passed: alone, restored, 1 of them among others, with a dying host (0 ms)\n"), "{told}");
    }

    #[test]
    fn a_failure_stands_below_its_scenario() {
        let good = scenario("menu/good.scenario", vec![play(Mode::Alone, None), play(Mode::Restored, None)]);
        let bad = scenario("menu/bad.scenario", vec![play(Mode::Alone, None), play(Mode::Restored, Some("line 3: expect end\n    hint"))]);
        let unreadable =
            ScenarioResult { unreadable: Some("line 1, column 1: what?".to_owned()), ..scenario("menu/no.scenario", Vec::new()) };
        let suite = SuiteResult { name: "menu".to_owned(), from: "built in".to_owned(), scenarios: vec![good, bad, unreadable] };
        expect![[r#"
            menu (built in)
              ok    good                     3500ms
                    09:30:00.000  caller dials 8000
              FAIL  bad                      3500ms
                    menu/bad.scenario, restored after every step
                    line 3: expect end
                        hint
                    09:30:00.000  caller dials 8000
              FAIL  no                       
                    menu/no.scenario: line 1, column 1: what?
            2 of 3 scenarios failed (0 ms)
        "#]]
        .assert_eq(&results(&[suite], true));
    }
}
