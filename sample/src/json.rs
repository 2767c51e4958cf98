//! Compact JSON, written front to back into one buffer that is used again for each line.
//!
//! The bytes are those serde_json would give for the same values in the same order, as in real rollouts: no spaces,
//! `/` and non-ASCII text as they are, control characters as short escapes where JSON has one.

use std::fmt::Write as _;

/// One value under construction.
#[derive(Debug, Default)]
pub(crate) struct Json {
    bytes: String,
}

impl Json {
    /// What is written so far.
    pub(crate) fn as_str(&self) -> &str {
        &self.bytes
    }

    /// Forgets the value, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Appends text as it is; the caller keeps the whole well-formed.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.bytes.push_str(text);
    }

    /// Starts an object: the whole value, or the next element of a list.
    pub(crate) fn open(&mut self) {
        self.comma();
        self.bytes.push('{');
    }

    /// Ends an object.
    pub(crate) fn close(&mut self) {
        self.bytes.push('}');
    }

    /// A member that is an object, filled by `fill`.
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Json)) {
        self.key(key);
        self.bytes.push('{');
        fill(self);
        self.bytes.push('}');
    }

    /// A member that is a list, filled by `fill`.
    pub(crate) fn list(&mut self, key: &str, fill: impl FnOnce(&mut Json)) {
        self.key(key);
        self.bytes.push('[');
        fill(self);
        self.bytes.push(']');
    }

    /// A list's element that is an object, filled by `fill`.
    pub(crate) fn element(&mut self, fill: impl FnOnce(&mut Json)) {
        self.open();
        fill(self);
        self.close();
    }

    /// A list's element that is a string.
    pub(crate) fn element_text(&mut self, text: &str) {
        self.comma();
        self.quoted(text);
    }

    /// A list's element that is JSON already.
    pub(crate) fn element_verbatim(&mut self, json: &str) {
        self.comma();
        self.bytes.push_str(json);
    }

    /// A member that is a string.
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.quoted(text);
    }

    /// A member that is a string or null.
    pub(crate) fn maybe_text(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text),
            None => self.null(key),
        }
    }

    /// A member that is a whole number.
    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        // Writing into a String cannot fail.
        let _ = write!(self.bytes, "{number}");
    }

    /// A member that is a number with one decimal, given in tenths.
    pub(crate) fn tenths(&mut self, key: &str, tenths: u32) {
        self.key(key);
        let _ = write!(self.bytes, "{}.{}", tenths / 10, tenths % 10);
    }

    /// A member that is true or false.
    pub(crate) fn flag(&mut self, key: &str, flag: bool) {
        self.key(key);
        self.bytes.push_str(if flag { "true" } else { "false" });
    }

    /// A member that is null.
    pub(crate) fn null(&mut self, key: &str) {
        self.key(key);
        self.bytes.push_str("null");
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.quoted(key);
        self.bytes.push(':');
    }

    /// Separates from what stands before, if anything does on this level.
    fn comma(&mut self) {
        if !matches!(self.bytes.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.bytes.push(',');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.bytes.push('"');
        let mut rest = text;
        loop {
            let (plain, tail) = rest.split_at(plain_bytes(rest.as_bytes()));
            self.bytes.push_str(plain);
            let mut characters = tail.chars();
            let Some(character) = characters.next() else { break };
            self.escape(character);
            rest = characters.as_str();
        }
        self.bytes.push('"');
    }

    fn escape(&mut self, character: char) {
        match character {
            '"' => self.bytes.push_str("\\\""),
            '\\' => self.bytes.push_str("\\\\"),
            '\n' => self.bytes.push_str("\\n"),
            '\r' => self.bytes.push_str("\\r"),
            '\t' => self.bytes.push_str("\\t"),
            '\u{8}' => self.bytes.push_str("\\b"),
            '\u{c}' => self.bytes.push_str("\\f"),
            other => {
                let _ = write!(self.bytes, "\\u{:04x}", u32::from(other));
            }
        }
    }
}

/// How many of the first bytes need no escape. Sixteen are looked at in one step: most lines are long plain text.
fn plain_bytes(bytes: &[u8]) -> usize {
    let mut plain = 0;
    for chunk in bytes.chunks(16) {
        if chunk.iter().fold(false, |any, &byte| any | needs_escape(byte)) {
            return plain + chunk.iter().position(|&byte| needs_escape(byte)).unwrap_or(0);
        }
        plain += chunk.len();
    }
    plain
}

/// Only ASCII bytes need an escape, so that the text can be cut there.
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
