//! Local times of a trace, taken for UTC.

use super::TraceError;

/// UTC milliseconds of a date (`1999-01-05`, its midnight) or a date and time (`1999-01-05T08:00:00`), from 1970 on.
pub fn instant(text: &str) -> Result<u64, TraceError> {
    parse(text).ok_or_else(|| TraceError::BadInstant(text.chars().take(40).collect()))
}

fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month_index = usize::try_from(month).ok()?.checked_sub(1)?;
    let in_range = (1..=*days.get(month_index)?).contains(&day) && hour < 24 && minute < 60 && second < 60;
    // Leap days from year 1 to the end of the year before.
    let leap_days = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let since_1970 = year.checked_sub(1970).filter(|_| in_range)?;
    let in_year = days.iter().take(month_index).sum::<u64>() + day - 1;
    let all_days = since_1970 * 365 + leap_days(year) - leap_days(1970) + in_year;
    Some((((all_days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(separator);
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_utc_milliseconds() {
        for (text, expected_s) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:59", 59),
            ("1999-01-05", 915_494_400),
            ("1999-01-01T00:34:12", 915_150_852),
            ("2000-02-29T23:59:59", 951_868_799),
            ("2000-03-01", 951_868_800),
            ("2100-03-01", 4_107_542_400),
        ] {
            assert_eq!(instant(text).unwrap(), expected_s * 1_000, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused_by_name() {
        let long = "9".repeat(1_000);
        for text in ["", "1999", "1999-13-01", "1999-00-01", "1999-02-29", "1999-01-00", "1999-1-5", "1969-12-31"] {
            assert!(instant(text).unwrap_err().to_string().contains(&format!("`{text}`")), "{text}");
        }
        for text in ["1999-01-05T24:00:00", "1999-01-05T08:60:00", "1999-01-05T08:00", "+999-01-05", &long, "1999-01-05-06"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
