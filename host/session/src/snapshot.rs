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
