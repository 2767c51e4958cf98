//! Time inside a thread: milliseconds since 1970, and the gaps between lines as measured on real rollouts.

use std::fmt::Write as _;

use time::OffsetDateTime;

use crate::random::{Random, Table};

/// What passes between two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Lines of one burst: mostly the same millisecond.
    Burst,
    /// A round trip that writes nothing.
    Trip,
    /// A tool that runs.
    Tool,
    /// A model that thinks.
    Model,
    /// A person who reads and answers.
    Person,
}

impl Gap {
    /// Milliseconds.
    fn table(self) -> Table {
        match self {
            Gap::Burst => &[(0, 0), (330, 0), (335, 1), (600, 5), (800, 40), (950, 160), (1000, 900)],
            Gap::Trip => &[(0, 3), (300, 20), (600, 180), (900, 480), (1000, 1_500)],
            Gap::Tool => &[(0, 8), (300, 60), (500, 180), (800, 900), (950, 9_000), (990, 45_000), (1000, 400_000)],
            Gap::Model => {
                &[(0, 600), (200, 2_000), (500, 4_400), (800, 9_000), (950, 26_000), (990, 90_000), (1000, 240_000)]
            }
            Gap::Person => &[
                (0, 2_000),
                (250, 9_000),
                (500, 24_000),
                (800, 80_000),
                (950, 420_000),
                (990, 6_000_000),
                (1000, 80_000_000),
            ],
        }
    }
}

/// A thread's clock; it never runs backwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    ms: u64,
}

impl Clock {
    /// A clock that stands at `ms`.
    pub(crate) fn at(ms: u64) -> Clock {
        Clock { ms }
    }

    /// Milliseconds since 1970.
    pub(crate) fn ms(self) -> u64 {
        self.ms
    }

    /// Lets a gap pass.
    pub(crate) fn pass(&mut self, gap: Gap, random: &mut Random) {
        self.ms += u64::from(random.table(gap.table()));
    }

    /// Lets `ms` milliseconds pass.
    pub(crate) fn advance(&mut self, ms: u64) {
        self.ms += ms;
    }
}

/// Appends `ms` as RFC 3339 in UTC with milliseconds: `2026-01-30T16:41:49.554Z`.
pub(crate) fn stamp(out: &mut String, ms: u64) {
    let moment = moment(ms);
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.millisecond()
    );
}

/// [`stamp`] as a new string.
pub(crate) fn stamped(ms: u64) -> String {
    let mut text = String::with_capacity(24);
    stamp(&mut text, ms);
    text
}

/// The date of `ms` in UTC: `2026-01-30`.
pub(crate) fn date(ms: u64) -> String {
    let moment = moment(ms);
    format!("{:04}-{:02}-{:02}", moment.year(), u8::from(moment.month()), moment.day())
}

/// The folder (`2026/01/30`) and the time in a rollout's name (`2026-01-30T17-41-49`), in local time `offset_minutes`
/// ahead of UTC: Codex names files by the clock on the wall.
pub(crate) fn file_time(ms: u64, offset_minutes: i32) -> (String, String) {
    let local = moment(ms) + time::Duration::minutes(i64::from(offset_minutes));
    let (year, month, day) = (local.year(), u8::from(local.month()), local.day());
    let folder = format!("{year:04}/{month:02}/{day:02}");
    let name = format!("{year:04}-{month:02}-{day:02}T{:02}-{:02}-{:02}", local.hour(), local.minute(), local.second());
    (folder, name)
}

/// Times here lie between 2025 and a few thousand years on; beyond them all read as 1970.
fn moment(ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
