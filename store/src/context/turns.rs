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
    /// Whether it is over although nothing ended it: a rollback came, and none comes while a turn runs.
    over: bool,
}

impl Turn {
    /// Whether what follows can be part of it.
    fn runs(&self) -> bool {
        self.end == TurnEnd::Open && !self.over
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
    fold(items, Counting::UserTurns)
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
    fold(items, Counting::EveryTurn)
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    UserTurns,
    EveryTurn,
}

fn fold<'a>(items: impl IntoIterator<Item = (u64, &'a RolloutItem)>, counting: Counting) -> Vec<Turn> {
    let mut fold = Fold { turns: Vec::new(), counting, delivery: None };
    for (ordinal, item) in items {
        fold.take(ordinal, Fact::of(ordinal, item));
    }
    fold.turns
}

struct Fold {
    turns: Vec<Turn>,
    counting: Counting,
    /// The delivery record of the message between agents that comes next.
    delivery: Option<bool>,
}

impl Fold {
    fn take(&mut self, ordinal: u64, fact: Fact) {
        let delivery = self.delivery.take();
        match fact {
            Fact::Started(id) => self.start(ordinal, id, true),
            Fact::Ended { id, aborted } => self.end(ordinal, id.as_deref(), aborted),
            Fact::RolledBack(turns) => return self.roll_back(turns),
            Fact::Seen(_, Role::User) => self.message(ordinal, true),
            Fact::Seen(_, Role::Instruction) => self.message(ordinal, false),
            Fact::Seen(_, Role::Delivered) if delivery.is_none() => self.message(ordinal, false),
            Fact::Delivery { triggers } => {
                self.delivery = Some(triggers);
                if triggers {
                    self.message(ordinal, false);
                }
            }
            Fact::UserEvent => self.user_event(ordinal),
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
            over: false,
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
        for _ in 0..turns {
            let place = match self.counting {
                Counting::EveryTurn => self.turns.len().checked_sub(1),
                Counting::UserTurns => self.turns.iter().rposition(|turn| turn.user),
            };
            let Some(place) = place else { break };
            self.turns.truncate(place);
        }
        if let Some(turn) = self.turns.last_mut() {
            turn.over = true;
        }
    }
}
