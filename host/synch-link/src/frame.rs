//! Frames: how messages travel.

use std::io;

use serde::{Serialize, de::DeserializeOwned};

/// The largest frame either side takes, its length not counted. Reason: twice the largest frame of the switch link, since no
/// event that comes over that is larger here; a peer that sends more is broken, hostile, or another program.
pub const MAX_FRAME_BYTES: usize = 8 << 20;

/// The length in front of a frame: a `u32`, most significant byte first.
pub const LENGTH_BYTES: usize = 4;

/// A frame that cannot be taken, or made.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Too large.
    #[error("a frame of {bytes} bytes on the synch link; the limit is {MAX_FRAME_BYTES}. Is it an instance of Tandem that speaks there?")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not a message of the protocol.
    #[error("a frame on the synch link cannot be read: {0}; see docs/synch-link.md for the messages")]
    Malformed(#[from] rmp_serde::decode::Error),
    /// A message that cannot be written; a bug in Tandem.
    #[error("a message for the synch link cannot be written: {0}; please report this")]
    Unwritable(#[from] rmp_serde::encode::Error),
}

/// The size of the frame whose length this is.
pub fn frame_bytes(length: [u8; LENGTH_BYTES]) -> Result<usize, FrameError> {
    match usize::try_from(u32::from_be_bytes(length)) {
        Ok(bytes) if bytes <= MAX_FRAME_BYTES => Ok(bytes),
        Ok(bytes) => Err(FrameError::TooLarge { bytes }),
        Err(_) => Err(FrameError::TooLarge { bytes: usize::MAX }),
    }
}

/// Appends a message's frame, length first. After an error, `to` is as it was.
pub fn encode(message: &impl Serialize, to: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = to.len();
    to.extend([0; LENGTH_BYTES]);
    let written = rmp_serde::encode::write_named(to, message).map_err(FrameError::from).and_then(|()| {
        let bytes = to.len() - start - LENGTH_BYTES;
        let too_large = || FrameError::TooLarge { bytes };
        u32::try_from(bytes).ok().filter(|_| bytes <= MAX_FRAME_BYTES).ok_or_else(too_large)
    });
    match written {
        Ok(length) => {
            to.iter_mut().skip(start).zip(length.to_be_bytes()).for_each(|(byte, digit)| *byte = digit);
            Ok(())
        }
        Err(error) => {
            to.truncate(start);
            Err(error)
        }
    }
}

/// Reads a frame, its length not included.
pub fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, FrameError> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge { bytes: frame.len() });
    }
    let mut from = rmp_serde::Deserializer::from_read_ref(frame);
    from.set_max_depth(MAX_DEPTH);
    Ok(T::deserialize(&mut from)?)
}

/// How deep a message may be nested. Reason: the deepest of ours needs about ten; a stranger's must not use up the stack.
const MAX_DEPTH: usize = 64;

/// What a part of a message takes in a frame, without writing it; 0: it cannot be written.
#[must_use]
pub fn encoded_bytes(part: &impl Serialize) -> usize {
    let mut count = Count(0);
    rmp_serde::encode::write_named(&mut count, part).map_or(0, |()| count.0)
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0 += data.len();
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BackupMessage, PrimaryMessage};

    #[test]
    fn frames_stand_one_behind_the_other() {
        let mut bytes = Vec::new();
        encode(&BackupMessage::Ack { seq: 7 }, &mut bytes).unwrap();
        let first = bytes.len();
        encode(&BackupMessage::Heartbeat, &mut bytes).unwrap();
        let length = frame_bytes(bytes[..4].try_into().unwrap()).unwrap();
        assert_eq!(length + LENGTH_BYTES, first);
        assert_eq!(decode::<BackupMessage>(&bytes[4..first]).unwrap(), BackupMessage::Ack { seq: 7 });
        assert_eq!(decode::<BackupMessage>(&bytes[first + 4..]).unwrap(), BackupMessage::Heartbeat);
        assert_eq!(encoded_bytes(&BackupMessage::Ack { seq: 7 }), length);
    }

    #[test]
    fn what_is_too_large_is_neither_read_nor_written() {
        assert_eq!(frame_bytes([0, 0x80, 0, 0]).unwrap(), MAX_FRAME_BYTES);
        assert!(frame_bytes([0, 0x80, 0, 1]).is_err());
        assert!(frame_bytes(*b"GET ").unwrap_err().to_string().contains("Is it an instance of Tandem"), "a browser");
        let mut bytes = vec![1, 2, 3];
        let flood = PrimaryMessage::Refused { reason: crate::Refusal::Malformed, message: "x".repeat(MAX_FRAME_BYTES) };
        assert!(matches!(encode(&flood, &mut bytes), Err(FrameError::TooLarge { .. })));
        assert_eq!(bytes, [1, 2, 3]);
    }

    #[test]
    fn nonsense_is_refused() {
        for frame in [&[][..], &[0xc1], b"hello", &[0x81, 0xa3, b'f', b'l', b'y', 0xc0], &[0x91; 100_000]] {
            assert!(matches!(decode::<BackupMessage>(frame), Err(FrameError::Malformed(_))), "{:?}", &frame[..frame.len().min(9)]);
        }
    }

    #[test]
    fn a_field_that_a_later_release_adds_is_passed_over_and_one_that_it_dropped_has_a_default() {
        #[derive(Serialize)]
        enum Later {
            #[serde(rename = "standing")]
            Standing { ready: bool, reaches_switch: bool, mood: &'static str },
        }
        let mut bytes = Vec::new();
        encode(&Later::Standing { ready: true, reaches_switch: true, mood: "good" }, &mut bytes).unwrap();
        let standing = crate::Standing { ready: true, reaches_switch: true, ..crate::Standing::default() };
        assert_eq!(decode::<BackupMessage>(&bytes[4..]).unwrap(), BackupMessage::Standing(standing));
    }
}
