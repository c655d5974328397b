//! A moment as a calendar date and a time of day.

/// The offset from UTC.
#[derive(Clone, Debug)]
pub enum Zone {
    Utc,
    Local { offset_s: i64, name: String },
}

impl Zone {
    /// The zone of this machine at a moment.
    pub fn local(unix_seconds: i64) -> Self {
        match crate::sys::local_zone(unix_seconds) {
            Some((offset_s, name)) => Self::Local { offset_s, name },
            None => Self::Utc,
        }
    }

    pub fn offset_s(&self) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Local { offset_s, .. } => *offset_s,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Local { name, .. } => name,
        }
    }
}

pub struct Civil {
    pub unix_seconds: i64,
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub nanos: u32,
    /// 0 is Sunday.
    pub weekday: u32,
    /// 0 is the first of January.
    pub year_day: u32,
    pub zone: Zone,
}

const SECONDS_A_DAY: i64 = 86_400;

impl Civil {
    pub fn new(unix_seconds: i64, nanos: u32, zone: Zone) -> Self {
        let local = unix_seconds + zone.offset_s();
        let (days, rest) = (local.div_euclid(SECONDS_A_DAY), local.rem_euclid(SECONDS_A_DAY));
        let (year, month, day) = date_of(days);
        Self {
            unix_seconds,
            year,
            month,
            day,
            hour: (rest / 3600) as u32,
            minute: (rest / 60 % 60) as u32,
            second: (rest % 60) as u32,
            nanos,
            weekday: (days + 4).rem_euclid(7) as u32,
            year_day: (days - days_of(year, 1, 1)) as u32,
            zone,
        }
    }

    /// Days since 1970 of a date, if there is such a day.
    pub fn days(year: i64, month: u32, day: u32) -> Option<i64> {
        let exists = (1..=12).contains(&month) && day > 0;
        let days = exists.then(|| days_of(year, month, day))?;
        (date_of(days) == (year, month, day)).then_some(days)
    }

    /// Appends `2026-01-02T03:04:05.678Z`.
    pub fn push_iso(&self, out: &mut Vec<u8>) {
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text[0..4], self.year as u32);
        put(&mut text[5..7], self.month);
        put(&mut text[8..10], self.day);
        put(&mut text[11..13], self.hour);
        put(&mut text[14..16], self.minute);
        put(&mut text[17..19], self.second);
        put(&mut text[20..23], self.nanos / 1_000_000);
        out.extend_from_slice(&text);
    }

    /// (year, week) of ISO 8601.
    pub fn iso_week(&self) -> (i64, u32) {
        // The week belongs to the year of its Thursday.
        let weekday = (self.weekday + 6) % 7;
        let thursday = days_of(self.year, 1, 1) + i64::from(self.year_day) - i64::from(weekday) + 3;
        let (year, _, _) = date_of(thursday);
        (year, ((thursday - days_of(year, 1, 1)) / 7 + 1) as u32)
    }

    /// The week of the year where weeks begin on `first` (0 is Sunday).
    pub fn week(&self, first: u32) -> u32 {
        (self.year_day + 7 - (self.weekday + 7 - first) % 7) / 7
    }
}

fn put(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Days since 1970 to (year, month, day), counting in eras of 400 years that begin in March.
fn date_of(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{date_of, days_of, Civil, Zone};

    #[test]
    fn dates_and_days_are_inverse_over_leap_years() {
        for days in (-800_000..800_000).step_by(13) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
        assert_eq!(date_of(days_of(2000, 2, 28) + 1), (2000, 2, 29));
        assert_eq!(date_of(days_of(1900, 2, 28) + 1), (1900, 3, 1));
    }

    #[test]
    fn weeks_follow_iso_8601() {
        let week = |days: i64| Civil::new(days * 86_400, 0, Zone::Utc).iso_week();
        assert_eq!(week(days_of(2021, 1, 3)), (2020, 53));
        assert_eq!(week(days_of(2021, 1, 4)), (2021, 1));
        assert_eq!(week(days_of(2024, 12, 30)), (2025, 1));
    }
}
