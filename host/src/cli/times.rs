//! How times are shown.

use jiff::Timestamp;

/// UTC, with milliseconds; a number where it is no time.
pub(super) fn utc(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| format!("{ms} ms"), |timestamp| format!("{timestamp:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_utc_with_milliseconds() {
        assert_eq!(utc(915_148_800_250), "1999-01-01T00:00:00.250Z");
        assert_eq!(utc(u64::MAX), "18446744073709551615 ms");
    }
}
