//! Who holds a journal: the note in its LOCK file.

use std::fmt;

/// Who holds a lock, as they wrote it down for people. Advisory: the lock itself is the kernel's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Process id; 0 if unknown.
    pub pid: u32,
    /// Host name.
    pub host: String,
    /// Which program, as it named itself in the configuration.
    pub client: String,
    /// Since when, milliseconds since 1970 (UTC).
    pub since_ms: u64,
    /// The boot of the machine, 32 hex digits.
    pub boot: String,
}

impl Owner {
    /// The LOCK file's text: one `key value` line for each field, newlines in values replaced by spaces.
    #[must_use]
    pub fn to_text(&self) -> String {
        let clean = |text: &str| text.replace(['\n', '\r'], " ");
        format!(
            "pid {}\nhost {}\nclient {}\nsince_ms {}\nboot {}\n",
            self.pid,
            clean(&self.host),
            clean(&self.client),
            self.since_ms,
            clean(&self.boot)
        )
    }

    /// Reads the text back; what is missing or damaged stays at its default.
    #[must_use]
    pub fn from_text(text: &str) -> Owner {
        let mut owner = Owner::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(' ') else { continue };
            match key {
                "pid" => owner.pid = value.parse().unwrap_or(0),
                "host" => owner.host = value.to_owned(),
                "client" => owner.client = value.to_owned(),
                "since_ms" => owner.since_ms = value.parse().unwrap_or(0),
                "boot" => owner.boot = value.to_owned(),
                _ => {}
            }
        }
        owner
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("another process (it left no readable name)");
        }
        write!(f, "process {} ({}) on {}, since {}", self.pid, self.client, self.host, utc(self.since_ms))
    }
}

/// A time for people, to the second: `2026-01-31 12:34:56 UTC`.
fn utc(ms: u64) -> String {
    const DAY_SECONDS: u64 = 86_400;
    /// Days in 400 years, after which the calendar repeats itself.
    const ERA_DAYS: u64 = 146_097;
    let seconds = ms / 1000;
    // Counted from the first of March of the year 0, so that the day which some years lack is a year's last.
    let days = seconds / DAY_SECONDS + 719_468;
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (era * 400 + year + u64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 });
    let second = seconds % DAY_SECONDS;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let table = [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (951_868_799_999, "2000-02-29 23:59:59 UTC"),
            (1_769_862_896_789, "2026-01-31 12:34:56 UTC"),
            (1_795_354_089_897, "2026-11-22 13:28:09 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
        ];
        for (ms, said) in table {
            assert_eq!(utc(ms), said);
        }
        let owner = Owner { pid: 7, client: "c".into(), host: "h".into(), since_ms: 0, boot: String::new() };
        assert_eq!(owner.to_string(), "process 7 (c) on h, since 1970-01-01 00:00:00 UTC");
    }
}
