//! Time as rollout files write it: `2026-02-04T20:29:45.576Z`.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, format_description::well_known::Rfc3339};

/// Julian day number of 1970-01-01.
const EPOCH_DAY: i32 = 2_440_588;
const DAY_MS: u64 = 86_400_000;

/// A moment in UTC: milliseconds since 1970, up to the end of the year 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Length of the text form, in bytes.
    pub const TEXT_BYTES: usize = 24;
    /// The last millisecond that the text form can express.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    /// The moment `ms` milliseconds after 1970; `None` past the year 9999.
    #[must_use]
    pub fn from_ms(ms: u64) -> Option<Timestamp> {
        (ms <= Timestamp::MAX.0).then_some(Timestamp(ms))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn ms(self) -> u64 {
        self.0
    }

    /// Reads exactly the form that [`Timestamp::render`] writes; anything else (other precision,
    /// other zone, a date that does not exist, a leap second) is `None`.
    #[must_use]
    pub fn parse(text: &[u8; Timestamp::TEXT_BYTES]) -> Option<Timestamp> {
        #[rustfmt::skip]
        let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2, b'.', f1, f2, f3, b'Z'] = *text
        else { return None };
        let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
        let month = u8::try_from(number(&[mo1, mo2])?).ok()?;
        let day = u8::try_from(number(&[d1, d2])?).ok()?;
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[mi1, mi2])?, number(&[s1, s2])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
        let days = u64::try_from(date.to_julian_day() - EPOCH_DAY).ok()?;
        Timestamp::from_ms(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + number(&[f1, f2, f3])?)
    }

    /// Reads any RFC 3339 time (offsets, other precisions), cut to milliseconds.
    #[must_use]
    pub fn parse_any(text: &str) -> Option<Timestamp> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Timestamp::from_ms(u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()?)
    }

    /// Appends the 24 bytes of the text form.
    pub fn render(self, out: &mut Vec<u8>) {
        let days = i32::try_from(self.0 / DAY_MS).unwrap_or(0);
        let date = Date::from_julian_day(EPOCH_DAY + days).unwrap_or(Date::MIN);
        let ms = self.0 % DAY_MS;
        digits(out, 4, u64::from(date.year().unsigned_abs()));
        out.push(b'-');
        digits(out, 2, u64::from(u8::from(date.month())));
        out.push(b'-');
        digits(out, 2, u64::from(date.day()));
        out.push(b'T');
        digits(out, 2, ms / 3_600_000);
        out.push(b':');
        digits(out, 2, ms / 60_000 % 60);
        out.push(b':');
        digits(out, 2, ms / 1000 % 60);
        out.push(b'.');
        digits(out, 3, ms % 1000);
        out.push(b'Z');
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(Timestamp::TEXT_BYTES);
        self.render(&mut text);
        f.pad(&String::from_utf8_lossy(&text))
    }
}

fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |sum: u64, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
}

fn digits(out: &mut Vec<u8>, width: u32, value: u64) {
    for place in (0..width).rev() {
        let digit = value / 10u64.pow(place) % 10;
        out.push(b'0'.wrapping_add(u8::try_from(digit).unwrap_or(0)));
    }
}
