//! Entries as lines of text.

use std::fmt;

use crate::dump::{Entry, Value};

impl fmt::Display for Entry {
    /// One line: offset, what it is, its fields, and after `!!` what is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = self.depth.saturating_mul(2);
        write!(f, "{:>10}  {:indent$}{}", self.offset, "", self.kind)?;
        for (index, (name, value)) in self.fields.iter().enumerate() {
            write!(f, "{} {name} {value}", if index == 0 { ":" } else { "," })?;
        }
        match &self.problem {
            Some(problem) => write!(f, "  !! {problem}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Checksum(sum) => write!(f, "{sum:08x}"),
            Value::Word(word) => write!(f, "{word:016x}"),
            Value::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Value::Stream(stream) => write!(f, "{stream}"),
            Value::Flag(true) => f.write_str("yes"),
            Value::Flag(false) => f.write_str("no"),
            // What stands in a file is not trusted to a terminal as it is.
            Value::Text(text) => text.chars().try_for_each(|letter| {
                if letter.is_control() { write!(f, "{}", letter.escape_default()) } else { write!(f, "{letter}") }
            }),
        }
    }
}
