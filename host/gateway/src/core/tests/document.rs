//! The page that others write gateways by is true.

use tandem_switch_link::{decode_gateway_frame, decode_host_frame};

const PAGE: &str = include_str!("../../../../../docs/switch-link.md");

#[test]
fn every_frame_of_the_example_session_can_be_read() {
    let mut frames: Vec<String> = Vec::new();
    for block in PAGE.split("```").skip(1).step_by(2) {
        for line in block.lines().skip(1) {
            match (line.starts_with(['→', '←']), frames.last_mut()) {
                (false, Some(frame)) => frame.push_str(line.trim()),
                _ => frames.push(line.to_owned()),
            }
        }
    }
    let mut read = 0;
    for frame in frames.iter().filter(|frame| !frame.contains('…')) {
        let (host, json) = (frame.starts_with('→'), frame.trim_start_matches(['→', '←']));
        let result = if host { decode_host_frame(json).map(drop) } else { decode_gateway_frame(json).map(drop) };
        result.unwrap_or_else(|error| panic!("{frame}: {error}"));
        read += 1;
    }
    assert!(read >= 12, "{read}");
}

#[test]
fn every_limit_and_deadline_stands_there() {
    use crate::core::{
        ANSWER_DEADLINE_MS, CONTROL_DEADLINE_MS, MAX_BUFFERED_REQUESTS, MAX_CONNECTIONS, MAX_QUIET_MS, MAX_UNACKNOWLEDGED_REQUESTS, RETAIN,
    };
    let thousands = |n: usize| {
        let digits = n.to_string();
        let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(",")
    };
    let seconds = |ms: u64| format!("{} s", ms / 1_000);
    let said = [
        thousands(RETAIN),
        thousands(MAX_BUFFERED_REQUESTS),
        thousands(MAX_UNACKNOWLEDGED_REQUESTS),
        format!("{MAX_CONNECTIONS} connections"),
        seconds(CONTROL_DEADLINE_MS),
        seconds(ANSWER_DEADLINE_MS),
        seconds(MAX_QUIET_MS),
    ];
    for words in said {
        assert!(PAGE.contains(&words), "docs/switch-link.md does not say {words:?}");
    }
}
