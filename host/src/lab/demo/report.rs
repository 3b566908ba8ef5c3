//! What a demo ends with: for programs and for people.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Blow, Calls, Kill, Plan, Takeover, judge::Judged, scene::Played};

/// How long the host was away at its kills, or a switchover took, ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Recovery {
    /// Half of them: at most this.
    pub p50: f64,
    /// 99 of a hundred.
    pub p99: f64,
    /// All.
    pub max: f64,
}

impl Recovery {
    fn of_kills(kills: &[Kill]) -> Self {
        Recovery::of(kills.iter().filter_map(|kill| kill.recovery_ms).collect())
    }

    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let rank = |percent: usize| (times.len() * percent).div_ceil(100).saturating_sub(1);
        let at = |percent| times.get(rank(percent)).copied().unwrap_or_default();
        Recovery { p50: at(50), p99: at(99), max: at(100) }
    }
}

/// The end of a demo.
#[derive(Debug, Clone)]
pub struct Report {
    what: String,
    planned_kills: u32,
    is_pair: bool,
    played: Played,
    judged: Judged,
}

impl Report {
    pub(super) fn new(plan: &Plan, played: Played, judged: Judged) -> Self {
        let what = match &plan.calls {
            Calls::Generated { calls_per_hour, hours } => format!("{hours} h of {calls_per_hour} calls an hour, through all strategies"),
            Calls::Trace { file, from, hours } => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
                let hours = hours.map(|hours| format!(" for {hours} h")).unwrap_or_default();
                format!("the calls of {name}{from}{hours}, through ivr-menu")
            }
        };
        Report { what, planned_kills: plan.kills, is_pair: plan.pair.is_some(), played, judged }
    }

    /// The oracle found nothing, there were calls, and the host was killed as often as planned.
    pub fn is_good(&self) -> bool {
        self.judged.clean && self.adds_up() && self.count("calls") > 0 && self.blows() == u64::from(self.planned_kills)
    }

    /// What the oracle says for people.
    pub fn judgement(&self) -> &str {
        &self.judged.text
    }

    /// One flat object: the oracle's report, and what the demo itself has seen.
    pub fn json(&self) -> Value {
        let mut facts = self.judged.facts.clone();
        let own = json!({
            "blows": self.blows(),
            "kills": self.kills(),
            "kills_while_recovering": self.played.kills.iter().map(|kill| u64::from(kill.again)).sum::<u64>(),
            "kill_moments": self.played.kills,
            "recovery_ms": Recovery::of_kills(&self.played.kills),
            "switchovers": self.took(Takeover::is_switchover).0,
            "takeover_ms": self.took(Takeover::is_switchover).1,
            "takeover_ms_killed": self.took(|takeover| takeover.blow == Blow::Kill).1,
            "takeover_ms_hung": self.took(|takeover| takeover.blow == Blow::Hang).1,
            "takeover_ms_planned": self.took(|takeover| takeover.blow == Blow::Switchover).1,
            "takeover_ms_severed": self.took(|takeover| takeover.blow == Blow::Sever).1,
            "takeover_ms_cut": self.took(|takeover| takeover.blow == Blow::Cut).1,
            "takeover_ms_gateway": self.took(|takeover| takeover.blow == Blow::Gateway && takeover.again).1,
            "gateway_ms": self.took(|takeover| takeover.blow == Blow::Gateway && !takeover.again).1,
            "recovered": self.played.recovered,
            "killed_by_the_other": self.played.killed_by_the_other,
            "restarted": self.count("restarted"),
            "seconds": self.played.took.as_secs_f64(),
            "steps_per_s": self.steps_per_s(),
            "good": self.is_good(),
        });
        facts.extend(own.as_object().cloned().unwrap_or_else(Map::new));
        Value::Object(facts)
    }

    fn adds_up(&self) -> bool {
        let of = ["routed", "self_served", "abandoned", "default_routed"].map(|name| self.count(name));
        self.count("calls") == of.iter().sum::<u64>()
    }

    fn blows(&self) -> u64 {
        self.played.kills.len() as u64
    }

    /// `kill -9` of an instance: of whoever led, of whoever had just taken over, of one whose link to the other was cut, of one whose
    /// gateway was dead.
    fn kills(&self) -> u64 {
        if !self.is_pair {
            return self.played.kills.iter().map(|kill| 1 + u64::from(kill.again)).sum();
        }
        let killed = |takeover: &Takeover| match takeover.blow {
            Blow::Kill | Blow::Cut => true,
            Blow::Gateway => takeover.again,
            Blow::Hang | Blow::Switchover | Blow::Sever => false,
        };
        self.took(killed).0
    }

    fn steps_per_s(&self) -> f64 {
        (self.count("steps") as f64 / self.played.took.as_secs_f64().max(0.001)).round()
    }

    fn count(&self, name: &str) -> u64 {
        self.judged.facts.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// How many switchovers were such, and how long they took.
    fn took(&self, such: impl Fn(&Takeover) -> bool) -> (u64, Recovery) {
        let times: Vec<_> = self.played.takeovers.iter().filter(|takeover| such(takeover)).map(|takeover| takeover.ms).collect();
        (times.len() as u64, Recovery::of(times))
    }

    /// What befell a pair.
    fn tell_blows(&self, f: &mut fmt::Formatter<'_>, least: usize, most: usize) -> fmt::Result {
        let (count, Recovery { p50, max, .. }) = self.took(Takeover::is_switchover);
        let count = grouped(count);
        writeln!(
            f,
            "  {count:>7}  switchovers, with {least} to {most} calls live; the other one led after {p50:.0} ms, {max:.0} ms at most"
        )?;
        let of = |blow, again| self.took(move |takeover| takeover.blow == blow && takeover.again == again);
        for ((count, Recovery { p50, max, .. }), what) in [
            (of(Blow::Kill, false), "kill -9"),
            (of(Blow::Kill, true), "kill -9 of the one that had just taken over"),
            (of(Blow::Hang, false), "a hang, found out by the lease"),
            (of(Blow::Switchover, false), "a planned switchover"),
            (of(Blow::Sever, false), "the loss of the switch"),
            (of(Blow::Cut, true), "kill -9 while the link between the two was cut"),
            (of(Blow::Gateway, true), "kill -9 together with the gateway"),
        ] {
            if count > 0 {
                writeln!(f, "  {:>7}    {p50:.0} ms after {what}, {max:.0} ms at most", grouped(count))?;
            }
        }
        let cut = self.played.kills.iter().filter(|kill| kill.blow == Blow::Cut && kill.recovery_ms.is_none()).count();
        if cut > 0 {
            writeln!(f, "  {cut:>7}  times the link between the two was cut, and nobody died")?;
        }
        let (gateways, Recovery { p50, max, .. }) = of(Blow::Gateway, false);
        if gateways > 0 {
            writeln!(
                f,
                "  {:>7}  times the gateway alone was killed, and had its primary again after {p50:.0} ms, {max:.0} ms at most",
                grouped(gateways)
            )?;
        }
        if self.played.killed_by_the_other > 0 {
            let killed = self.played.killed_by_the_other;
            writeln!(f, "  {killed:>7}  times an instance stood still without a blow, as this machine did, and was ended for that")?;
        }
        if self.count("gateway_restarts") > 0 {
            let (missed, told) = (grouped(self.count("events_missed")), grouped(self.count("events_in_gaps")));
            writeln!(
                f,
                "  {missed:>7}  events happened while no gateway was there, {told} more were lost with one; each session was told of its gap"
            )?;
        }
        let (recovered, restarted) = (grouped(self.played.recovered), grouped(self.count("restarted")));
        writeln!(
            f,
            "  {recovered:>7}  times a session went on where it had stopped; {restarted:>3} times one without persistence began again"
        )
    }

    /// A number that must be zero, with what it means.
    fn zero(&self, f: &mut fmt::Formatter<'_>, name: &str, what: &str, more: &str) -> fmt::Result {
        let count = self.count(name);
        let line = format!("  {:>7}  {what:<18}{}{more}", grouped(count), if count == 0 { "" } else { "  <-- WRONG" });
        writeln!(f, "{}", line.trim_end())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |name| grouped(self.count(name));
        writeln!(f, "\n{}", self.what)?;
        writeln!(f, "\n  {:>7}  calls", count("calls"))?;
        for (name, what) in [
            ("routed", "reached somebody"),
            ("self_served", "were served by their strategy alone"),
            ("abandoned", "hung up before"),
            ("default_routed", "took the default route"),
        ] {
            writeln!(f, "  {:>7}    {what}", count(name))?;
        }
        let (steps, rate) = (count("steps"), grouped(self.steps_per_s() as u64));
        writeln!(f, "  {:>7}  sessions: {steps} steps, each on disk before anything left the host ({rate} a second)", count("sessions"))?;
        let kills = &self.played.kills;
        let live = kills.iter().map(|kill| kill.live_calls);
        if let (Some(least), Some(most)) = (live.clone().min(), live.max()) {
            match self.is_pair {
                true => self.tell_blows(f, least, most)?,
                false => {
                    let Recovery { p50, max, .. } = Recovery::of_kills(kills);
                    let count = grouped(self.blows());
                    writeln!(
                        f,
                        "  {count:>7}  times kill -9, with {least} to {most} calls live; the host led again after {p50:.0} ms, {max:.0} ms at most"
                    )?;
                    let again: u32 = kills.iter().map(|kill| kill.again).sum();
                    if again > 0 {
                        writeln!(f, "  {:>7}    and once more while it came back", grouped(again.into()))?;
                    }
                }
            }
        }
        writeln!(f)?;
        let again = format!("  ({} were under way at a takeover, asked about, and not sent again)", count("requests_found"));
        self.zero(f, "lost_events", "events lost", "")?;
        self.zero(f, "doubled_requests", "requests doubled", &again)?;
        self.zero(f, "silent_calls", "calls in silence", "")?;
        if self.judged.facts.contains_key("compared") {
            self.zero(f, "unexplained_differences", "calls changed", "  (against the same calls without a kill)")?;
            let (crossed, behind) = (count("differing_fault_crossed"), count("differing_behind"));
            writeln!(f, "           but for {crossed} that waited while the host was dead, and {behind} queued behind one")?;
            let restarted = self.count("differing_restarted");
            if restarted > 0 {
                writeln!(f, "           and {restarted} whose session began again: they may hear an announcement twice")?;
            }
        }
        if self.is_good() {
            return writeln!(
                f,
                "\nEvery call was served. The word is tandem-oracle's, from what the callers heard and the host's journal."
            );
        }
        writeln!(f)?;
        if self.blows() < u64::from(self.planned_kills) {
            let (kills, planned) = (self.blows(), self.planned_kills);
            writeln!(
                f,
                "BAD: the host was struck {kills} times instead of {planned}: no other moment was as asked for. More calls, or milder conditions."
            )?;
        }
        if !self.adds_up() {
            writeln!(f, "BAD: the calls do not add up.")?;
        }
        if !self.judged.clean {
            writeln!(f, "BAD: the oracle says\n\n{}", self.judged.text)?;
        }
        Ok(())
    }
}

/// 12,345.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use super::super::When;
    use super::*;
    use crate::gateway::Speed;

    fn report(kills: u32, facts: Value) -> Report {
        let plan = Plan {
            program: PathBuf::new(),
            oracle: PathBuf::new(),
            seed: 1,
            speed: Speed::Max,
            calls: Calls::Generated { calls_per_hour: 600.0, hours: 1.0 },
            one_more: None,
            kills,
            when: When::default(),
            pair: None,
            twin: false,
        };
        let kill = |recovery_ms| Kill {
            blow: Blow::Kill,
            at: 0,
            live_calls: 20,
            at_routing_point: 9,
            treatments_running: 3,
            collects_half_pressed: 0,
            again: 0,
            recovery_ms: Some(recovery_ms),
        };
        let (kills, recovered, took) = ([80.0, 120.0, 90.0].map(kill).into(), 0, Duration::from_secs(2));
        let played = Played { kills, takeovers: Vec::new(), recovered, killed_by_the_other: 0, took };
        let judged = Judged { clean: true, facts: facts.as_object().cloned().unwrap(), text: "fine".into() };
        Report::new(&plan, played, judged)
    }

    fn good() -> Value {
        json!({ "calls": 1200, "routed": 700, "self_served": 300, "abandoned": 200, "default_routed": 0, "sessions": 1200, "steps": 12345,
            "lost_events": 0, "doubled_requests": 0, "silent_calls": 0, "deduplicated": 0, "requests_found": 7, "restarted": 2,
            "events_missed": 9, "events_in_gaps": 4, "gateway_restarts": 1 })
    }

    #[test]
    fn a_good_run_says_so_in_words_and_numbers() {
        let report = report(3, good());
        assert!(report.is_good());
        let json = report.json();
        assert_eq!(json["recovery_ms"], json!({ "p50": 90.0, "p99": 120.0, "max": 120.0 }));
        assert_eq!((&json["kills"], &json["steps_per_s"], &json["deduplicated"]), (&json!(3), &json!(6173.0), &json!(0)));
        expect_test::expect![[r#"

            1 h of 600 calls an hour, through all strategies

                1,200  calls
                  700    reached somebody
                  300    were served by their strategy alone
                  200    hung up before
                    0    took the default route
                1,200  sessions: 12,345 steps, each on disk before anything left the host (6,173 a second)
                    3  times kill -9, with 20 to 20 calls live; the host led again after 90 ms, 120 ms at most

                    0  events lost
                    0  requests doubled    (7 were under way at a takeover, asked about, and not sent again)
                    0  calls in silence

            Every call was served. The word is tandem-oracle's, from what the callers heard and the host's journal.
        "#]]
        .assert_eq(&report.to_string());
    }

    #[test]
    fn a_pair_tells_what_befell_it() {
        let mut pair = Report { is_pair: true, ..report(3, good()) };
        let takeover = |blow, again, ms| Takeover { blow, again, ms };
        let (first, again) = (takeover(Blow::Kill, false, 30.0), takeover(Blow::Kill, true, 20.0));
        let gateway = takeover(Blow::Gateway, false, 300.0);
        pair.played.takeovers = vec![first, takeover(Blow::Hang, false, 1_200.0), takeover(Blow::Kill, false, 40.0), again, gateway];
        pair.played.recovered = 70;
        pair.played.kills[1].blow = Blow::Hang;
        pair.played.kills[2].again = 1;
        assert!(pair.is_good());
        let json = pair.json();
        assert_eq!(json["takeover_ms"], json!({ "p50": 30.0, "p99": 1200.0, "max": 1200.0 }));
        assert_eq!(json["takeover_ms_killed"], json!({ "p50": 30.0, "p99": 40.0, "max": 40.0 }));
        assert_eq!((&json["switchovers"], &json["recovered"], &json["restarted"]), (&json!(4), &json!(70), &json!(2)));
        let told = pair.to_string();
        for line in [
            "        4  switchovers, with 20 to 20 calls live; the other one led after 30 ms, 1200 ms at most\n",
            "        2    30 ms after kill -9, 40 ms at most\n",
            "        1    20 ms after kill -9 of the one that had just taken over, 20 ms at most\n",
            "        1    1200 ms after a hang, found out by the lease, 1200 ms at most\n",
            "        1  times the gateway alone was killed, and had its primary again after 300 ms, 300 ms at most\n",
            "        9  events happened while no gateway was there, 4 more were lost with one; each session was told of its gap\n",
            "       70  times a session went on where it had stopped;   2 times one without persistence began again\n",
        ] {
            assert!(told.contains(line), "{line}\nis not in\n{told}");
        }
        assert!(!told.contains("a planned"), "{told}");
    }

    #[test]
    fn too_few_kills_a_wrong_sum_no_calls_and_a_bad_word_are_bad() {
        let with = |name: &str, value: Value| {
            let mut facts = good();
            facts[name] = value;
            report(3, facts)
        };
        assert!(!report(4, good()).is_good() && report(4, good()).to_string().contains("3 times instead of 4"));
        assert!(!with("routed", json!(699)).is_good());
        assert!(!report(3, json!({})).is_good());
        let bad = Report { judged: Judged { clean: false, ..report(3, good()).judged }, ..report(3, good()) };
        assert!(!bad.is_good() && bad.to_string().contains("fine"));
        assert!(with("lost_events", json!(2)).to_string().contains("2  events lost         <-- WRONG"));
    }
}
