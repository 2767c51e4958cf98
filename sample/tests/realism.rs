//! The sample against the corpus of 813 real rollouts: sizes, kinds, compression, repetition.
//!
//! The measured figures are of the corpus' enveloped lines where the two differ (143,142 lines, 348.7 MB of 152,679 and
//! 360.0 MB), as a plan without `legacy_percent` has no others. Rare kinds that come in few, huge lines are only looked
//! for: their share of a sample of 50,000 lines says nothing.

#![allow(clippy::as_conversions, clippy::print_stdout, reason = "a test that panics has failed, as it should")]

mod measure;

use std::sync::OnceLock;

use measure::{Measured, percentile};
use threadlog_sample::Plan;

const REAL_LINES: f64 = 143_142.0;
const REAL_BYTES: f64 = 348_709_000.0;

/// How far a figure may lie from the measured one.
const TOLERANCE: f64 = 0.20;

/// The same for the bytes of what scripts print. Few threads have all of it, and it comes out low: over groups of five
/// seeds 5 to 35 % below the measured figure, 21 % below over twelve seeds.
const TOLERANCE_OF_SCRIPTS: f64 = 0.40;

/// Kind, lines, bytes of the kinds that make up 97 % of the corpus' bytes.
const REAL_KINDS: [(&str, f64, f64); 15] = [
    ("response_item/function_call_output", 17_811.0, 123_961_255.0),
    ("response_item/reasoning", 16_142.0, 38_032_515.0),
    ("session_meta", 1_871.0, 36_447_100.0),
    ("response_item/message", 16_451.0, 26_711_173.0),
    ("turn_context", 9_000.0, 25_040_120.0),
    ("response_item/custom_tool_call_output", 4_527.0, 23_913_098.0),
    ("event_msg/token_count", 25_990.0, 17_821_997.0),
    ("response_item/function_call", 17_812.0, 11_921_992.0),
    ("response_item/custom_tool_call", 4_528.0, 7_762_838.0),
    ("event_msg/agent_message", 10_781.0, 6_680_208.0),
    ("event_msg/task_complete", 2_576.0, 3_420_120.0),
    ("event_msg/patch_apply_end", 1_275.0, 3_019_281.0),
    ("event_msg/user_message", 3_400.0, 2_958_778.0),
    ("world_state", 361.0, 2_288_086.0),
    ("event_msg/agent_reasoning", 5_619.0, 1_349_035.0),
];

/// Kinds that must occur.
const RARE_KINDS: [&str; 12] = [
    "compacted",
    "event_msg/context_compacted",
    "event_msg/exec_command_end",
    "event_msg/item_completed",
    "event_msg/mcp_tool_call_end",
    "event_msg/task_started",
    "event_msg/thread_name_updated",
    "event_msg/thread_rolled_back",
    "event_msg/thread_settings_applied",
    "event_msg/turn_aborted",
    "event_msg/web_search_end",
    "response_item/ghost_snapshot",
];

/// Samples of the first seeds there are, measured once for all tests and taken together: of the 240 threads of one, a
/// single thread's luck can move the rarer kinds out of the tolerance.
fn measured() -> &'static Measured {
    static MEASURED: OnceLock<Measured> = OnceLock::new();
    MEASURED.get_or_init(|| {
        let plans: Vec<Plan> = (1..=5).map(|seed| Plan { threads: 240, seed, ..Plan::default() }).collect();
        Measured::of_all(&plans)
    })
}

fn near(what: &str, got: f64, real: f64) {
    within(what, got, real, TOLERANCE);
}

fn within(what: &str, got: f64, real: f64, tolerance: f64) {
    let off = got / real - 1.0;
    println!("{what:60} {got:>12.3} {real:>12.3} {:>+6.1} %", off * 100.0);
    assert!(off.abs() <= tolerance, "{what}: {got:.3}, measured on real rollouts: {real:.3}");
}

#[test]
fn lines_are_as_long_as_real_ones() {
    let sample = measured();
    near("mean bytes per line", sample.bytes() as f64 / sample.lines() as f64, 2_358.0);
    for (per_mille, real) in [(500, 702.0), (900, 4_541.0), (990, 40_573.0), (999, 47_183.0)] {
        near(
            &format!("bytes per line p{}", per_mille as f64 / 10.0),
            percentile(&sample.line_bytes, per_mille) as f64,
            real,
        );
    }
    near("bytes of the first line p50", percentile(&sample.first_line_bytes, 500) as f64, 19_108.0);
    near("bytes of the first line p90", percentile(&sample.first_line_bytes, 900) as f64, 22_368.0);
}

#[test]
fn threads_are_as_long_as_real_ones() {
    let sample = measured();
    near("lines per file p50", percentile(&sample.file_lines, 500) as f64, 94.0);
    near("lines per file p90", percentile(&sample.file_lines, 900) as f64, 457.0);
    near("lines per file p99", percentile(&sample.file_lines, 990) as f64, 1_138.0);
    near("user messages per file p90", percentile(&sample.user_messages, 900) as f64, 10.0);
}

#[test]
fn kinds_are_mixed_as_in_real_ones() {
    let sample = measured();
    for (kind, lines, bytes) in REAL_KINDS {
        let found = sample.kind(kind);
        near(
            &format!("{kind}, lines in 1000"),
            found.lines as f64 * 1e3 / sample.lines() as f64,
            lines * 1e3 / REAL_LINES,
        );
        let of_scripts = kind == "response_item/custom_tool_call_output";
        within(
            &format!("{kind}, % of bytes"),
            found.bytes as f64 * 1e2 / sample.bytes() as f64,
            bytes * 1e2 / REAL_BYTES,
            if of_scripts { TOLERANCE_OF_SCRIPTS } else { TOLERANCE },
        );
    }
}

#[test]
fn rare_kinds_and_features_occur() {
    let sample = measured();
    for kind in RARE_KINDS {
        assert!(sample.kind(kind).lines > 0, "no {kind}");
    }
    for feature in ["archived", "forked_from_id", "thread_spawn", "replacement_history", "git", "image"] {
        assert!(sample.features.get(feature).is_some_and(|&count| count > 0), "no {feature}");
    }
}

#[test]
fn it_compresses_as_real_ones_do() {
    let sample = measured();
    near("zstd -3, whole files", sample.ratio(), 4.75);
    // Not p10: the smallest real files are of the format without envelope, which compresses less, and not in here.
    near("zstd -3, whole file p50", sample.file_ratio(50), 4.00);
    near("zstd -3, whole file p90", sample.file_ratio(90), 6.21);
    near("zstd -3, each line alone", sample.line_ratio(), 2.33);
    for (kind, real) in [
        ("response_item/function_call_output", 3.93),
        ("response_item/reasoning", 1.29),
        ("session_meta", 2.36),
        ("response_item/message", 1.80),
        ("turn_context", 1.89),
        ("event_msg/token_count", 1.93),
    ] {
        let found = sample.kind(kind);
        near(&format!("zstd -3, each line alone, {kind}"), found.bytes as f64 / found.packed as f64, real);
    }
}

#[test]
fn it_repeats_itself_as_real_ones_do() {
    let sample = measured();
    let share = |part: u64, whole: u64| part as f64 * 1e2 / whole as f64;
    near("% of bytes in encrypted_content", share(sample.encrypted_bytes, sample.bytes()), 10.3);
    near("% of lines with non-ASCII text", share(sample.non_ascii_lines, sample.lines()), 32.6);
    near("% of turn_context lines equal the one before", share(sample.contexts_repeated, sample.contexts), 91.0);
    near("% of bytes in strings of 256 bytes or more", share(sample.long_bytes, sample.bytes()), 77.3);
    near("% of those that repeat one before", share(sample.long_repeated, sample.long_bytes), 31.1);
    near("% of those that repeat one of their file", share(sample.long_repeated_in_file, sample.long_bytes), 20.0);
}

#[test]
fn time_passes_as_in_real_ones() {
    let sample = measured();
    let share_under =
        |ms: i64| sample.gaps_ms.partition_point(|&gap| gap < ms) as f64 * 1e2 / sample.gaps_ms.len() as f64;
    assert!(sample.gaps_ms.first().is_some_and(|&gap| gap >= 0), "a clock ran backwards");
    near("% of lines in the millisecond of the line before", share_under(1), 21.0);
    near("% of lines under 10 ms after the line before", share_under(10), 42.0);
    near("seconds between lines p90", percentile(&sample.gaps_ms, 900) as f64 / 1e3, 5.91);
    near("seconds between lines p99", percentile(&sample.gaps_ms, 990) as f64 / 1e3, 74.0);
}
