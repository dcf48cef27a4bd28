//! Durations as kubectl writes ages.

use std::time::Duration;

/// `12s`, `5m`, `3h`, `4d`: the largest unit that fits; two units while the larger one is small (`2m5s`).
pub(crate) fn age(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = duration.as_secs();
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds / MINUTE, "m", seconds % MINUTE, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
        _ => format!("{}d", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0s")]
    #[case(119, "119s")]
    #[case(120, "2m")]
    #[case(125, "2m5s")]
    #[case(601, "10m")]
    #[case(10_799, "179m")]
    #[case(10_860, "3h1m")]
    #[case(28_800, "8h")]
    #[case(176_400, "2d1h")]
    #[case(691_200, "8d")]
    fn ages_read_as_kubectl_writes_them(#[case] seconds: u64, #[case] text: &str) {
        assert_eq!(age(Duration::from_secs(seconds)), text);
    }
}
