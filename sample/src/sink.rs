//! Where lines go: one reused buffer, an exact number of lines, totals.

use std::io::{self, Write};

use crate::clock;
use crate::json::Json;
use crate::random::wide;

/// Why a thread stops before its story ends.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has all its lines.
    Full,
    /// The output failed.
    Io(io::Error),
}

/// Takes lines of one file.
pub(crate) struct Sink<'o> {
    out: &'o mut dyn Write,
    json: Json,
    left: u64,
    lines: u64,
    bytes: u64,
    newest_ms: u64,
    /// Copied lines bear the time of the copy.
    restamp_ms: Option<u64>,
}

impl<'o> Sink<'o> {
    /// A sink for exactly `lines` lines.
    pub(crate) fn new(out: &'o mut dyn Write, lines: u64) -> Sink<'o> {
        Sink { out, json: Json::default(), left: lines, lines: 0, bytes: 0, newest_ms: 0, restamp_ms: None }
    }

    /// Lines that may still be written.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Lines and bytes written, and the time of the newest line.
    pub(crate) fn written(&self) -> (u64, u64, u64) {
        (self.lines, self.bytes, self.newest_ms)
    }

    /// Lets the next `lines` lines be copies made at `ms`; returns how many may follow them.
    pub(crate) fn begin_copy(&mut self, lines: u64, ms: u64) -> u64 {
        let after = self.left.saturating_sub(lines);
        self.left = self.left.min(lines);
        self.restamp_ms = Some(ms);
        after
    }

    /// Ends the copy: `after` lines may follow, and those it did not use.
    pub(crate) fn end_copy(&mut self, after: u64) {
        self.left += after;
        self.restamp_ms = None;
    }

    /// Writes `{"timestamp":…,"type":kind,"payload":{…}}`.
    pub(crate) fn line(&mut self, ms: u64, kind: &str, payload: impl FnOnce(&mut Json)) -> Result<(), Stop> {
        let ms = self.restamp_ms.unwrap_or(ms);
        self.write(ms, |json| envelope(json, ms, kind, payload))
    }

    /// Writes a line without an envelope.
    pub(crate) fn bare(&mut self, ms: u64, members: impl FnOnce(&mut Json)) -> Result<(), Stop> {
        self.write(ms, |json| json.element(members))
    }

    /// Writes whatever `fill` makes, as one line.
    pub(crate) fn write(&mut self, ms: u64, fill: impl FnOnce(&mut Json)) -> Result<(), Stop> {
        if self.left == 0 {
            return Err(Stop::Full);
        }
        self.json.clear();
        fill(&mut self.json);
        self.json.verbatim("\n");
        let line = self.json.as_str().as_bytes();
        self.out.write_all(line).map_err(Stop::Io)?;
        self.left -= 1;
        self.lines += 1;
        self.bytes += wide(line.len());
        self.newest_ms = self.newest_ms.max(ms);
        Ok(())
    }
}

/// An item in its envelope, without the line's end.
pub(crate) fn envelope(json: &mut Json, ms: u64, kind: &str, payload: impl FnOnce(&mut Json)) {
    json.element(|json| {
        json.text("timestamp", &clock::stamped(ms));
        json.text("type", kind);
        json.object("payload", payload);
    });
}
