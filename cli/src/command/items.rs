//! What `show` and `tail` share: items one after another, as a conversation for people or as records for programs.

use std::error::Error;

use serde::Serialize;
use serde_json::value::RawValue;
use threadlog::StoredItem;
use threadlog::item::{Oddity, RolloutItem, Timestamp};

use crate::command::{odd, wide};
use crate::exit::Exit;
use crate::failure::{Failure, sentence};
use crate::output::Output;
use crate::output::human;
use crate::output::style::{BAD, FAINT, paint};
use crate::transcript::{self, Shortening, Speaker, Transcript};

/// Items that are told, and what was told so far.
pub struct Telling {
    transcript: Transcript,
    shortening: Shortening,
    before: Option<Speaker>,
    bytes: Vec<u8>,
    items: u64,
    lost: u64,
}

impl Telling {
    /// With nothing told.
    pub fn new(shortening: Shortening) -> Telling {
        Telling { transcript: Transcript::default(), shortening, before: None, bytes: Vec::new(), items: 0, lost: 0 }
    }

    /// Tells an item, or that one is lost.
    pub fn tell<E: Error + 'static>(&mut self, item: Result<StoredItem, E>, out: &mut Output) -> Result<(), Failure> {
        match item {
            Ok(item) => self.item(&item, out),
            Err(error) => {
                self.lost = self.lost.saturating_add(1);
                let message = sentence(&error);
                out.line(format_args!("\n{} {message}", paint(BAD, "lost")))?;
                out.record("lost", &Lost { message })
            }
        }
    }

    fn item(&mut self, stored: &StoredItem, out: &mut Output) -> Result<(), Failure> {
        self.items = self.items.saturating_add(1);
        if out.is_json() {
            self.bytes.clear();
            stored.item.render(&mut self.bytes);
            return out.record("item", &Item::new(stored.ordinal, &stored.item, &self.bytes));
        }
        let Some(entry) = self.transcript.tell(&stored.item) else { return Ok(()) };
        out.text(&transcript::print(&entry, self.before, self.shortening))?;
        self.before = Some(entry.speaker);
        Ok(())
    }

    /// Says what was passed over, and how many there were; the exit code tells of losses.
    pub fn end(self, out: &mut Output) -> Result<Exit, Failure> {
        let rest = self.transcript.passed_over();
        if rest > 0 {
            let lines = human::counted(rest, "line", "lines");
            let note = format_args!(
                "\n{lines} beside the conversation (counters, settings, repetitions): `show --raw` shows all"
            );
            out.line(paint(FAINT, note))?;
        }
        self.summary(None, out)
    }

    /// The end of items that could have gone on for ever.
    pub fn stopped(self, out: &mut Output) -> Result<Exit, Failure> {
        self.summary(Some(true), out)?;
        Ok(Exit::Stopped)
    }

    fn summary(&self, stopped: Option<bool>, out: &mut Output) -> Result<Exit, Failure> {
        out.record("summary", &Summary { items: self.items, lost: self.lost, stopped })?;
        out.flush()?;
        Ok(if self.lost == 0 { Exit::Done } else { Exit::Damaged })
    }
}

/// A line: what it is, and the line itself; as JSON in `line` if it is JSON, else as text in `text`, bytes that are not
/// UTF-8 replaced.
#[derive(Serialize)]
struct Item<'a> {
    ordinal: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    bytes: u64,
    odd: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<std::borrow::Cow<'a, str>>,
}

impl<'a> Item<'a> {
    fn new(ordinal: u64, item: &RolloutItem, bytes: &'a [u8]) -> Item<'a> {
        let oddities = item.oddities();
        let line = serde_json::from_slice::<&RawValue>(bytes.trim_ascii()).ok();
        // A line break inside would end the record: glued lines are text.
        let line = line.filter(|_| !oddities.contains(Oddity::Glued) && !bytes.trim_ascii().contains(&b'\n'));
        let text = if line.is_none() { Some(String::from_utf8_lossy(bytes)) } else { None };
        Item {
            ordinal,
            time: item.timestamp().as_ref().map(Timestamp::to_string),
            kind: item.kind().map(|kind| kind.text().to_owned()),
            bytes: wide(bytes.len()),
            odd: oddities.iter().map(odd::word).collect(),
            line,
            text,
        }
    }
}

#[derive(Serialize)]
struct Lost {
    message: String,
}

#[derive(Serialize)]
struct Summary {
    items: u64,
    lost: u64,
    /// Absent where items come to an end by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<bool>,
}
