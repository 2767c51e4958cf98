//! Periods of Codex: which versions, models and habits a thread of a time has.

use crate::random::Random;
use crate::words::Voice;

/// A period; each writes another mix of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// August and September 2025: lines without an envelope.
    Bare,
    /// October 2025 to January 2026: the turn's context before every request, no turn ids.
    Early,
    /// February to May 2026: turns with ids, start and end.
    Middle,
    /// June to August 2026: settings, world state, repeated session lines, patches reported.
    Late,
}

const DAY_MS: u64 = 86_400_000;

/// Of 1000 threads with an envelope, how many fall into each era, with its first day (since 1970) and its length.
const CALENDAR: [(Era, u32, u64, u64); 3] =
    [(Era::Early, 270, 20_366, 120), (Era::Middle, 190, 20_486, 119), (Era::Late, 540, 20_605, 64)];

impl Era {
    /// The era at `part` of `whole` through the plan's enveloped threads, and the time, milliseconds since 1970.
    pub(crate) fn at(part: u32, whole: u32) -> (Era, u64) {
        let share = u64::from(part) * 1_000_000 / u64::from(whole.max(1));
        let mut start = 0;
        for (era, per_mille, day, days) in CALENDAR {
            let width = u64::from(per_mille) * 1000;
            if share < start + width {
                return (era, day * DAY_MS + (share - start) * days * DAY_MS / width);
            }
            start += width;
        }
        (Era::Late, 20_668 * DAY_MS)
    }

    /// The time at `part` of `whole` through the threads without an envelope.
    pub(crate) fn bare_at(part: u32, whole: u32) -> u64 {
        20_321 * DAY_MS + u64::from(part) * 34 * DAY_MS / u64::from(whole.max(1))
    }

    /// The language of a project of this time.
    pub(crate) fn voice(self, random: &mut Random) -> Voice {
        let (english, chinese) = match self {
            Era::Bare => (1000, 0),
            Era::Early => (620, 0),
            Era::Middle => (560, 340),
            Era::Late => (280, 690),
        };
        match random.below(1000) {
            draw if draw < english => Voice::English,
            draw if draw < english + chinese => Voice::Chinese,
            _ => Voice::French,
        }
    }

    /// A version of the program, of those in use then.
    pub(crate) fn version(self, random: &mut Random) -> &'static str {
        random.pick(match self {
            Era::Bare => &["0.25.0"],
            Era::Early => {
                &["0.46.0", "0.53.0", "0.58.0", "0.63.0", "0.72.0", "0.77.0", "0.80.0", "0.87.0", "0.92.0", "0.94.0"]
            }
            Era::Middle => &["0.98.0", "0.101.0", "0.104.0", "0.107.0-alpha.3", "0.114.0", "0.121.0", "0.128.0"],
            Era::Late => &["0.137.0", "0.139.0", "0.140.0", "0.140.0-alpha.19", "0.142.2", "0.144.0", "0.146.0"],
        })
    }

    /// A model, of those in use then.
    pub(crate) fn model(self, random: &mut Random) -> &'static str {
        random.weighted(match self {
            Era::Bare => &[(1, "gpt-5")],
            Era::Early => {
                &[(50, "gpt-5.2-codex"), (30, "gpt-5-codex"), (16, "gpt-5.1-codex-max"), (4, "gpt-5.1-codex-mini")]
            }
            Era::Middle => &[
                (70, "gpt-5.3-codex"),
                (15, "gpt-5.2-codex"),
                (12, "gpt-5.4"),
                (2, "kimi-k2.5:cloud"),
                (1, "mistral:7b-instruct-q4_K_M"),
            ],
            Era::Late => &[
                (62, "gpt-5.5"),
                (22, "gpt-5.6-sol"),
                (8, "gpt-5.6-terra"),
                (5, "gpt-5.4-mini"),
                (3, "codex-auto-review"),
            ],
        })
    }

    /// Which program was used, and what it calls its source.
    pub(crate) fn originator(self, random: &mut Random) -> (&'static str, &'static str) {
        random.weighted(match self {
            Era::Bare | Era::Early => &[(6, ("codex_cli_rs", "cli")), (4, ("codex_vscode", "vscode"))],
            Era::Middle => &[(12, ("codex_vscode", "vscode")), (6, ("codex-tui", "cli")), (1, ("codex_exec", "exec"))],
            Era::Late => &[
                (85, ("codex_vscode", "vscode")),
                (8, ("Codex Desktop", "vscode")),
                (5, ("codex-chrome-extension", "vscode")),
                (2, ("codex_cli_rs", "cli")),
            ],
        })
    }

    /// Turns have ids and are reported when they start and end.
    pub(crate) fn has_turns(self) -> bool {
        matches!(self, Era::Middle | Era::Late)
    }
}

/// The provider of a model's name.
pub(crate) fn provider(model: &str) -> &'static str {
    if model.contains(':') { "ollama" } else { "openai" }
}
