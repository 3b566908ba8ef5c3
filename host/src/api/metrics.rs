//! What monitoring asks for: how the instance stands, in the text format of Prometheus. Forty lines; a library would count what the
//! status knows a second time.

use std::fmt::Write as _;

use crate::node::Status;

/// Of the answer.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All of it. What is not known, or not of this role, is left out.
pub fn text(status: &Status) -> String {
    let mut text = String::new();
    let mut say = |name: &str, kind: &str, labels: &str, value: u64, help: &str| {
        // Into a string nothing fails.
        let _ = writeln!(text, "# HELP tandem_{name} {help}\n# TYPE tandem_{name} {kind}\ntandem_{name}{labels} {value}");
    };
    let is_primary = status.role == "primary";
    let labels = format!("{{instance=\"{}\",role=\"{}\",version=\"{}\"}}", status.instance, status.role, env!("CARGO_PKG_VERSION"));
    say("info", "gauge", &labels, 1, "The instance, its role and its release.");
    let mut gauge = |name: &str, value: u64, help: &str| say(name, "gauge", "", value, help);
    gauge("primary", is_primary.into(), "1: it is primary. 0: it is backup.");
    gauge("epoch", status.epoch, "Epoch of the lease, as this instance knows it: one more with each takeover.");
    gauge("ready", status.is_ready().into(), "1: it does what its role asks for, as /readyz says.");
    gauge("serves", status.serves().into(), "1: it is primary, and serves calls.");
    gauge("held_up", status.held_up.is_some().into(), "1: nothing can be committed, and so nothing done.");
    gauge("stopping", status.stopping.into(), "1: it gives its role up.");
    gauge("reaches_switch", status.reaches_switch.into(), "1: it has the gateway's welcome.");
    gauge("replays_differed", gauged(status.replays_differed), "Replays that came to something else than the journal, in this role.");
    if let Some(synch) = &status.synch {
        gauge("synch_connected", synch.connected.into(), "1: the other instance is connected to the synch link.");
        gauge("synch_full", synch.full.into(), "1: the backup has everything but what is on its way.");
    }
    if !is_primary {
        gauge("lacking_versions", gauged(status.lacking), "Versions that live sessions run on and that are not compiled here.");
        return text;
    }
    if let Some(synch) = &status.synch {
        gauge("synch_lag", synch.lag, "Changes on their way to the backup.");
        let ready = status.peer.as_ref().is_some_and(|peer| peer.ready);
        gauge("backup_ready", ready.into(), "1: the backup may take over without losing anything.");
    }
    for (name, sessions, help) in [
        ("live_sessions", status.live_sessions, "Sessions that are not over. Left out while a worker is too busy to say."),
        ("sessions_in_memory", status.sessions_in_memory, "Those whose guest is in memory. The same."),
        ("recovered_sessions", Some(status.recovered), "Sessions that this epoch found and went on with."),
        ("restarted_sessions", Some(status.restarted), "Sessions without persistence that this epoch has started again."),
    ] {
        sessions.into_iter().for_each(|sessions| gauge(name, gauged(sessions), help));
    }
    gauge("switch_time_ms", status.switch_time, "Switch time, as last heard.");
    say("steps_total", "counter", "", status.steps, "Steps committed in this epoch.");
    text
}

fn gauged(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(role: &str) -> Status {
        serde_json::from_value(json!({
            "instance": "101/a", "role": role, "epoch": 3, "phase": "serving", "held_up": null, "stopping": false, "reaches_switch": true,
            "holder": "101/a (process 7)", "peer": { "instance": "101/b", "ready": true, "why_not": null, "reaches_switch": true },
            "synch": { "connected": true, "full": true, "lag": 5, "problem": null }, "lacking": 2, "switch_time": 9, "live_sessions": 12,
            "sessions_in_memory": null, "recovered": 4, "restarted": 1, "replays_differed": 2, "steps": 77, "store": null
        }))
        .unwrap()
    }

    fn values(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn a_primary_tells_what_it_knows_and_leaves_out_what_it_does_not() {
        let text = text(&status("primary"));
        let [info, values @ ..] = &values(&text)[..] else { panic!("{text}") };
        assert!(info.starts_with("tandem_info{instance=\"101/a\",role=\"primary\",version=\""), "{info}");
        let expected = "primary 1,epoch 3,ready 1,serves 1,held_up 0,stopping 0,reaches_switch 1,replays_differed 2,synch_connected 1,synch_full 1,synch_lag 5,\
                        backup_ready 1,live_sessions 12,recovered_sessions 4,restarted_sessions 1,switch_time_ms 9,steps_total 77";
        assert_eq!(values.iter().map(|line| line.trim_start_matches("tandem_")).collect::<Vec<_>>().join(","), expected);
        assert!(text.contains("# TYPE tandem_steps_total counter\n"), "{text}");
    }

    #[test]
    fn a_backup_tells_what_it_lacks_and_nothing_of_its_primary() {
        let text = text(&status("backup"));
        assert!(text.contains("\ntandem_lacking_versions 2\n") && text.contains("\ntandem_primary 0\n"), "{text}");
        assert!(!values(&text).iter().any(|line| line.contains("sessions") || line.contains("steps")), "{text}");
    }
}
