//! The host's part of a snapshot: its own format, with a number in front.

use crate::SessionState;

const FORMAT: u8 = 1;

/// None only where encoding fails, which would be a bug; the session is then recovered by replay.
pub(crate) fn encode(state: &SessionState) -> Option<Vec<u8>> {
    let mut data = vec![FORMAT];
    rmp_serde::encode::write(&mut data, state).ok()?;
    Some(data)
}

/// Reads it back; the message is for people.
pub(crate) fn decode(data: &[u8]) -> Result<SessionState, String> {
    match data.split_first() {
        Some((&FORMAT, body)) => rmp_serde::from_slice(body).map_err(|error| format!("its snapshot is damaged: {error}")),
        Some((format, _)) => Err(format!("its snapshot has format {format}; this release reads {FORMAT}")),
        None => Err("its snapshot is empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use tandem_words::{EventBody, RequestBody};

    use super::*;
    use crate::testing::{play, step, with_call};

    /// A session of which every field says something.
    fn state() -> SessionState {
        let mut state = with_call();
        let timer = RequestBody::After { delay_ms: 500 };
        let send = RequestBody::Send { session: "101-1-2".to_owned(), name: "hello".to_owned(), json: "{}".to_owned() };
        let mut asks =
            step(&state, EventBody::CallCreated(crate::testing::interaction("c2")), 1_100, &[play("c1"), timer, send, play("x")]);
        asks.requests[3].refused = Some(tandem_words::Failure::new(tandem_words::ErrorCode::Denied, "not yours"));
        state.apply(&asks);
        let mut heard = step(&state, EventBody::InteractionDefaultRouted("c2".into()), 1_200, &[RequestBody::Cancel]);
        heard.source = tandem_journal::Source::Message(state.key(9));
        heard.requests[0].id = 2;
        state.apply(&heard);
        state
    }

    #[test]
    fn a_snapshot_of_the_first_release_is_read_and_written_alike() {
        let golden = include_str!("../tests/golden/host-snapshot.hex").split_whitespace();
        let golden: Vec<u8> = golden.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let today = encode(&state()).unwrap();
        let hex = today.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        assert_eq!(today, golden, "the format has changed: it needs a new number. Today's bytes: {hex}");
        assert_eq!(decode(&golden).unwrap(), state());
    }

    #[test]
    fn another_format_and_damage_are_told_apart() {
        let mut data = encode(&state()).unwrap();
        assert!(decode(&[]).unwrap_err().contains("empty"));
        data.truncate(20);
        assert!(decode(&data).unwrap_err().contains("damaged"));
        data[0] = 9;
        assert!(decode(&data).unwrap_err().contains("format 9"));
    }
}
