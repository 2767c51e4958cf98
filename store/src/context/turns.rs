//! The turns of a thread, for people, and the places where it can be cut.

use std::ops::Range;

use crate::context::fact::{Fact, Role, compatible};
use crate::item::RolloutItem;

/// A turn.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Turn {
    /// Its id, if its records state one.
    pub id: Option<String>,
    /// Where it stands: from its start, or from the message that began it, to the next turn's.
    pub ordinals: Range<u64>,
    /// Ordinal behind its end; of a turn that did not end, behind its last item.
    pub end_ordinal: u64,
    /// Where the messages stand that its user wrote.
    pub user_messages: Vec<u64>,
    /// Whether a user or another agent began it; otherwise the program did: a compaction, a command of the shell.
    pub user: bool,
    /// How it ended.
    pub end: TurnEnd,
    /// Whether a record marks its start.
    marked: bool,
    /// Whether its last message has its event already.
    event_seen: bool,
    /// Where the first turn behind it began that was taken back. Then it is over although nothing may have ended it: no
    /// rollback comes while a turn runs.
    over: Option<u64>,
}

impl Turn {
    /// Whether what follows can be part of it.
    fn runs(&self) -> bool {
        self.end == TurnEnd::Open && self.over.is_none()
    }

    /// Where its own items stand, without those of turns behind it that were taken back, and without what follows its end.
    #[must_use]
    pub fn own_ordinals(&self) -> Range<u64> {
        let end = self.over.map_or(self.end_ordinal, |over| over.min(self.end_ordinal));
        self.ordinals.start..end.max(self.ordinals.start)
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// Not at all: it runs, or ran when the program that ran it stopped, or no record tells.
    Open,
    /// It was completed.
    Completed,
    /// It was aborted.
    Aborted,
}

/// The turns that no rollback took back, in order: those whose messages the model saw.
///
/// ```
/// use threadlog::context::turns;
/// use threadlog::item::RolloutItem;
///
/// let event = |json: &str| RolloutItem::from_line(
///     format!("{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"event_msg\",\"payload\":{json}}}\n").into());
/// let items = [
///     event(r#"{"type":"task_started","turn_id":"a"}"#),
///     event(r#"{"type":"user_message","message":"fix it"}"#),
///     event(r#"{"type":"task_complete","turn_id":"a"}"#),
///     event(r#"{"type":"task_started","turn_id":"compaction"}"#),
///     event(r#"{"type":"task_complete","turn_id":"compaction"}"#),
/// ];
/// let found = turns((0..).zip(&items));
/// assert_eq!(found[0].id.as_deref(), Some("a"));
/// assert_eq!((found.len(), found[0].ordinals.clone(), found[1].user), (2, 0..3, false));
/// ```
pub fn turns<'a>(items: impl IntoIterator<Item = (u64, &'a RolloutItem)>) -> Vec<Turn> {
    fold(items, TurnCounting::UserTurns)
}

/// The turns as a list on a screen has them where each rollback takes back as many entries of that list, whoever began
/// them. [`turns`] is what the model sees.
///
/// ```
/// use threadlog::context::{display_turns, turns};
/// use threadlog::item::RolloutItem;
///
/// let event = |json: &str| RolloutItem::from_line(
///     format!("{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"event_msg\",\"payload\":{json}}}\n").into());
/// let items = [
///     event(r#"{"type":"task_started","turn_id":"a"}"#),
///     event(r#"{"type":"user_message","message":"fix it"}"#),
///     event(r#"{"type":"task_complete","turn_id":"a"}"#),
///     event(r#"{"type":"task_started","turn_id":"compaction"}"#),
///     event(r#"{"type":"task_complete","turn_id":"compaction"}"#),
///     event(r#"{"type":"thread_rolled_back","num_turns":1}"#),
/// ];
/// assert_eq!(display_turns((0..).zip(&items)).len(), 1, "the compaction is gone from the screen");
/// assert_eq!(turns((0..).zip(&items)).len(), 0, "the model has forgotten the user's turn");
/// ```
pub fn display_turns<'a>(items: impl IntoIterator<Item = (u64, &'a RolloutItem)>) -> Vec<Turn> {
    fold(items, TurnCounting::EveryTurn)
}

/// Where the users' messages stand that no rollback took back: a thread can be forked before each of them.
///
/// ```
/// use threadlog::context::user_positions;
/// use threadlog::item::RolloutItem;
///
/// let line = |json: &str| RolloutItem::from_line(format!("{json}\n").into());
/// let items = [
///     line(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>"}]}"#),
///     line(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"one"}]}"#),
///     line(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"two"}]}"#),
/// ];
/// assert_eq!(user_positions((0..).zip(&items)), [1, 2]);
/// ```
pub fn user_positions<'a>(items: impl IntoIterator<Item = (u64, &'a RolloutItem)>) -> Vec<u64> {
    turns(items).into_iter().flat_map(|turn| turn.user_messages).collect()
}

/// What a rollback counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TurnCounting {
    /// Turns that a user or another agent began, as for the model: [`turns`].
    #[default]
    UserTurns,
    /// Entries of the list, whoever began them: [`display_turns`].
    EveryTurn,
}

/// A [`Fact`], as far as turns go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Started(Option<String>),
    Ended {
        id: Option<String>,
        aborted: bool,
    },
    RolledBack(u64),
    /// A message that begins a turn, and whether a user wrote it.
    Message {
        user: bool,
    },
    Delivered,
    Delivery {
        triggers: bool,
    },
    UserEvent,
    Other,
}

impl Mark {
    pub(super) fn of(fact: Fact) -> Mark {
        match fact {
            Fact::Started(id) => Mark::Started(id),
            Fact::Ended { id, aborted } => Mark::Ended { id, aborted },
            Fact::RolledBack(turns) => Mark::RolledBack(turns),
            Fact::Seen(_, Role::User) => Mark::Message { user: true },
            Fact::Seen(_, Role::Instruction) => Mark::Message { user: false },
            Fact::Seen(_, Role::Delivered) => Mark::Delivered,
            Fact::Delivery { triggers } => Mark::Delivery { triggers },
            Fact::UserEvent => Mark::UserEvent,
            _ => Mark::Other,
        }
    }
}

/// The end of a thread, collected backwards until the turns in it can be told.
///
/// A record that marks a start begins a turn whatever came before it. So the turns from there on are what they would be
/// with all that came before, unless a rollback reaches back beyond it.
#[derive(Default)]
pub(super) struct Window {
    /// The newest first.
    marks: Vec<(u64, Mark)>,
    starts: usize,
}

impl Window {
    /// Adds the mark before the last one; says whether a turn begins with it for certain.
    pub(super) fn add(&mut self, ordinal: u64, mark: Mark) -> bool {
        let starts = matches!(mark, Mark::Started(_));
        self.starts = self.starts.saturating_add(usize::from(starts));
        self.marks.push((ordinal, mark));
        starts
    }

    /// How many marked starts are in it.
    pub(super) fn starts(&self) -> usize {
        self.starts
    }

    /// Its turns, if it begins with a marked start and nothing reaches back beyond that.
    pub(super) fn turns(&self, counting: TurnCounting) -> Option<Vec<Turn>> {
        let fold = self.fold(counting);
        (!fold.underrun).then_some(fold.turns)
    }

    /// Its turns, if it is the whole thread.
    pub(super) fn all(&self, counting: TurnCounting) -> Vec<Turn> {
        self.fold(counting).turns
    }

    fn fold(&self, counting: TurnCounting) -> Fold {
        let mut fold = Fold::new(counting);
        self.marks.iter().rev().for_each(|(ordinal, mark)| fold.take(*ordinal, mark.clone()));
        fold
    }
}

fn fold<'a>(items: impl IntoIterator<Item = (u64, &'a RolloutItem)>, counting: TurnCounting) -> Vec<Turn> {
    let mut fold = Fold::new(counting);
    for (ordinal, item) in items {
        fold.take(ordinal, Mark::of(Fact::of(ordinal, item)));
    }
    fold.turns
}

struct Fold {
    turns: Vec<Turn>,
    counting: TurnCounting,
    /// The delivery record of the message between agents that comes next.
    delivery: Option<bool>,
    /// Whether a rollback took all turns, and may have taken more.
    underrun: bool,
}

impl Fold {
    fn new(counting: TurnCounting) -> Fold {
        Fold { turns: Vec::new(), counting, delivery: None, underrun: false }
    }

    fn take(&mut self, ordinal: u64, mark: Mark) {
        let delivery = self.delivery.take();
        match mark {
            Mark::Started(id) => self.start(ordinal, id, true),
            Mark::Ended { id, aborted } => self.end(ordinal, id.as_deref(), aborted),
            Mark::RolledBack(turns) => return self.roll_back(turns),
            Mark::Message { user } => self.message(ordinal, user),
            Mark::Delivered if delivery.is_none() => self.message(ordinal, false),
            Mark::Delivery { triggers } => {
                self.delivery = Some(triggers);
                if triggers {
                    self.message(ordinal, false);
                }
            }
            Mark::UserEvent => self.user_event(ordinal),
            _ => {}
        }
        if let Some(turn) = self.turns.last_mut() {
            turn.ordinals.end = ordinal.saturating_add(1);
            if turn.end == TurnEnd::Open {
                turn.end_ordinal = turn.ordinals.end;
            }
        }
    }

    fn start(&mut self, ordinal: u64, id: Option<String>, marked: bool) {
        self.turns.push(Turn {
            id,
            ordinals: ordinal..ordinal,
            end_ordinal: ordinal,
            user_messages: Vec::new(),
            user: false,
            end: TurnEnd::Open,
            marked,
            event_seen: false,
            over: None,
        });
    }

    fn end(&mut self, ordinal: u64, id: Option<&str>, aborted: bool) {
        // The end of another turn says nothing of this one.
        let Some(turn) = self.turns.last_mut() else { return };
        if turn.end != TurnEnd::Open || !compatible(turn.id.as_deref(), id) {
            return;
        }
        turn.end = if aborted { TurnEnd::Aborted } else { TurnEnd::Completed };
        turn.end_ordinal = ordinal.saturating_add(1);
    }

    fn message(&mut self, ordinal: u64, user: bool) {
        let joins = |turn: &&mut Turn| {
            // A message whose event came first, or one into a turn that runs.
            turn.runs() && (turn.marked || (turn.user_messages.is_empty() && turn.event_seen))
        };
        if self.turns.last_mut().filter(joins).is_none() {
            self.start(ordinal, None, false);
        }
        if let Some(turn) = self.turns.last_mut() {
            turn.event_seen &= turn.user_messages.is_empty();
            turn.user = true;
            if user {
                turn.user_messages.push(ordinal);
            }
        }
    }

    fn user_event(&mut self, ordinal: u64) {
        let joins = |turn: &&mut Turn| turn.runs() && (turn.marked || !turn.event_seen);
        if self.turns.last_mut().filter(joins).is_none() {
            self.start(ordinal, None, false);
        }
        if let Some(turn) = self.turns.last_mut() {
            turn.user = true;
            turn.event_seen = true;
        }
    }

    fn roll_back(&mut self, turns: u64) {
        let mut gone = None;
        for _ in 0..turns {
            let place = match self.counting {
                TurnCounting::EveryTurn => self.turns.len().checked_sub(1),
                TurnCounting::UserTurns => self.turns.iter().rposition(|turn| turn.user),
            };
            let Some(place) = place else {
                self.underrun = true;
                break;
            };
            gone = self.turns.get(place).map(|turn| turn.ordinals.start).or(gone);
            self.turns.truncate(place);
        }
        self.underrun |= self.turns.is_empty();
        if let Some(turn) = self.turns.last_mut() {
            turn.over = turn.over.or(gone).or(Some(turn.ordinals.end));
        }
    }
}
