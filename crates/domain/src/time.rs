//! Moments and calendar dates. Nothing here asks what time it is.

use serde::{Deserialize, Serialize};

use crate::error::DomainError;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

impl Timestamp {
    /// The moment this many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The moment this many milliseconds later; the last moment that can be written, where there is no such.
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The moment this many days of 24 hours later.
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(DAY_MS)))
    }

    /// The day in UTC.
    pub fn date(self) -> Date {
        Date::from_days(self.0.div_euclid(DAY_MS))
    }

    /// As RFC 3339 in UTC with milliseconds, such as `2026-11-22T03:17:34.000Z`.
    pub fn to_rfc3339(self) -> String {
        let ms = self.0.rem_euclid(DAY_MS);
        let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
        let (seconds, millis) = (ms / 1_000 % 60, ms % 1_000);
        format!(
            "{}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z",
            self.date()
        )
    }
}

/// A span from a moment up to, but without, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First moment inside.
    pub from: Timestamp,
    /// First moment after it.
    pub until: Timestamp,
}

impl Window {
    /// Whether a moment lies inside.
    pub fn contains(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// A day of the (proleptic) Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// A day by year (1 to 9999), month (1 to 12) and day of the month.
    ///
    /// # Errors
    /// [`DomainError::NoSuchDay`] where the calendar has none.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, DomainError> {
        if (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
        {
            Ok(Self { year, month, day })
        } else {
            Err(DomainError::NoSuchDay)
        }
    }

    /// Year.
    pub fn year(self) -> i32 {
        self.year
    }

    /// Month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// Day of the month, 1 to 31.
    pub fn day(self) -> u8 {
        self.day
    }

    /// The first moment of the day in UTC.
    pub fn start(self) -> Timestamp {
        Timestamp(self.days().saturating_mul(DAY_MS))
    }

    /// The birthday so many years later. Who was born on 29 February has it on 1 March where the year has none.
    pub fn plus_years(self, years: u8) -> Self {
        let year = self.year.saturating_add(i32::from(years)).min(9999);
        match Self::new(year, self.month, self.day) {
            Ok(date) => date,
            Err(_) => Self {
                year,
                month: 3,
                day: 1,
            },
        }
    }

    /// Days since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    fn days(self) -> i64 {
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The inverse, `civil_from_days` of the same source; days beyond the years 1 to 9999 give the nearest of them.
    fn from_days(days: i64) -> Self {
        let days = days.clamp(-719_162, 2_932_896) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year: i32::try_from(year).unwrap_or(9999),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }
}

fn days_in(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl std::fmt::Debug for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Date {
    type Err = DomainError;

    /// Reads `YYYY-MM-DD` and nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |range: std::ops::Range<usize>| {
            text.get(range)
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse::<u16>().ok())
        };
        let separated = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        match (separated, number(0..4), number(5..7), number(8..10)) {
            (true, Some(year), Some(month), Some(day)) => Self::new(
                i32::from(year),
                u8::try_from(month).unwrap_or(0),
                u8::try_from(day).unwrap_or(0),
            ),
            _ => Err(DomainError::NoSuchDay),
        }
    }
}

impl TryFrom<String> for Date {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_and_moments_agree() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("1969-12-31", -DAY_MS),
            ("2000-02-29", 951_782_400_000),
            ("2026-11-22", 1_795_305_600_000),
            ("0001-01-01", -62_135_596_800_000),
            ("9999-12-31", 253_402_214_400_000),
        ] {
            assert_eq!(date(text).start().ms(), ms, "{text}");
            assert_eq!(Timestamp::from_ms(ms).date(), date(text), "{text}");
            assert_eq!(Timestamp::from_ms(ms + DAY_MS - 1).date(), date(text), "{text}");
        }
        assert_eq!(Timestamp::from_ms(i64::MAX).date(), date("9999-12-31"));
        assert_eq!(Timestamp::from_ms(i64::MIN).date(), date("0001-01-01"));
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut moment = date("1600-01-01").start();
        let mut before = moment.date();
        while before.year() < 2400 {
            moment = moment.plus_days(1);
            let day = moment.date();
            assert!(day > before && day.start() == moment, "{day} after {before}");
            before = day;
        }
    }

    #[test]
    fn what_the_calendar_lacks_is_refused() {
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "0000-01-01",
            "2026-1-01",
            "+026-01-01",
            "2026-01-01T",
            "2026年-1",
            "",
        ] {
            assert_eq!(text.parse::<Date>(), Err(DomainError::NoSuchDay), "{text:?}");
        }
    }

    #[test]
    fn a_birthday_of_february_29_is_march_1_in_common_years() {
        assert_eq!(date("2008-02-29").plus_years(18), date("2026-03-01"));
        assert_eq!(date("2008-02-29").plus_years(20), date("2028-02-29"));
        assert_eq!(date("9990-05-05").plus_years(18), date("9999-05-05"));
    }

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(
            Timestamp::from_ms(1_795_317_454_007).to_rfc3339(),
            "2026-11-22T03:17:34.007Z"
        );
        assert_eq!(Timestamp::from_ms(-1).to_rfc3339(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let window = Window {
            from: Timestamp::from_ms(5),
            until: Timestamp::from_ms(7),
        };
        let inside: Vec<i64> = (0..10)
            .filter(|&ms| window.contains(Timestamp::from_ms(ms)))
            .collect();
        assert_eq!(inside, [5, 6]);
    }
}
