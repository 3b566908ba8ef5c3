use expect_test::{Expect, expect};

use super::{sentences::SENTENCES, *};

#[test]
fn every_sentence_can_be_read_and_stands_in_the_documentation() {
    let document = include_str!("../../../../docs/scenarios.md");
    for sentence in SENTENCES {
        let setting = ["date", "parameter", "agents GROUP", "user-data", "patience"].iter().any(|word| sentence.starts_with(word));
        let text = match sentence.split(' ').next() {
            _ if setting => format!("{sentence}\ncaller dials 8000"),
            _ if sentence.starts_with("caller dials") => (*sentence).to_owned(),
            _ => format!("caller dials 8000\n{sentence}"),
        };
        parse(&text).unwrap_or_else(|error| panic!("{sentence}: {error}"));
        assert!(document.contains(&format!("`{sentence}`")), "docs/scenarios.md does not explain `{sentence}`");
    }
}

#[test]
fn the_sample_of_the_documentation_is_a_scenario() {
    let document = include_str!("../../../../docs/scenarios.md");
    let sample = document.split("```scenario\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let scenario = parse(sample).unwrap();
    assert_eq!(scenario.setting.patience_ms, Some(300_000));
    assert_eq!(scenario.setting.agents, [("sales".to_owned(), 0)]);
    assert_eq!(scenario.setting.parameters, [(3, "choices".to_owned(), "1=sales,2=support".to_owned())]);
    assert_eq!(scenario.steps.len(), 12);
    let last = scenario.steps.last().unwrap();
    assert_eq!((last.line, last.text.as_str(), &last.action), (18, "expect end", &Action::Expect(Expectation::End)));
}

#[test]
fn words_are_read_as_they_are_meant() {
    let action = |line: &str| parse(&format!("caller dials 8000\n{line}")).unwrap().steps.pop().unwrap().action;
    let expected = |line: &str| match action(line) {
        Action::Expect(expectation) => expectation,
        other => panic!("{other:?}"),
    };
    let sound = |name: &str| Prompt::Sound(name.to_owned());
    assert_eq!(action("caller presses 1 2 #"), Action::Presses("12#".to_owned()));
    assert_eq!(action("caller presses *8"), Action::Presses("*8".to_owned()));
    assert_eq!(action("agent retrieves"), Action::AgentHolds(false));
    assert_eq!(action("somebody attaches a = \"b\""), Action::SomebodyAttaches(Property::new("a", "b")));
    assert_eq!(action("somebody deletes \"a b\""), Action::SomebodyDeletes("a b".to_owned()));
    assert_eq!(action("wait 1500ms"), Action::Wait(1_500));
    assert_eq!(action("host dies for 2m"), Action::HostDies(120_000));
    assert_eq!(action("agents log out \"first level\": 3"), Action::LogOut("first level".to_owned(), 3));
    assert_eq!(expected("expect play \"a\" number -4 \"b\""), Expectation::Play(vec![sound("a"), Prompt::Number(-4), sound("b")]));
    assert_eq!(expected("expect collect"), Expectation::Collect(Vec::new()));
    assert_eq!(expected("expect attach a=\"say \\\"b\\\"\""), Expectation::Attach(Property::new("a", "say \"b\"")));
    let targets = vec![Target::Group("x".to_owned()), Target::DefaultRoute];
    assert_eq!(expected("  expect route group \"x\" default"), Expectation::Route(targets));
    assert_eq!(expected("expect default route"), Expectation::DefaultRouted);
    assert_eq!(parse("agents log: 2\ncaller dials 1").unwrap().setting.agents, [("log".to_owned(), 2)]);
    assert_eq!(
        parse("date 2026-03-02T09:30:00Z\ncaller dials 1").unwrap(),
        parse("\ncaller dials 1")
            .map(|mut scenario| {
                scenario.steps[0].line = 2;
                scenario
            })
            .unwrap()
    );
}

fn check(text: &str, error: Expect) {
    error.assert_eq(&parse(text).unwrap_err().to_string());
}

#[test]
fn what_cannot_be_read_is_named_with_what_was_probably_meant() {
    check(
        "caller dials 8000\nexpect play welcome",
        expect![[r#"
        line 2, column 13: expected a sound in quotation marks, found `welcome`
            write: expect play "welcome""#]],
    );
    check(
        "caller dails 8000",
        expect![[r#"
        line 1, column 1: expected a sentence that begins with caller, agent, agents, somebody, host, wait or expect, found `caller`
            write: caller dials 8000"#]],
    );
    check(
        "caller dials 8000\nexpect routed sales",
        expect![[r#"
        line 2, column 15: expected the end of the line, or `to` and a target in quotation marks, found `sales`
            write: expect routed"#]],
    );
    check(
        "caller dials 8000\nwait 5",
        expect![[r#"
        line 2, column 6: expected a time such as 5s, 500ms, 2m or 1h, found `5`
            write: wait 5s"#]],
    );
    check(
        "caller dials 8000\ncaller presses one",
        expect![[r#"
        line 2, column 16: expected keys: 0 to 9, *, # or A to D, found `one`
            write: caller presses 1 2 #"#]],
    );
    check(
        "parameter a = \"b",
        expect![[r#"
        line 1, column 15: this quotation mark has no partner
            write: parameter NAME = "VALUE""#]],
    );
    check(
        "caller dials 8000\nexpect route \"sales\"",
        expect![[r#"
        line 2, column 14: expected group, number, agent, routing-point or default, found "sales"
            write: expect route group "sales""#]],
    );
    check("date tomorrow\ncaller dials 8000", expect![[r#"line 1, column 6: "tomorrow" is no time such as 2026-03-02T09:30:00Z"#]]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    check(
        "# nothing\n",
        expect![[r#"
        line 1, column 1: nothing happens in this scenario
            write: caller dials 8000"#]],
    );
    check(
        "expect end",
        expect![[r#"
        line 1, column 8: nobody has called yet
            write: caller dials 8000"#]],
    );
    check("caller dials 1\ncaller dials 2", expect!["line 2, column 14: the caller has called already: a scenario is one call"]);
    check("caller dials 1\npatience 5s", expect!["line 2, column 10: the setting stands before the first step: move this line up"]);
    check("agents a: 1\nagents a: 2\n", expect![[r#"line 2, column 11: the agents of "a" are there already"#]]);
    check("agents a: 101", expect!["line 1, column 11: 101 agents are more than a scenario may have (100)"]);
    assert!(parse(&"#\n".repeat(MAX_BYTES)).unwrap_err().what.contains("the limit is 65536"));
    let long = format!("caller dials 1\n{}", "wait 1s\n".repeat(MAX_STEPS));
    assert!(parse(&long).unwrap_err().what.contains("more than 1000 steps"));
    assert!(parse("caller dials 1\nwait 25h").unwrap_err().what.contains("expected a time"));
}
