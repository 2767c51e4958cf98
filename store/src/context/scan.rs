//! The walk from a thread's end to its last checkpoint.
//!
//! Items are taken in from the newest on. They gather in a [`Segment`] until it is known where its turn began; then
//! it is decided whether a rollback further on took the turn back. So the items of a turn that was taken back go
//! as a whole, its compactions and settings with them, and the thread is as it was before that turn.

use crate::context::build;
use crate::context::ending::Ending;
use crate::context::fact::{Fact, Role, compatible};
use crate::context::segment::{Part, Segment, TurnParts, turn_id};
use crate::context::{ContextItem, ModelContext, Settings, TokensSeen};
use crate::item::RolloutItem;
use crate::metadata::ThreadMetadata;

/// What is known of the thread beforehand, so that nobody looks for what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Whether the thread can have token counts. Default: yes.
    pub tokens: bool,
    /// Whether it can have settings of turns. Default: yes.
    pub settings: bool,
}

impl Expected {
    /// What can be there of a thread with these metadata.
    #[must_use]
    pub fn of(metadata: &ThreadMetadata) -> Expected {
        let settings = [metadata.model(), metadata.reasoning_effort(), metadata.approval_policy(), metadata.sandbox()];
        Expected {
            tokens: metadata.tokens_used().is_some(),
            settings: settings.iter().any(Option::is_some) || metadata.inherited().is_some(),
        }
    }
}

impl Default for Expected {
    fn default() -> Expected {
        Expected { tokens: true, settings: true }
    }
}

/// Finds what the model sees of a thread, item by item from the thread's end.
///
/// ```
/// use threadlog::context::{ContextScan, Expected};
/// use threadlog::item::RolloutItem;
///
/// let line = |json: &str| RolloutItem::from_line(format!("{json}\n").into());
/// let items = [
///     line(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"one"}]}"#),
///     line(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"two"}]}"#),
///     line(r#"{"timestamp":"2026-02-04T20:29:45.576Z","type":"event_msg","payload":{"type":"thread_rolled_back","num_turns":1}}"#),
/// ];
/// let mut scan = ContextScan::new(Expected::default());
/// for ordinal in (0..items.len()).rev() {
///     if scan.take(ordinal as u64, &items[ordinal]) {
///         break; // the rest of the thread makes no difference
///     }
/// }
/// let context = scan.finish();
/// assert_eq!(context.items.len(), 1);
/// assert_eq!(context.items[0].ordinal, 0);
/// ```
#[derive(Debug)]
pub struct ContextScan {
    expected: Expected,
    /// Markers that were met.
    markers: u64,
    /// Those that take back turns still to come, the oldest last: it takes the next.
    pending: Vec<Pending>,
    segment: Segment,
    /// A message between agents, until it is known whether its delivery began a turn.
    delivered: Option<ContextItem>,
    /// Whether the last turn passed over may have its introduction before its start.
    trimming: bool,
    /// What survives and the model sees, the newest first.
    kept: Vec<Part>,
    /// What stands before messages that were taken back and stays if no turn comes before it, the newest first.
    introductions: Vec<Introduction>,
    based: bool,
    forgotten: bool,
    reference: Reference,
    previous: Option<Settings>,
    tokens: Option<TokensSeen>,
    ending: Ending,
    first_ordinal: Option<u64>,
    items_read: u64,
}

/// A marker that takes back more turns.
#[derive(Debug)]
struct Pending {
    marker: u64,
    turns: u64,
}

/// What the program told the model before the first turn of a thread, as it was when a marker took back that turn.
#[derive(Debug)]
struct Introduction {
    marker: u64,
    /// Where in `kept` it belongs.
    place: usize,
    parts: Vec<Part>,
}

/// The settings against which the next turn's can be told as differences.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reference {
    Unknown,
    /// None: a compaction made the model forget them.
    None,
    Known(Settings),
}

impl ContextScan {
    /// Before the newest item.
    #[must_use]
    pub fn new(expected: Expected) -> ContextScan {
        ContextScan {
            expected,
            markers: 0,
            pending: Vec::new(),
            segment: Segment::default(),
            delivered: None,
            trimming: false,
            kept: Vec::new(),
            introductions: Vec::new(),
            based: false,
            forgotten: false,
            reference: Reference::Unknown,
            previous: None,
            tokens: None,
            ending: Ending::default(),
            first_ordinal: None,
            items_read: 0,
        }
    }

    /// Takes in the item before all that were taken in. Says whether that was enough: older items change nothing.
    pub fn take(&mut self, ordinal: u64, item: &RolloutItem) -> bool {
        let fact = Fact::of(ordinal, item);
        self.first_ordinal = Some(ordinal);
        self.items_read = self.items_read.saturating_add(1);
        self.ending.fact(ordinal, &fact);
        self.deliver(&fact);
        self.stop_trimming(&fact);
        match fact {
            Fact::Seen(item, Role::Delivered) => self.delivered = Some(item),
            Fact::Seen(item, role) => self.seen(item, role),
            // Settled when the message behind it was put in its place.
            Fact::Delivery { .. } | Fact::Other => {}
            Fact::UserEvent if self.trimming => {}
            Fact::UserEvent => self.segment.parts.push(Part::UserEvent),
            Fact::Settings(_) if self.trimming => {}
            Fact::Settings(item) => {
                self.segment.name(turn_id(&item));
                self.segment.parts.push(Part::Settings(item));
            }
            Fact::Compacted(item) => self.compacted(item),
            Fact::Started(id) => {
                if compatible(self.segment.id.as_deref(), id.as_deref()) {
                    self.segment.name(id);
                    let turn = std::mem::take(&mut self.segment).into_turn();
                    self.turn(turn, true);
                }
            }
            Fact::Ended { id, aborted } => self.ended(id, aborted),
            Fact::RolledBack(turns) => {
                self.close();
                self.markers = self.markers.saturating_add(1);
                if turns > 0 {
                    self.pending.push(Pending { marker: self.markers, turns });
                }
            }
            Fact::Tokens(item) => {
                if self.tokens.is_none() {
                    self.tokens = Some(TokensSeen { item, rolled_back: !self.pending.is_empty() });
                }
            }
        }
        self.is_enough()
    }

    /// What the model sees, of a thread whose items were taken in up to the first, or until it was enough.
    #[must_use]
    pub fn finish(mut self) -> ModelContext {
        self.deliver(&Fact::Other);
        self.close();
        self.restore_introductions();
        let reference = match self.reference {
            Reference::Known(settings) if !self.forgotten => Some(settings),
            _ => None,
        };
        ModelContext {
            items: build::forward(self.kept),
            reference,
            previous_turn: self.previous,
            tokens: self.tokens,
            open_turn: self.ending.finish(),
            first_ordinal: self.first_ordinal.unwrap_or(0),
            items_read: self.items_read,
        }
    }

    /// Puts a message between agents in its place, now that it is known what stands before it.
    fn deliver(&mut self, before: &Fact) {
        let Some(item) = self.delivered.take() else { return };
        match before {
            Fact::Delivery { triggers } => {
                self.seen(item, Role::Work);
                if *triggers {
                    self.segment.parts.push(Part::Trigger);
                }
            }
            _ => self.seen(item, Role::Instruction),
        }
    }

    fn seen(&mut self, item: ContextItem, role: Role) {
        let part = Part::Seen(Some(item).filter(|_| !self.based), role);
        if self.trimming && role == Role::Context {
            if let Some(introduction) = self.introductions.last_mut() {
                introduction.parts.push(part);
            }
            return;
        }
        self.segment.parts.push(part);
    }

    /// A message of the program's directly before a turn that was taken back goes with it; anything else ends that.
    fn stop_trimming(&mut self, fact: &Fact) {
        let introduces =
            matches!(fact, Fact::Seen(_, Role::Context) | Fact::Settings(_) | Fact::UserEvent | Fact::Other);
        self.trimming &= introduces || matches!(fact, Fact::Tokens(_) | Fact::Delivery { .. });
    }

    fn compacted(&mut self, item: ContextItem) {
        // Nothing older than this segment can take it back: rollbacks stand behind what they take back.
        let certain = self.pending.is_empty() && !self.based && build::is_base(&item);
        self.segment.parts.push(Part::Compacted(item));
        self.based |= certain;
    }

    /// The end of a turn, met from behind.
    fn ended(&mut self, id: Option<String>, aborted: bool) {
        let same = compatible(self.segment.id.as_deref(), id.as_deref());
        // An abort that names another turn says nothing of this one.
        if self.segment.ended && aborted && !same {
            return;
        }
        // What stands behind the end of a turn and was begun by a message is a turn of its own.
        let own = self.segment.has_user() || self.segment.ended;
        if own && !(same && self.segment.id.is_some() && id.is_some()) {
            self.close();
        }
        self.segment.ended = true;
        self.segment.name(id);
    }

    /// Ends the segment where no record says that a turn began.
    fn close(&mut self) {
        if self.segment.is_empty() {
            return;
        }
        for turn in std::mem::take(&mut self.segment).into_turns() {
            self.turn(turn, false);
        }
    }

    fn turn(&mut self, turn: TurnParts, started: bool) {
        let Some(pending) = self.pending.last_mut() else {
            self.trimming = false;
            return self.keep(turn);
        };
        let (marker, place) = (pending.marker, self.kept.len());
        if !turn.user {
            return self.introductions.push(Introduction { marker, place, parts: turn.parts });
        }
        pending.turns = pending.turns.saturating_sub(1);
        if pending.turns == 0 {
            self.pending.pop();
        }
        // For this marker and those before it this turn was there, and what stands behind it introduced no thread.
        self.introductions.retain(|introduction| introduction.marker < marker);
        self.introductions.push(Introduction { marker, place, parts: turn.introduction() });
        self.trimming = started;
    }

    fn keep(&mut self, turn: TurnParts) {
        if turn.user {
            self.introductions.clear();
        }
        self.note_settings(&turn);
        for part in turn.parts {
            match part {
                Part::Compacted(item) => {
                    let base = build::is_base(&item);
                    self.forgotten |= !base && !self.has_base();
                    if !self.has_base() {
                        self.kept.push(Part::Compacted(item));
                        self.based |= base;
                    }
                }
                part @ Part::Seen(Some(_), _) if !self.has_base() => self.kept.push(part),
                _ => {}
            }
        }
    }

    /// Whether the base stands in `kept`: what is older is not seen.
    fn has_base(&self) -> bool {
        matches!(self.kept.last(), Some(Part::Compacted(item)) if build::is_base(item))
    }

    fn note_settings(&mut self, turn: &TurnParts) {
        if self.previous.is_none() && turn.user {
            self.previous = turn.settings().cloned().map(Settings::new);
        }
        if self.reference != Reference::Unknown {
            return;
        }
        let compaction = turn.parts.iter().position(|part| matches!(part, Part::Compacted(_)));
        let settings = turn.parts.iter().position(|part| matches!(part, Part::Settings(item) if turn.owns(item)));
        self.reference = match (compaction, settings) {
            // The newest first: the settings stand behind the compaction and re-establish what it made forgotten.
            (Some(compaction), Some(settings)) if settings > compaction => Reference::None,
            (Some(_), None) => Reference::None,
            (_, Some(_)) if turn.user || compaction.is_some() => match turn.settings() {
                Some(settings) => Reference::Known(Settings::new(settings.clone())),
                None => Reference::Unknown,
            },
            _ => Reference::Unknown,
        };
    }

    /// At the oldest item: what stands before the first turn stays, whatever was taken back.
    fn restore_introductions(&mut self) {
        for Introduction { place, parts, .. } in std::mem::take(&mut self.introductions).into_iter().rev() {
            let place = place.min(self.kept.len());
            self.kept.splice(place..place, parts);
        }
    }

    fn is_enough(&self) -> bool {
        let settings = !self.expected.settings || (self.previous.is_some() && self.reference != Reference::Unknown);
        let tokens = !self.expected.tokens || self.tokens.is_some();
        let settled = self.segment.is_empty() && self.delivered.is_none() && self.introductions.is_empty();
        self.has_base() && settings && tokens && settled
    }
}
