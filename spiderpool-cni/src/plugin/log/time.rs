//! Dates, without a library: UTC only.

use std::time::Duration;

/// A moment as date and time of day in UTC.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    milli: u32,
}

/// The date of a moment after 1970, by counting in years that begin in March, whose leap day comes last.
fn civil(since_1970: Duration) -> Civil {
    let seconds = since_1970.as_secs();
    // Days since 0000-03-01; 400 years have 146,097 days.
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    Civil {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * march_month + 2) / 5 + 1,
        hour: seconds / 3_600 % 24,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        milli: since_1970.subsec_millis(),
    }
}

/// `2026-11-21T02:15:00.123Z`.
pub(super) fn rfc3339(since_1970: Duration) -> String {
    let Civil { year, month, day, hour, minute, second, milli } = civil(since_1970);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// `2026-11-21T02-15-00.123`, which may stand in a file name and sorts by time.
pub(super) fn file_stamp(since_1970: Duration) -> String {
    let mut stamp = rfc3339(since_1970).replace(':', "-");
    stamp.pop();
    stamp
}

/// Whether `text` has the form of [`file_stamp`].
pub(super) fn is_file_stamp(text: &str) -> bool {
    let form = "0000-00-00T00-00-00.000";
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(b, f)| if f == b'0' { b.is_ascii_digit() } else { b == f })
}

#[cfg(test)]
mod tests {
    use super::{file_stamp, is_file_stamp, rfc3339};
    use rstest::rstest;
    use std::time::Duration;

    // Checked against `date -u -d @SECONDS`.
    #[rstest]
    #[case(0, "1970-01-01T00:00:00.000Z")]
    #[case(951_782_399_999, "2000-02-28T23:59:59.999Z")]
    #[case(951_782_400_000, "2000-02-29T00:00:00.000Z")]
    #[case(951_868_800_000, "2000-03-01T00:00:00.000Z")]
    #[case(1_709_164_800_000, "2024-02-29T00:00:00.000Z")]
    #[case(1_735_689_599_000, "2024-12-31T23:59:59.000Z")]
    #[case(1_735_689_600_000, "2025-01-01T00:00:00.000Z")]
    #[case(4_107_542_400_000, "2100-03-01T00:00:00.000Z")]
    fn dates(#[case] millis: u64, #[case] text: &str) {
        assert_eq!(rfc3339(Duration::from_millis(millis)), text);
    }

    #[test]
    fn stamps_have_their_form() {
        assert!(is_file_stamp(&file_stamp(Duration::from_millis(1_735_689_599_123))));
        for other in ["", "2024-12-31T23-59-59", "2024-12-31T23:59:59.123", "backup-of-31-december"] {
            assert!(!is_file_stamp(other), "{other}");
        }
    }
}
