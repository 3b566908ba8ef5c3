//! From text to a scenario.

use jiff::Timestamp as Date;
use tandem_words::{Prompt, Property, Speech, Target};

use super::{Action, Expectation, MAX_AGENTS, MAX_BYTES, MAX_STEPS, Scenario, ScenarioError, Setting, Step, reading::Reading};

/// When a scenario plays that says nothing of it: a Monday morning, 2026-03-02T09:30:00Z.
const DATE_MS: u64 = 1_772_443_800_000;

type Parsed<T> = Result<T, ScenarioError>;

/// Reads a scenario file. The error names the first line that cannot be read.
pub fn parse(text: &str) -> Parsed<Scenario> {
    let whole = |line, what: String| ScenarioError { line, column: 1, what, nearest: None };
    if text.len() > MAX_BYTES {
        return Err(whole(1, format!("the file has {} bytes; the limit is {MAX_BYTES}: make several of it", text.len())));
    }
    let setting = Setting { date: DATE_MS, parameters: Vec::new(), agents: Vec::new(), user_data: Vec::new(), patience_ms: None };
    let mut scenario = Scenario { setting, steps: Vec::new() };
    let mut lines = 0;
    for (index, line) in text.lines().enumerate() {
        lines = index + 1;
        let written = line.trim();
        if written.is_empty() || written.starts_with('#') {
            continue;
        }
        let mut reading = Reading::new(lines, line)?;
        if !set(&mut reading, lines, &mut scenario)? {
            let action = action(&mut reading)?;
            check_order(&reading, &action, &scenario.steps)?;
            scenario.steps.push(Step { line: lines, text: written.to_owned(), action });
        }
        reading.over()?;
        if scenario.steps.len() > MAX_STEPS {
            return Err(whole(lines, format!("the scenario has more than {MAX_STEPS} steps; make several of it")));
        }
    }
    if scenario.steps.is_empty() {
        return Err(ScenarioError {
            nearest: Some("caller dials 8000"),
            ..whole(lines.max(1), "nothing happens in this scenario".to_owned())
        });
    }
    Ok(scenario)
}

/// A line of the setting; false: it is none.
fn set(reading: &mut Reading<'_>, line: usize, scenario: &mut Scenario) -> Parsed<bool> {
    let setting = &mut scenario.setting;
    if reading.takes("date") {
        let text = reading.name("a time such as 2026-03-02T09:30:00Z")?;
        let date = text.parse::<Date>().ok().and_then(|date| u64::try_from(date.as_millisecond()).ok());
        setting.date = date.ok_or_else(|| reading.refuse(format!("{text:?} is no time such as 2026-03-02T09:30:00Z")))?;
    } else if reading.takes("parameter") {
        let (name, value) = property(reading)?;
        setting.parameters.push((line, name, value));
    } else if reading.takes("user-data") {
        let (name, value) = property(reading)?;
        setting.user_data.push(Property::new(name, value));
    } else if reading.takes("patience") {
        setting.patience_ms = Some(reading.time()?);
    } else if !reading.sees("agents log in") && !reading.sees("agents log out") && reading.takes("agents") {
        let (group, count) = staff(reading)?;
        if setting.agents.iter().any(|(known, _)| *known == group) {
            return Err(reading.refuse(format!("the agents of {group:?} are there already")));
        }
        setting.agents.push((group, count));
    } else {
        return Ok(false);
    }
    if scenario.steps.is_empty() {
        Ok(true)
    } else {
        Err(reading.refuse("the setting stands before the first step: move this line up".to_owned()))
    }
}

fn property(reading: &mut Reading<'_>) -> Parsed<(String, String)> {
    let name = reading.name("a name")?;
    reading.sign('=')?;
    Ok((name, reading.quoted("a value")?))
}

fn staff(reading: &mut Reading<'_>) -> Parsed<(String, u32)> {
    let group = reading.name("a group's name")?;
    reading.sign(':')?;
    let count = reading.number("a number of agents")?;
    if count > MAX_AGENTS {
        return Err(reading.refuse(format!("{count} agents are more than a scenario may have ({MAX_AGENTS})")));
    }
    Ok((group, count))
}

fn action(reading: &mut Reading<'_>) -> Parsed<Action> {
    if reading.takes("caller dials") {
        let number = reading.name("the number of a routing point")?;
        let from = reading.takes("from");
        return Ok(Action::Dials(number, if from { Some(reading.name("the caller's number")?) } else { None }));
    }
    if reading.takes("caller presses") {
        let wrong = reading.wrong("keys: 0 to 9, *, # or A to D");
        let keys = reading.rest();
        let good = |key: char| "0123456789*#ABCD".contains(key);
        return if !keys.is_empty() && keys.chars().all(good) { Ok(Action::Presses(keys)) } else { Err(wrong) };
    }
    if reading.takes("host dies") {
        return Ok(Action::HostDies(if reading.takes("for") { reading.time()? } else { 0 }));
    }
    if reading.takes("wait") {
        return reading.time().map(Action::Wait);
    }
    if reading.takes("expect") {
        return expectation(reading).map(Action::Expect);
    }
    if reading.takes("agents log in") {
        return staff(reading).map(|(group, count)| Action::LogIn(group, count));
    }
    if reading.takes("agents log out") {
        return staff(reading).map(|(group, count)| Action::LogOut(group, count));
    }
    if reading.takes("somebody attaches") {
        return property(reading).map(|(key, value)| Action::SomebodyAttaches(Property::new(key, value)));
    }
    if reading.takes("somebody deletes") {
        return reading.name("a key of user data").map(Action::SomebodyDeletes);
    }
    let plain = [
        ("caller hangs up", Action::HangsUp),
        ("agent hangs up", Action::AgentHangsUp),
        ("agent holds", Action::AgentHolds(true)),
        ("agent retrieves", Action::AgentHolds(false)),
    ];
    let found = plain.into_iter().find(|(words, _)| reading.takes(words));
    found
        .map(|(_, action)| action)
        .ok_or_else(|| reading.wrong("a sentence that begins with caller, agent, agents, somebody, host, wait or expect"))
}

fn expectation(reading: &mut Reading<'_>) -> Parsed<Expectation> {
    if reading.takes("play") {
        let prompts = prompts(reading)?;
        return if prompts.is_empty() { Err(reading.wrong("a sound in quotation marks")) } else { Ok(Expectation::Play(prompts)) };
    }
    if reading.takes("collect") {
        let with = reading.takes("prompt");
        let prompts = if with { prompts(reading)? } else { Vec::new() };
        return if with && prompts.is_empty() {
            Err(reading.wrong("a sound in quotation marks"))
        } else {
            Ok(Expectation::Collect(prompts))
        };
    }
    if reading.takes("music") {
        return Ok(Expectation::Music(reading.quoted_if()));
    }
    if reading.takes("recording") {
        return Ok(Expectation::Recording(reading.quoted_if()));
    }
    if reading.takes("routed") {
        if reading.is_done() {
            return Ok(Expectation::Routed(None));
        }
        let wrong = reading.wrong("the end of the line, or `to` and a target in quotation marks");
        return if reading.takes("to") { reading.quoted("a target").map(|to| Expectation::Routed(Some(to))) } else { Err(wrong) };
    }
    if reading.takes("route") {
        let mut targets = vec![target(reading)?];
        while !reading.is_done() {
            targets.push(target(reading)?);
        }
        return Ok(Expectation::Route(targets));
    }
    if reading.takes("transfer") {
        return target(reading).map(Expectation::Transfer);
    }
    if reading.takes("call") {
        return reading.quoted("a number").map(Expectation::Call);
    }
    if reading.takes("nothing for") {
        return reading.time().map(Expectation::NothingFor);
    }
    if reading.takes("attach") {
        return property(reading).map(|(key, value)| Expectation::Attach(Property::new(key, value)));
    }
    if reading.takes("milestone") {
        return reading.name("a milestone's name").map(Expectation::Milestone);
    }
    if reading.takes("timer") {
        return reading.time().map(Expectation::Timer);
    }
    if reading.takes("message") {
        return reading.name("a message's name").map(Expectation::Message);
    }
    let plain = [("disconnect", Expectation::Disconnect), ("default route", Expectation::DefaultRouted), ("end", Expectation::End)];
    let found = plain.into_iter().find(|(words, _)| reading.takes(words));
    found.map(|(_, expectation)| expectation).ok_or_else(|| {
        reading.wrong("play, collect, music, recording, route, transfer, call, disconnect, routed, default route, end, nothing, attach, milestone, timer or message")
    })
}

fn prompts(reading: &mut Reading<'_>) -> Parsed<Vec<Prompt>> {
    let mut prompts = Vec::new();
    loop {
        prompts.push(if let Some(sound) = reading.quoted_if() {
            Prompt::Sound(sound)
        } else if reading.takes("text") {
            Prompt::Text(Speech { text: reading.quoted("a text")?, language: String::new() })
        } else if reading.takes("digits") {
            Prompt::Digits(reading.quoted("digits")?)
        } else if reading.takes("number") {
            Prompt::Number(reading.number("a number")?)
        } else if reading.takes("tone") {
            Prompt::Tone(reading.quoted("a tone's name")?)
        } else {
            return Ok(prompts);
        });
    }
}

fn target(reading: &mut Reading<'_>) -> Parsed<Target> {
    if reading.takes("default") {
        return Ok(Target::DefaultRoute);
    }
    type Make = fn(String) -> Target;
    let kinds: [(&str, Make); 4] =
        [("group", Target::Group), ("number", Target::Number), ("agent", Target::Agent), ("routing-point", Target::RoutingPoint)];
    match kinds.into_iter().find(|(word, _)| reading.takes(word)) {
        Some((word, make)) => reading.quoted(&format!("the {word}'s name")).map(make),
        None => Err(reading.wrong("group, number, agent, routing-point or default")),
    }
}

/// Somebody has to call before anything else happens to a call, and once.
fn check_order(reading: &Reading<'_>, action: &Action, before: &[Step]) -> Parsed<()> {
    let called = before.iter().any(|step| matches!(step.action, Action::Dials(..)));
    match action {
        Action::Dials(..) if called => Err(reading.refuse("the caller has called already: a scenario is one call".to_owned())),
        Action::Dials(..) => Ok(()),
        Action::Wait(_) | Action::HostDies(_) | Action::LogIn(..) | Action::LogOut(..) => Ok(()),
        _ if !called => Err(ScenarioError { nearest: Some("caller dials 8000"), ..reading.refuse("nobody has called yet".to_owned()) }),
        _ => Ok(()),
    }
}
