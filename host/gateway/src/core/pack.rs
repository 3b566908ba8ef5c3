//! Messages into frames.

use tandem_switch_link::{GatewayFrame, GatewayMessage, MAX_FRAME_BYTES};

/// What a frame takes beside its messages: `{"seq":18446744073709551615,"messages":[]}`.
const ENVELOPE_BYTES: usize = 64;

/// Interactions and requests of one part of `reconciled`, which has a frame of its own. Reason: one part is read while the next is
/// written.
const PART: usize = 2_000;

/// Messages of one frame. Reason: a host acts on a long backlog's first events while the later ones are still being written.
pub const MESSAGES_OF_A_FRAME: usize = 1_000;

/// One frame, or as many as the largest size asks for (the backlog of a `reconcile` is long). Counts `seq` up.
pub(super) fn pack(messages: Vec<GatewayMessage>, seq: &mut u64) -> Vec<GatewayFrame> {
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    let mut bytes = ENVELOPE_BYTES;
    let messages: Vec<_> = messages.into_iter().flat_map(in_parts).collect();
    let alone = messages.len() == 1;
    for message in messages {
        let size = if alone { 0 } else { size(&message) };
        if (bytes + size > MAX_FRAME_BYTES && !frame.is_empty()) || frame.len() >= MESSAGES_OF_A_FRAME {
            frames.push(close(std::mem::take(&mut frame), seq));
            bytes = ENVELOPE_BYTES;
        }
        bytes += size;
        let goes = matches!(message, GatewayMessage::Reconciled { more: true, .. });
        frame.push(message);
        if goes {
            frames.push(close(std::mem::take(&mut frame), seq));
            bytes = ENVELOPE_BYTES;
        }
    }
    if !frame.is_empty() {
        frames.push(close(frame, seq));
    }
    frames
}

/// A `reconciled` of a large node in several.
fn in_parts(message: GatewayMessage) -> Vec<GatewayMessage> {
    let GatewayMessage::Reconciled { now, kept_from, mut interactions, mut requests, more } = message else { return vec![message] };
    let mut parts = Vec::new();
    loop {
        let left = interactions.split_off(interactions.len().min(PART));
        let room = PART - interactions.len();
        let asked = requests.split_off(requests.len().min(room));
        let last = left.is_empty() && asked.is_empty();
        parts.push(GatewayMessage::Reconciled { now, kept_from, interactions, requests, more: more || !last });
        if last {
            return parts;
        }
        (interactions, requests) = (left, asked);
    }
}

fn close(messages: Vec<GatewayMessage>, seq: &mut u64) -> GatewayFrame {
    *seq += 1;
    GatewayFrame { seq: *seq, messages }
}

/// Its size in JSON, comma included. (Nothing in these messages can fail to be written.)
fn size(message: &GatewayMessage) -> usize {
    serde_json::to_vec(message).map_or(0, |json| json.len() + 1)
}

#[cfg(test)]
mod tests {
    use tandem_switch_link::{SwitchEvent, encode_gateway_frame};
    use tandem_words::{Custom, EventBody};

    use super::*;

    #[test]
    fn a_backlog_of_small_events_takes_several_frames_too() {
        let messages = vec![GatewayMessage::Clock { now: 1 }; 2 * MESSAGES_OF_A_FRAME + 1];
        let frames = pack(messages, &mut 0);
        let lengths: Vec<_> = frames.iter().map(|frame| frame.messages.len()).collect();
        assert_eq!(lengths, [MESSAGES_OF_A_FRAME, MESSAGES_OF_A_FRAME, 1]);
    }

    #[test]
    fn a_long_backlog_takes_several_frames_each_small_enough() {
        let messages: Vec<_> = (1..=200)
            .map(|position| {
                let body = EventBody::Custom(Custom { name: "n".into(), json: "\"".repeat(30_000) });
                GatewayMessage::Event(SwitchEvent { position, at: 0, interaction: None, visit: None, answers: None, body })
            })
            .collect();
        let mut seq = 4;
        let frames = pack(messages.clone(), &mut seq);
        assert!(frames.len() > 2);
        assert_eq!(frames.iter().map(|frame| frame.seq).collect::<Vec<_>>(), (5..=seq).collect::<Vec<_>>());
        assert!(frames.iter().all(|frame| encode_gateway_frame(frame).unwrap().len() <= MAX_FRAME_BYTES));
        assert_eq!(frames.into_iter().flat_map(|frame| frame.messages).collect::<Vec<_>>(), messages);
    }
}
