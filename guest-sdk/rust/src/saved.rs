//! How a snapshot is written: a line of the SDK's own, then the strategy's state; both JSON.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// Joins both into the bytes of a snapshot. `state` is JSON already.
pub(crate) fn join(header: &impl Serialize, state: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(header)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(state);
    Ok(bytes)
}

/// Takes a snapshot apart.
pub(crate) fn split<H: DeserializeOwned>(bytes: &[u8]) -> Result<(H, &[u8])> {
    // JSON in one line holds no line feed, so the first one ends the header.
    let end = bytes.iter().position(|b| *b == b'\n');
    match end.and_then(|end| bytes.split_at_checked(end)) {
        Some((header, rest)) => Ok((serde_json::from_slice(header)?, rest.get(1..).unwrap_or_default())),
        None => Err(Error::new("this is no snapshot of a strategy written with tandem-sdk")),
    }
}
