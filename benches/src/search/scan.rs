//! The control: a scan of the files, line by line, by a program that knows no store.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use memchr::memmem::Finder;
use serde_json::Value;

use crate::Result;

/// What was found, and how long it took.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Name of the file, and number of the line from 0.
    pub found: BTreeSet<(String, u64)>,
    /// How long reading and looking took.
    pub seconds: f64,
}

impl Scanned {
    /// Adds the lines of these files whose message or call says `term`, which is one word in lower case.
    ///
    /// # Errors
    /// Those of reading.
    pub fn scan(&mut self, files: &[PathBuf], term: &str) -> Result<()> {
        let start = Instant::now();
        let finder = Finder::new(term);
        for path in files {
            let bytes = std::fs::read(path)?.to_ascii_lowercase();
            let name = path.file_name().ok_or("a file without a name")?.to_string_lossy().into_owned();
            for (number, line) in (0..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
                if finder.find(line).is_some() && says(line, term) {
                    self.found.insert((name.clone(), number));
                }
            }
        }
        self.seconds += start.elapsed().as_secs_f64();
        Ok(())
    }
}

/// Whether a message, or a call's name or one of its arguments, says it. The line is in lower case.
fn says(line: &[u8], term: &str) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(line) else { return false };
    let payload = if value["payload"].is_object() { &value["payload"] } else { &value };
    let has = |text: &Value| text.as_str().is_some_and(|text| text.contains(term));
    let is_event = value["type"] == "event_msg";
    match payload["type"].as_str().unwrap_or_default() {
        "message" if !is_event => payload["content"].as_array().into_iter().flatten().any(|part| has(&part["text"])),
        "function_call" if !is_event => has(&payload["name"]) || argues(&payload["arguments"], term),
        "custom_tool_call" if !is_event => has(&payload["name"]) || argues(&payload["input"], term),
        "user_message" | "agent_message" if is_event => has(&payload["message"]),
        _ => false,
    }
}

/// Whether arguments, or the texts in them if they are JSON, say it.
fn argues(arguments: &Value, term: &str) -> bool {
    fn any(value: &Value, term: &str) -> bool {
        match value {
            Value::String(text) => text.contains(term),
            Value::Array(values) => values.iter().any(|value| any(value, term)),
            Value::Object(fields) => fields.values().any(|value| any(value, term)),
            _ => false,
        }
    }
    let text = arguments.as_str().unwrap_or_default();
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_array() || value.is_object() => any(&value, term),
        _ => text.contains(term),
    }
}
