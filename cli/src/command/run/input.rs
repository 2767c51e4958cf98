//! What people and programs say, line by line.

use std::io::{self, BufRead, Read};

use threadlog::metadata::MemoryMode;
use threadlog_session::Op;
use tokio::sync::mpsc;

/// Lines that are read ahead.
const LINES_AHEAD: usize = 16;
/// The longest line: what an item of a thread may hold, several times over.
const LINE_BYTES_MAX: usize = 64 << 20;

/// What people can say beside what is for the agent.
const COMMANDS: &str =
    "/interrupt, /compact, /rollback N, /name TEXT, /memory enabled|disabled|polluted, /quit; //TEXT says /TEXT";

/// The lines of standard input, without their ends; behind an error there are none. Reading it cannot be interrupted, so a
/// thread does, which ends with the program.
pub(super) fn lines() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next_line(&mut input, LINE_BYTES_MAX).transpose() {
            let over = line.is_err();
            if sender.blocking_send(line).is_err() || over {
                break;
            }
        }
    });
    receiver
}

/// The next line; `None` at the end. A last line without end counts.
fn next_line(input: &mut impl BufRead, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let read = input.take(most.saturating_add(1)).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read > bytes_max {
        return Err(io::Error::other(format!("a line of more than {bytes_max} bytes")));
    }
    Ok((read > 0).then_some(line))
}

/// What a program says: an operation as JSON. Nothing, in an empty line.
pub(super) fn of_program(line: &[u8]) -> Result<Option<Op>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let refused = |why: String| format!("a line that is no operation ({why}); docs/cli.md lists them");
    let op: Op = serde_json::from_slice(line).map_err(|error| refused(error.to_string()))?;
    // The parser lets fields pass that operations without fields do not have.
    if matches!(op, Op::Interrupt | Op::Compact | Op::Shutdown) {
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(line).map_err(|error| refused(error.to_string()))?;
        if let Some(unknown) = fields.keys().find(|name| *name != "op") {
            return Err(refused(format!("unknown field `{unknown}`")));
        }
    }
    Ok(Some(op))
}

/// What a person says: words for the agent, or a command. Nothing, in an empty line.
pub(super) fn of_person(line: &[u8]) -> Result<Option<Op>, String> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let Some(command) = text.strip_prefix('/') else { return Ok(Some(Op::user(text))) };
    if command.starts_with('/') {
        return Ok(Some(Op::user(command)));
    }
    let (name, rest) = command.split_once(' ').map_or((command, ""), |(name, rest)| (name, rest.trim()));
    let op = match (name, rest) {
        ("interrupt", "") => Some(Op::Interrupt),
        ("compact", "") => Some(Op::Compact),
        ("rollback", number) => number.parse().ok().map(|num_turns| Op::Rollback { num_turns }),
        ("name", name) => Some(Op::SetName { name: (!name.is_empty()).then(|| name.to_owned()) }),
        ("memory", "enabled") => Some(Op::SetMemoryMode { mode: MemoryMode::Enabled }),
        ("memory", "disabled") => Some(Op::SetMemoryMode { mode: MemoryMode::Disabled }),
        ("memory", "polluted") => Some(Op::SetMemoryMode { mode: MemoryMode::Polluted }),
        ("quit", "") => Some(Op::Shutdown),
        _ => None,
    };
    op.map(Some).ok_or_else(|| format!("{text} is no command; there are {COMMANDS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_the_last_one_needs_no_end() {
        let mut input = &b"one\n\n123456\n1234567"[..];
        let mut next = || next_line(&mut input, 6);
        let line = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(next().unwrap(), line("one"));
        assert_eq!(next().unwrap(), line(""));
        assert_eq!(next().unwrap(), line("123456"));
        assert!(next().unwrap_err().to_string().contains("more than 6 bytes"));
        let mut input = &b"123456"[..];
        assert_eq!(next_line(&mut input, 6).unwrap(), line("123456"));
        assert_eq!(next_line(&mut input, 6).unwrap(), None);
    }

    #[test]
    fn people_talk_and_give_commands() {
        let op = |line: &str| of_person(line.as_bytes());
        assert_eq!(op("  Why? \r"), Ok(Some(Op::user("Why?"))));
        assert_eq!(op("//name it"), Ok(Some(Op::user("/name it"))));
        assert_eq!(op(" \r"), Ok(None));
        assert_eq!(op("/rollback 2"), Ok(Some(Op::Rollback { num_turns: 2 })));
        assert_eq!(op("/name fix  it "), Ok(Some(Op::SetName { name: Some("fix  it".to_owned()) })));
        assert_eq!(op("/name"), Ok(Some(Op::SetName { name: None })));
        assert_eq!(op("/quit"), Ok(Some(Op::Shutdown)));
        for wrong in ["/rollback", "/rollback x", "/fly", "/quit now", "/memory", "/"] {
            assert!(op(wrong).unwrap_err().contains("/rollback N"), "{wrong}");
        }
    }

    #[test]
    fn programs_give_operations_as_json() {
        let op = |line: &str| of_program(line.as_bytes());
        let turn = r#"{"op":"user_turn","input":[{"type":"text","text":"Why?"}]}"#;
        assert_eq!(op(turn), Ok(Some(Op::user("Why?"))));
        assert_eq!(op(r#"{"op":"rollback","num_turns":1}"#), Ok(Some(Op::Rollback { num_turns: 1 })));
        assert_eq!(op(r#"{"op":"set_name","name":null}"#), Ok(Some(Op::SetName { name: None })));
        assert_eq!(op(""), Ok(None));
        for wrong in ["Why?", r#"{"op":"fly"}"#, r#"{"op":"rollback"}"#, r#"{"op":"compact","x":1}"#] {
            assert!(op(wrong).is_err(), "{wrong}");
        }
    }
}
