//! What people and programs are told of a conversation.

use std::fmt;

use serde_json::value::RawValue;
use threadlog::ThreadId;
use threadlog::item::RolloutItem;
use threadlog::item::typed::{EventMsg as ItemEvent, Typed};
use threadlog_session::{AbortReason, Event, EventMsg, Origin, SessionConfigured, SubmissionId};

use crate::command::run::records::{
    Interrupted, Item, Memory, Named, Refused, RolledBack, Shown, Storing, Submitted, Summary, Thread, TurnAborted,
    TurnComplete, TurnStarted,
};
use crate::command::wide;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, GOOD, STRONG, WARNING, paint};
use crate::transcript::{self, Shortening, Speaker, Transcript};

/// What was told so far.
pub(super) struct Teller {
    /// Whether a person types.
    terminal: bool,
    prompted: bool,
    transcript: Transcript,
    before: Option<Speaker>,
    counts: Counts,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    completed: u64,
    interrupted: u64,
    failed: u64,
    refused: u64,
}

impl Teller {
    pub(super) fn new(terminal: bool) -> Teller {
        Teller { terminal, prompted: false, transcript: Transcript::default(), before: None, counts: Counts::default() }
    }

    pub(super) fn begin(&mut self, configured: &SessionConfigured, out: &mut Output) -> Result<(), Failure> {
        let config = &configured.config;
        let (origin, forked_from) = match config.origin {
            Origin::Resumed => ("resumed", None),
            Origin::Forked(source) => ("forked", Some(source.to_string())),
            _ => ("started", None),
        };
        let thread = Thread {
            id: config.thread_id.to_string(),
            origin,
            forked_from,
            ephemeral: config.ephemeral,
            cwd: config.settings.cwd.as_deref(),
            model: config.settings.model.as_deref(),
            context_items: configured.context_items,
            interrupted_turn: configured.open_turn.as_deref(),
        };
        out.record("thread", &thread)?;
        let note = if config.ephemeral { ", of which nothing is stored" } else { "" };
        out.line(format_args!("{origin} {}{}", paint(STRONG, config.thread_id), paint(FAINT, note)))
    }

    /// A sign that somebody may type.
    pub(super) fn prompt(&mut self, ready: bool, out: &mut Output) -> Result<(), Failure> {
        if ready && self.terminal && !self.prompted {
            self.prompted = true;
            self.before = None;
            out.text("\n> ")?;
        }
        Ok(())
    }

    pub(super) fn submitted(&mut self, id: SubmissionId, op: &'static str, out: &mut Output) -> Result<(), Failure> {
        self.prompted = false;
        out.record("submitted", &Submitted { submission: id.0, op })
    }

    pub(super) fn refused(
        &mut self,
        submission: Option<SubmissionId>,
        message: &str,
        out: &mut Output,
    ) -> Result<(), Failure> {
        self.prompted = false;
        self.counts.refused += 1;
        out.record("refused", &Refused { submission: submission.map(|id| id.0), message })?;
        self.warn(message, out)
    }

    /// A line was read; `behind` a turn, it waits.
    pub(super) fn waits(&mut self, behind: bool, out: &mut Output) -> Result<(), Failure> {
        self.prompted = false;
        if behind && self.terminal {
            out.line(paint(FAINT, "waits for the turn's end; Ctrl-C or /interrupt ends it now"))?;
        }
        Ok(())
    }

    /// So many turns were given and never submitted.
    pub(super) fn unsaid(&mut self, turns: usize, out: &mut Output) -> Result<(), Failure> {
        let turns = u64::try_from(turns).unwrap_or(u64::MAX);
        self.counts.interrupted += turns;
        match turns {
            0 => Ok(()),
            turns => {
                let turns = human::counted(turns, "turn that waited was", "turns that waited were");
                out.line(paint(WARNING, format_args!("{turns} not begun")))
            }
        }
    }

    /// A line on its own, not behind the sign that somebody may type; the sign is shown anew.
    fn line(&mut self, text: impl fmt::Display, out: &mut Output) -> Result<(), Failure> {
        if std::mem::take(&mut self.prompted) {
            out.text("\n")?;
        }
        out.line(text)
    }

    fn warn(&self, message: &str, out: &mut Output) -> Result<(), Failure> {
        out.flush()?;
        failure::warn(message);
        Ok(())
    }

    pub(super) fn tell(&mut self, event: &Event, out: &mut Output) -> Result<(), Failure> {
        let submission = event.submission.map(|id| id.0);
        match &event.msg {
            EventMsg::TurnStarted { turn_id } => out.record("turn_started", &TurnStarted { submission, turn_id }),
            EventMsg::Item(item) => self.item(submission, item, out),
            EventMsg::Shown(payload) => self.shown(submission, payload, out),
            EventMsg::TurnComplete { turn_id, last_agent_message, stored } => {
                self.counts.completed += 1;
                let last_agent_message = last_agent_message.as_deref();
                out.record("turn_complete", &TurnComplete { submission, turn_id, last_agent_message, stored: *stored })
            }
            EventMsg::TurnAborted { turn_id, reason, stored } => {
                self.aborted(submission, (turn_id.as_deref(), *stored), reason, out)
            }
            EventMsg::Interrupted { turns } => out.record("interrupted", &Interrupted { submission, turns: *turns }),
            EventMsg::ThreadRolledBack { num_turns, context_items, stored } => {
                let (num_turns, context_items, stored) = (*num_turns, *context_items, *stored);
                out.record("rolled_back", &RolledBack { submission, num_turns, context_items, stored })?;
                // The item itself was shown. It says how many were asked for: there may have been fewer.
                let Some(items) = context_items else { return Ok(()) };
                let items = human::counted(wide(items), "item", "items");
                self.line(paint(FAINT, format_args!("the model sees {items} now")), out)
            }
            EventMsg::ThreadNameUpdated { name } => {
                let name = name.as_deref();
                out.record("named", &Named { submission, name })?;
                self.line(paint(FAINT, format_args!("the thread's name: {}", name.unwrap_or("none"))), out)
            }
            EventMsg::MemoryModeUpdated { mode } => {
                out.record("memory_mode", &Memory { submission, mode: *mode })?;
                self.line(paint(FAINT, "memories: changed"), out)
            }
            EventMsg::PersistenceFailed { error } => {
                let message = format!("cannot be stored, and is tried again: {}", failure::sentence(error));
                out.record("storing", &Storing { works: false, message: Some(&message) })?;
                self.warn(&message, out)
            }
            EventMsg::PersistenceRestored => {
                out.record("storing", &Storing { works: true, message: None })?;
                self.line(paint(GOOD, "everything is stored again"), out)
            }
            EventMsg::Error { message } => self.refused(event.submission, message, out),
            _ => Ok(()),
        }
    }

    fn item(&mut self, submission: Option<u64>, item: &RolloutItem, out: &mut Output) -> Result<(), Failure> {
        if out.is_json() {
            let mut bytes = Vec::new();
            item.render(&mut bytes);
            let line = serde_json::from_slice::<&RawValue>(bytes.trim_ascii()).ok();
            let kind = item.kind().map(|kind| kind.text().to_owned());
            return out.record("item", &Item { submission, kind, line });
        }
        if matches!(item.typed(), Typed::Event(ItemEvent::TurnAborted(_))) {
            // The turn's end is told, with its reason.
            return Ok(());
        }
        let Some(entry) = self.transcript.tell(item) else { return Ok(()) };
        // Who types sees that.
        if self.terminal && entry.speaker == Speaker::Person {
            return Ok(());
        }
        out.text(&transcript::print(&entry, self.before, Shortening::Tools))?;
        self.before = Some(entry.speaker);
        Ok(())
    }

    fn shown(&mut self, submission: Option<u64>, payload: &[u8], out: &mut Output) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        struct Complaint {
            r#type: String,
            text: String,
        }
        if let Ok(payload) = serde_json::from_slice::<&RawValue>(payload) {
            out.record("shown", &Shown { submission, payload })?;
        }
        match serde_json::from_slice::<Complaint>(payload) {
            Ok(said) if said.r#type == "agent_stderr" => {
                out.line(paint(FAINT, format_args!("  agent: {}", human::one_line(&said.text, 240))))
            }
            _ => Ok(()),
        }
    }

    fn aborted(
        &mut self,
        submission: Option<u64>,
        (turn_id, stored): (Option<&str>, bool),
        reason: &AbortReason,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let (word, message) = match reason {
            AbortReason::Failed(message) => ("failed", Some(message.as_str())),
            AbortReason::Storage(message) => ("storage", Some(message.as_str())),
            _ => ("interrupted", None),
        };
        let failed = message.is_some();
        self.counts.failed += u64::from(failed);
        self.counts.interrupted += u64::from(!failed);
        out.record("turn_aborted", &TurnAborted { submission, turn_id, reason: word, message, stored })?;
        match message {
            Some(message) => self.warn(&format!("the turn failed: {message}"), out),
            None => out.line(paint(WARNING, "the turn was interrupted")),
        }
    }

    /// Says how it went; the exit code tells of turns that failed.
    pub(super) fn end(self, id: ThreadId, stopped: bool, out: &mut Output) -> Result<Exit, Failure> {
        let Counts { completed, interrupted, failed, refused } = self.counts;
        let id = id.to_string();
        out.record("summary", &Summary { id: &id, completed, interrupted, failed, refused, stopped })?;
        if self.terminal {
            out.line(paint(FAINT, format_args!("\ngo on with: threadlog run --resume {id} --exec …")))?;
        }
        out.flush()?;
        Ok(match (stopped, failed + refused > 0) {
            (true, _) => Exit::Stopped,
            (false, true) => Exit::Partial,
            (false, false) => Exit::Done,
        })
    }
}
