//! Durations (`50ms`, `5s`, `2m`, `1h`, `7d`) and sizes (`32MiB`, `64KiB`, `1MB`, `512B`) as people write them.
//!
//! A number without a unit is refused: "timeout: 30" has meant seconds and milliseconds in too many products.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Reads a duration: a whole number and `ms`, `s`, `m`, `h` or `d`. `None` when it is not one or is above 2^64 ms.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &DURATION_UNITS).map(Duration::from_millis)
}

/// Reads a size in bytes: a whole number and `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    parse(text, &SIZE_UNITS)
}

/// Writes a duration as [`parse_duration`] reads it, in the largest unit that divides it; parts under 1 ms are dropped.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    format(millis, DURATION_UNITS.iter(), "ms")
}

/// Writes a size as [`parse_size`] reads it, in the largest binary unit that divides it.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    format(bytes, SIZE_UNITS.iter().take(4), "B")
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let (_, factor) = units
        .iter()
        .find(|(name, _)| *name == unit.trim_start_matches(' '))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn format<'u>(
    value: u64,
    units: impl Iterator<Item = &'u (&'u str, u64)>,
    smallest: &str,
) -> String {
    let best = units
        .filter(|(_, factor)| value >= *factor && value.is_multiple_of(*factor))
        .max_by_key(|(_, factor)| *factor);
    match best {
        Some((name, factor)) if value > 0 => format!("{}{name}", value / factor),
        _ => format!("{value}{smallest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_have_their_meaning_and_bare_numbers_none() {
        for (text, millis) in [
            ("50ms", 50),
            ("5s", 5_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1 s", 1_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5s",
            "5 sec",
            "5S",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for (text, bytes) in [
            ("32MiB", 33_554_432),
            ("64KiB", 65_536),
            ("1MB", 1_000_000),
            ("7B", 7),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["32", "1mb", "MiB", "1.5MiB", "é"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in 0u64..1 << 50) {
            prop_assert_eq!(parse_size(&format_size(value)), Some(value));
            let duration = Duration::from_millis(value);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }
    }
}
