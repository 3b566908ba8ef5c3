//! Frames: how messages travel.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{GatewayMessage, HostMessage};

/// The largest frame either side takes. Reason: the largest payload a request may carry (64 KiB) with room for a batch; a
/// peer that sends more is broken or hostile, and its connection is closed.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// The gateway's messages under one number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayFrame {
    /// Counts the connection's frames from 1.
    pub seq: u64,
    /// In order.
    pub messages: Vec<GatewayMessage>,
}

/// A frame that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Too large.
    #[error("a frame of {bytes} bytes came over the switch link; the limit is {MAX_FRAME_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not the protocol's JSON.
    #[error("a frame on the switch link cannot be read: {0}; see docs/switch-link.md for the messages")]
    Malformed(#[from] serde_json::Error),
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, FrameError> {
    if text.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge { bytes: text.len() });
    }
    Ok(serde_json::from_str(text)?)
}

/// Reads a frame of the host.
pub fn decode_host_frame(text: &str) -> Result<Vec<HostMessage>, FrameError> {
    decode(text)
}

/// Reads a frame of the gateway.
pub fn decode_gateway_frame(text: &str) -> Result<GatewayFrame, FrameError> {
    decode(text)
}

/// Writes a frame of the host.
pub fn encode_host_frame(messages: &[HostMessage]) -> Result<String, FrameError> {
    Ok(serde_json::to_string(messages)?)
}

/// Writes a frame of the gateway.
pub fn encode_gateway_frame(frame: &GatewayFrame) -> Result<String, FrameError> {
    Ok(serde_json::to_string(frame)?)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use tandem_words::{EventBody, RequestBody, RequestKey, SessionId, StoppedBy};

    use super::*;
    use crate::{Asked, Held, StepMessage, SwitchEvent};

    #[test]
    fn a_host_frame_is_a_list_of_messages() {
        let session = SessionId { node: 101, epoch: 3, number: 42 };
        let messages = vec![
            HostMessage::Lead { epoch: 3, store: 77 },
            HostMessage::Step(StepMessage {
                epoch: 3,
                session,
                incarnation: 1,
                seq: 2,
                interactions: vec![Held { id: "c1".into(), visit: Some(1) }],
                quiet_until: None,
                over: None,
                requests: vec![Asked { request: 1, body: RequestBody::Disconnect { interaction: "c1".into() } }],
            }),
            HostMessage::Idle { seq: 9, wake_at: Some(12_000) },
            HostMessage::Heartbeat,
        ];
        let text = encode_host_frame(&messages).unwrap();
        expect![[r#"[{"type":"lead","epoch":3,"store":77},{"type":"step","epoch":3,"session":"101-3-42","incarnation":1,"seq":2,"interactions":[{"id":"c1","visit":1}],"quiet_until":null,"over":null,"requests":[{"request":1,"body":{"routing.disconnect":{"interaction":"c1"}}}]},{"type":"idle","seq":9,"wake_at":12000},{"type":"heartbeat"}]"#]]
        .assert_eq(&text);
        assert_eq!(decode_host_frame(&text).unwrap(), messages);
    }

    #[test]
    fn a_gateway_frame_has_a_number() {
        let session = SessionId { node: 101, epoch: 3, number: 42 };
        let frame = GatewayFrame {
            seq: 7,
            messages: vec![GatewayMessage::Event(SwitchEvent {
                position: 5,
                at: 1_000,
                interaction: Some("c1".into()),
                visit: None,
                answers: Some(RequestKey { session, incarnation: 1, request: 1 }),
                body: EventBody::PlayDone(StoppedBy::End),
            })],
        };
        let text = encode_gateway_frame(&frame).unwrap();
        expect![[r#"{"seq":7,"messages":[{"type":"event","position":5,"at":1000,"interaction":"c1","visit":null,"answers":{"session":"101-3-42","incarnation":1,"request":1},"body":{"dialog.playsound.done":"end"}}]}"#]]
        .assert_eq(&text);
        assert_eq!(decode_gateway_frame(&text).unwrap(), frame);
    }

    #[test]
    fn nonsense_and_floods_are_refused_by_name() {
        assert!(decode_host_frame("{").unwrap_err().to_string().contains("cannot be read"));
        assert!(decode_host_frame(r#"[{"type":"fly"}]"#).unwrap_err().to_string().contains("fly"));
        let flood = " ".repeat(MAX_FRAME_BYTES + 1);
        assert!(decode_gateway_frame(&flood).unwrap_err().to_string().contains("limit"));
    }
}
