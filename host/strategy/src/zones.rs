//! Local time in the zones of the IANA database, which is built into the binary: every instance has the same rules.

use jiff::{Timestamp as Instant, tz::TimeZone};
use tandem_journal::LocalTime;
use tandem_words::Timestamp;

/// What clocks in `zone` show at `at`. The error is for the strategy's author.
pub(crate) fn local(at: Timestamp, zone: &str) -> Result<LocalTime, String> {
    let unknown = || format!("{zone:?} is not a time zone of the IANA database; one of them is \"Europe/Berlin\"");
    let zone = TimeZone::get(zone).map_err(|_| unknown())?;
    let instant = i64::try_from(at).ok().and_then(|ms| Instant::from_millisecond(ms).ok());
    let instant = instant.ok_or_else(|| format!("{at} ms is beyond the year 9999"))?;
    let time = instant.to_zoned(zone);
    let small = |value: i8| u8::try_from(value).unwrap_or(0);
    Ok(LocalTime {
        year: time.year().into(),
        month: small(time.month()),
        day: small(time.day()),
        hour: small(time.hour()),
        minute: small(time.minute()),
        second: small(time.second()),
        weekday: small(time.weekday().to_monday_one_offset()),
        utc_offset_minutes: i16::try_from(time.offset().seconds() / 60).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_show_summer_time_in_summer() {
        // 2026-07-03T10:30:00Z, a Friday; and half a year before.
        for (at, hour, offset, weekday) in [(1_783_074_600_000, 12, 120, 5), (1_767_177_000_000, 11, 60, 3)] {
            let time = local(at, "Europe/Berlin").unwrap();
            assert_eq!((time.hour, time.minute, time.utc_offset_minutes, time.weekday), (hour, 30, offset, weekday));
        }
        assert_eq!(local(0, "America/St_Johns").unwrap().utc_offset_minutes, -210);
        assert!(local(0, "Europe/Atlantis").unwrap_err().contains("Europe/Atlantis"));
        assert!(local(u64::MAX, "UTC").unwrap_err().contains("9999"));
    }
}
