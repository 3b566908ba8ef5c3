//! Results for programs: JUnit, a suite for each strategy, a case for each scenario and mode.

use miette::IntoDiagnostic;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::run::{Play, ScenarioResult, SuiteResult};

/// The report's text.
pub(super) fn report(suites: &[SuiteResult]) -> miette::Result<String> {
    let mut report = Report::new("tandem test");
    for suite in suites {
        let mut cases = TestSuite::new(suite.name.as_str());
        for scenario in &suite.scenarios {
            cases.add_test_cases(scenario.plays.iter().map(|play| case(&suite.name, scenario, play)));
            if let Some(why) = &scenario.unreadable {
                cases.add_test_case(of(TestCase::new(scenario.name(), status(NonSuccessKind::Error, why)), &suite.name));
            }
        }
        report.add_test_suite(cases);
    }
    report.to_string().into_diagnostic()
}

fn case(suite: &str, scenario: &ScenarioResult, play: &Play) -> TestCase {
    let status = match &play.failure {
        Some(failure) => status(NonSuccessKind::Failure, &format!("{}: {failure}", scenario.path)),
        None => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(format!("{}, {}", scenario.name(), play.mode.name()), status);
    case.set_time(play.took);
    of(case, suite)
}

fn of(mut case: TestCase, suite: &str) -> TestCase {
    case.set_classname(suite);
    case
}

fn status(kind: NonSuccessKind, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(text.lines().next().unwrap_or_default()).set_description(text);
    status
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::trial::Mode;

    #[test]
    fn a_report_has_a_case_for_each_mode_and_says_what_failed() {
        let play = |mode, failure| Play { mode, failure, timeline: Vec::new(), lasted_ms: 0, took: Duration::from_millis(5) };
        let plays = vec![play(Mode::Alone, None), play(Mode::Dying, Some("line 3: expect <end>\n    got nothing".to_owned()))];
        let good = ScenarioResult { path: "a/one.scenario".to_owned(), unreadable: None, plays };
        let unreadable =
            ScenarioResult { path: "a/two.scenario".to_owned(), unreadable: Some("line 1: what?".to_owned()), plays: Vec::new() };
        let suite = SuiteResult { name: "menu".to_owned(), from: String::new(), scenarios: vec![good, unreadable] };
        let text = report(&[suite]).unwrap();
        for part in [
            r#"tests="3" skipped="0" failures="1" errors="1""#,
            r#"<testcase name="one, alone" classname="menu" time="0.005"/>"#,
            r#"name="one, the host dying with every step""#,
            "expect &lt;end&gt;",
            r#"<testcase name="two" classname="menu">"#,
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
