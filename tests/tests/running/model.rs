//! What is known of each thread by what it told, and what follows from that.

use std::collections::BTreeMap;

use threadlog::item::typed::{EventMsg, ResponseItem, Typed};
use threadlog::{RolloutItem, ThreadId};

use crate::manners::Manners;

/// A line of a thread's history.
#[derive(Clone, Debug)]
pub enum Line {
    /// The first line of a thread's own, which the store writes.
    Begins(ThreadId),
    /// The note to the model, and the end of the turn, that a fork has in whose middle its source was cut.
    Interrupted,
    Aborted,
    /// An item that was told.
    Told(RolloutItem),
}

/// Where a fork began.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    pub source: ThreadId,
    /// How many lines of its source it has.
    pub lines: usize,
    /// Whether it marks a turn as interrupted in whose middle it was cut.
    pub marks: bool,
}

/// One thread.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub base: Option<Base>,
    /// Whether nothing of it is stored.
    pub ephemeral: bool,
    /// Whether somebody tried to name it: that stores it, also if the name itself cannot be stored then.
    pub named: bool,
    /// Its own items, in order, but for those that it began with.
    pub items: Vec<RolloutItem>,
    /// How many of these survive a power cut.
    pub sure: usize,
    pub manners: Manners,
    /// What users had said when a turn began, by its id.
    pub said_before: BTreeMap<String, Vec<String>>,
}

/// All threads.
#[derive(Clone, Debug, Default)]
pub struct Known(pub BTreeMap<ThreadId, Told>);

/// What a history comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What users said that no rollback took back.
    pub said: Vec<String>,
    /// What the model sees of what was said and thought, if nothing was ever compacted.
    pub seen: Option<Vec<String>>,
    /// Whether it ends in the middle of a turn.
    pub open: bool,
}

impl Line {
    /// Whether an item is this line.
    pub fn is(&self, item: &RolloutItem) -> bool {
        match (self, item.typed()) {
            (Line::Begins(id), Typed::SessionMeta(meta)) => meta.id.as_deref() == Some(id.to_string().as_str()),
            (Line::Interrupted, Typed::Response(ResponseItem::Message { role, text })) => {
                role == "user" && text.starts_with("<turn_aborted>")
            }
            (Line::Aborted, Typed::Event(EventMsg::TurnAborted(_))) => true,
            (Line::Told(told), _) => told == item,
            _ => false,
        }
    }
}

impl Told {
    /// An item was accepted.
    pub fn take(&mut self, item: &RolloutItem) {
        // An error is for whoever listens; the policy does not keep it.
        if !matches!(item.typed(), Typed::Event(EventMsg::Error(_))) {
            self.items.push(item.clone());
        }
    }

    /// Everything that was told so far is durable.
    pub fn hold(&mut self) {
        self.sure = self.items.len();
    }

    /// Whether something of it must be in the store, if everything told so far is.
    pub fn is_stored(&self) -> bool {
        !self.ephemeral && (!self.items.is_empty() || self.base.is_some())
    }
}

impl Known {
    /// A thread's whole history.
    pub fn lines(&self, id: ThreadId) -> Vec<Line> {
        let told = &self.0[&id];
        let mut lines = Vec::new();
        if let Some(base) = told.base {
            lines = self.lines(base.source);
            assert!(lines.len() >= base.lines, "{id} has more of {} than that told", base.source);
            lines.truncate(base.lines);
        }
        let cut = told.base.is_some_and(|base| base.marks) && outcome(&lines).open;
        lines.push(Line::Begins(id));
        if cut {
            lines.extend([Line::Interrupted, Line::Aborted]);
        }
        lines.extend(told.items.iter().cloned().map(Line::Told));
        lines
    }

    pub fn said(&self, id: ThreadId) -> Vec<String> {
        outcome(&self.lines(id)).said
    }

    /// The lines of each thread that must survive a power cut from now on.
    pub fn acknowledged(&self) -> Vec<(ThreadId, Vec<Line>)> {
        let sure = self.0.iter().filter(|(_, told)| told.is_stored() && (told.sure > 0 || told.base.is_some()));
        let lines = |(id, told): (&ThreadId, &Told)| {
            let mut lines = self.lines(*id);
            lines.truncate(lines.len() - (told.items.len() - told.sure));
            (*id, lines)
        };
        sure.map(lines).collect()
    }
}

/// What these lines come to.
pub fn outcome(lines: &[Line]) -> Outcome {
    let (mut outcome, mut seen, mut compacted) = (Outcome::default(), Vec::new(), false);
    // For each thing said that stands: how much the model saw before it.
    let mut before = Vec::new();
    for line in lines {
        let item = match line {
            Line::Aborted => {
                outcome.open = false;
                continue;
            }
            Line::Begins(_) | Line::Interrupted => continue,
            Line::Told(item) => item,
        };
        match item.typed() {
            Typed::Event(EventMsg::TurnStarted) => outcome.open = true,
            Typed::Event(EventMsg::TurnComplete(_) | EventMsg::TurnAborted(_)) => outcome.open = false,
            Typed::Event(EventMsg::ThreadRolledBack(turns)) => {
                outcome.open = false;
                let left = outcome.said.len().saturating_sub(usize::try_from(turns).unwrap());
                outcome.said.truncate(left);
                if let Some(length) = before.get(left) {
                    seen.truncate(*length);
                }
                before.truncate(left);
            }
            Typed::Compacted { .. } => compacted = true,
            _ => {
                let Some((user, text)) = words(item) else { continue };
                if user {
                    before.push(seen.len());
                    outcome.said.push(text.clone());
                }
                seen.push(text);
            }
        }
    }
    outcome.seen = (!compacted).then_some(seen);
    outcome
}

/// What a user said, or an agent said or thought, and whether it was the user. Not what the program itself notes.
pub fn words(item: &RolloutItem) -> Option<(bool, String)> {
    let RolloutItem::Enveloped { payload, .. } = item else { return None };
    words_of(&item.typed(), payload)
}

/// As [`words`].
pub fn words_of(typed: &Typed, payload: &[u8]) -> Option<(bool, String)> {
    match typed {
        Typed::Response(ResponseItem::Message { role, text }) if role == "user" => {
            text.starts_with("say ").then(|| (true, text.clone()))
        }
        Typed::Response(ResponseItem::Message { role, text }) if role == "assistant" => Some((false, text.clone())),
        Typed::Response(_) => {
            let payload: serde_json::Value = serde_json::from_slice(payload).unwrap();
            payload["n"].as_str().map(|number| (false, number.to_owned()))
        }
        _ => None,
    }
}
