//! JSON Lines: one object per line, the first of them the header.
//!
//! The names of fields are part of the interface (docs/cli.md): they are added to, never renamed. Sizes are bytes, times
//! RFC 3339 in UTC, a fact that is not known is absent.

use std::io::{self, Write};

use serde::Serialize;

/// Rises when a field is renamed or changes its meaning; not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize)]
pub struct Header<'a> {
    schema_version: u32,
    command: &'a str,
    version: &'static str,
}

impl Header<'_> {
    /// The header of one command's output.
    pub fn new(command: &str) -> Header<'_> {
        Header { schema_version: SCHEMA_VERSION, command, version: env!("CARGO_PKG_VERSION") }
    }
}

/// The last line, if the command failed.
#[derive(Debug, Serialize)]
pub struct Failed<'a> {
    /// The exit code.
    pub exit: u8,
    /// The same as a word.
    pub kind: &'static str,
    /// What happened, for people.
    pub message: &'a str,
}

#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    value: &'a T,
}

/// Writes one line: `type`, then the fields of `value`.
pub fn write_line(out: &mut impl Write, kind: &'static str, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { kind, value })?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_type_and_then_the_fields() {
        let mut line = Vec::new();
        write_line(&mut line, "error", &Failed { exit: 5, kind: "not_found", message: "no \"x\"\n" }).unwrap();
        let want = "{\"type\":\"error\",\"exit\":5,\"kind\":\"not_found\",\"message\":\"no \\\"x\\\"\\n\"}\n";
        assert_eq!(String::from_utf8(line).unwrap(), want);
    }
}
