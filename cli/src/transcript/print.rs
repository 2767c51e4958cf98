//! A conversation on a terminal.

use std::fmt::Write;

use anstyle::Style;

use super::{Entry, Speaker};
use crate::output::human;
use crate::output::style::{BAD, FAINT, GOOD, PERSON, STRONG, paint};

/// How much of what tools said is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortening {
    /// The first lines.
    Tools,
    /// Everything.
    Nothing,
}

/// Lines of a tool's call or answer that are shown.
const TOOL_LINES_MAX: usize = 12;
/// Characters of such a line that are shown.
const TOOL_CHARS_MAX: usize = 240;

/// An entry as text, with colours and a line end, behind what `before` said.
pub fn print(entry: &Entry, before: Option<Speaker>, shortening: Shortening) -> String {
    let (mark, style) = look(entry);
    let mut text = String::new();
    let short = shortening == Shortening::Tools && matches!(entry.speaker, Speaker::Call | Speaker::Answer);
    let title = human::one_line(&entry.title, 200);
    let body = human::plain(entry.body.trim_end());
    let body = if short { shortened(&body) } else { body };
    // Answers follow their calls, and events each other; everything else is a paragraph.
    let follows = entry.speaker == Speaker::Answer || (entry.speaker, before) == (Speaker::Event, Some(Speaker::Event));
    if !follows {
        text.push('\n');
    }
    if !mark.is_empty() || !title.is_empty() {
        let gap = if mark.is_empty() || title.is_empty() { "" } else { " " };
        let _ = writeln!(text, "{}", paint(style, format!("{mark}{gap}{title}")));
    }
    let body_style = match entry.speaker {
        Speaker::Person | Speaker::Agent => Style::new(),
        _ => FAINT,
    };
    for line in body.lines() {
        let indent = if matches!(entry.speaker, Speaker::Person | Speaker::Agent) { "" } else { "  " };
        let line = if line.is_empty() { String::new() } else { paint(body_style, format!("{indent}{line}")) };
        let _ = writeln!(text, "{line}");
    }
    text
}

fn look(entry: &Entry) -> (&'static str, Style) {
    match entry.speaker {
        Speaker::Person => ("you", PERSON),
        Speaker::Agent => ("agent", GOOD.bold()),
        Speaker::Thought => ("thinking", FAINT),
        Speaker::Call => ("$", STRONG),
        Speaker::Answer => ("", FAINT),
        Speaker::Event => ("-", FAINT),
        Speaker::Error => ("error", BAD),
    }
}

/// The first lines, cut where they are long, and how much more there is.
fn shortened(body: &str) -> String {
    let mut text = String::new();
    for line in body.lines().take(TOOL_LINES_MAX) {
        let cut = line.char_indices().nth(TOOL_CHARS_MAX).map_or(line.len(), |(at, _)| at);
        let more = if cut < line.len() { "…" } else { "" };
        let _ = writeln!(text, "{}{more}", line.get(..cut).unwrap_or(line));
    }
    let rest = body.lines().count().saturating_sub(TOOL_LINES_MAX);
    if rest > 0 {
        let lines = if rest == 1 { "line" } else { "lines" };
        let _ = writeln!(text, "… {rest} more {lines} (--full shows them)");
    }
    text
}
