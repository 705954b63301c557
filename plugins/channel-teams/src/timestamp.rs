//! Times as activities write them: RFC 3339, with any number of digits of a second.

/// Milliseconds since 1970; `None` when it is no such time or before 1970.
#[must_use]
pub fn read(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let number = |text: Option<&str>, digits: usize| {
        let text = text?;
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i64>().ok())?
    };
    let mut date = date.split('-');
    let year = number(date.next(), 4)?;
    let month = number(date.next(), 2).filter(|month| (1..=12).contains(month))?;
    let day = number(date.next(), 2).filter(|day| (1..=31).contains(day))?;
    let at = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(at)?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = clock.split(':');
    let hour = number(clock.next(), 2).filter(|hour| *hour < 24)?;
    let minute = number(clock.next(), 2).filter(|minute| *minute < 60)?;
    let second = number(clock.next(), 2).filter(|second| *second <= 60)?;
    if date.next().is_some() || clock.next().is_some() {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let (sign, zone) = zone.split_at_checked(1)?;
            let (hours, minutes) = zone.split_once(':')?;
            let minutes = number(Some(hours), 2)? * 60 + number(Some(minutes), 2)?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    // Days since 1970 by the civil calendar: years begin in March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 153 + 2) / 5
        + day
        - 719_469;
    let minutes = (days * 24 + hour) * 60 + minute - offset;
    u64::try_from((minutes * 60 + second) * 1000 + millis).ok()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_time_is_read_with_fraction_and_offset() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00.001Z", Some(1)),
            ("2026-01-03T02:17:32.3098051Z", Some(1_767_406_652_309)),
            ("2026-01-02T18:17:32.3098051-08:00", Some(1_767_406_652_309)),
            ("2024-02-29T12:00:00+01:00", Some(1_709_204_400_000)),
            ("2024-03-01T00:00:00.5Z", Some(1_709_251_200_500)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000)),
            ("9999-12-31T23:59:60Z", Some(253_402_300_800_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01", None),
            ("2026-1-1T0:0:0Z", None),
            ("2026-01-01T00:00:00.xZ", None),
            ("2026-01-01T00:00:00é", None),
            ("2026-01-01T00:00:00+é", None),
            ("", None),
        ] {
            assert_eq!(read(text), ms, "{text}");
        }
    }
}
