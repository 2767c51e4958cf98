//! How large things are, as quantile tables: (per mille, bytes or counts).
//!
//! Fitted to the sizes measured on real rollouts; `tests/realism.rs` holds the sum of them to the measured figures.

use crate::random::Table;

/// Lines of a thread, for a mean of 190; scaled to what a plan asks for.
pub(crate) const THREAD_LINES: Table =
    &[(0, 5), (100, 14), (250, 40), (500, 93), (750, 212), (900, 450), (950, 650), (990, 1_050), (1000, 2_400)];

/// Requests with tool calls in a turn.
pub(crate) const TURN_REQUESTS: Table =
    &[(0, 0), (110, 0), (115, 1), (330, 2), (600, 5), (800, 11), (930, 20), (990, 40), (1000, 75)];

/// What a person writes.
pub(crate) const PROMPT: Table =
    &[(0, 6), (200, 20), (500, 90), (750, 280), (900, 1_100), (960, 3_000), (990, 7_000), (1000, 20_000)];

/// What an agent says between its steps.
pub(crate) const REMARK: Table = &[(0, 30), (200, 80), (500, 140), (800, 230), (950, 420), (1000, 1_400)];

/// What an agent says at the end of a turn.
pub(crate) const ANSWER: Table =
    &[(0, 50), (150, 220), (500, 760), (750, 1_350), (900, 2_100), (980, 3_900), (1000, 7_500)];

/// A summary of a model's reasoning, beside its title.
pub(crate) const REASONING_SUMMARY: Table =
    &[(0, 0), (300, 0), (310, 30), (650, 70), (850, 160), (980, 340), (1000, 1_200)];

/// The reasoning itself, encrypted.
pub(crate) const CIPHERTEXT: Table = &[
    (0, 700),
    (100, 890),
    (250, 990),
    (500, 1_300),
    (750, 2_100),
    (900, 4_000),
    (950, 5_800),
    (990, 11_000),
    (1000, 24_000),
];

/// A tool's output.
pub(crate) const OUTPUT: Table = &[
    (0, 20),
    (100, 70),
    (250, 190),
    (500, 640),
    (650, 2_800),
    (750, 7_000),
    (830, 11_500),
    (905, 24_000),
    (935, 39_000),
    (945, 48_000),
    (1000, 60_000),
];

/// The output of a script that calls several tools.
pub(crate) const SCRIPT_OUTPUT: Table =
    &[(0, 60), (100, 300), (300, 1_700), (500, 5_000), (700, 11_000), (850, 20_000), (935, 39_000), (1000, 60_000)];

/// The output of a tool in the format without envelope.
pub(crate) const OLD_OUTPUT: Table =
    &[(0, 10), (100, 60), (250, 110), (500, 170), (750, 2_500), (900, 7_900), (990, 9_900), (1000, 13_000)];

/// A script given to a shell instead of a simple command.
pub(crate) const SCRIPT: Table =
    &[(0, 180), (300, 380), (600, 800), (850, 1_800), (950, 4_000), (990, 8_500), (1000, 16_000)];

/// A patch.
pub(crate) const PATCH: Table =
    &[(0, 260), (250, 520), (500, 1_000), (750, 2_000), (900, 3_700), (980, 7_600), (1000, 20_000)];

/// An image, as base64.
pub(crate) const IMAGE: Table = &[(0, 9_000), (300, 40_000), (700, 110_000), (950, 210_000), (1000, 700_000)];
