//! Whether a thread ends in the middle of a turn.

use crate::context::fact::{Fact, Role, compatible};
use crate::item::{Kind, RolloutItem};

/// A turn that began and did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenTurn {
    /// Its id, if its start states one. Never invented.
    pub id: Option<String>,
    /// Ordinal of its start; of a turn whose start no record marks, that of its user's message.
    pub ordinal: u64,
    /// Whether a record marks its start.
    pub marked: bool,
}

/// Finds out whether a thread ends in the middle of a turn, item by item from the thread's end.
///
/// A turn that was completed or aborted is over. In threads without records of turns, a user's message among the
/// items of the model's API begins one that nothing ends; events alone begin none.
///
/// ```
/// use threadlog::context::Ending;
/// use threadlog::item::RolloutItem;
///
/// let event = |json: &str| RolloutItem::from_line(
///     format!("{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"event_msg\",\"payload\":{json}}}\n").into());
/// let started = event(r#"{"type":"task_started","turn_id":"a"}"#);
/// let ended = event(r#"{"type":"turn_aborted","turn_id":"a"}"#);
///
/// let open = Ending::of([(0, &started)]);
/// assert_eq!(open.and_then(|turn| turn.id).as_deref(), Some("a"));
/// assert_eq!(Ending::of([(1, &ended), (0, &started)]), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Ids of turns whose ends were met.
    ended: Vec<Option<String>>,
    /// The newest user's message.
    message: Option<u64>,
    decided: Option<Option<OpenTurn>>,
}

impl Ending {
    /// The open turn at the end of these items, given from the newest on. Stops when it is known.
    pub fn of<'a>(newest_first: impl IntoIterator<Item = (u64, &'a RolloutItem)>) -> Option<OpenTurn> {
        let mut ending = Ending::default();
        for (ordinal, item) in newest_first {
            if ending.take(ordinal, item) {
                break;
            }
        }
        ending.finish()
    }

    /// Takes in the item before all that were taken in. Says whether that was enough.
    pub fn take(&mut self, ordinal: u64, item: &RolloutItem) -> bool {
        // Once a message or an end was met only records of turns decide: the rest need not be parsed.
        let settled = self.message.is_some() || !self.ended.is_empty();
        let other = matches!(item, RolloutItem::Enveloped { kind, .. } if *kind != Kind::EventMsg);
        if !(settled && other) {
            self.fact(ordinal, &Fact::of(ordinal, item));
        }
        self.decided.is_some()
    }

    /// The open turn, if there is one.
    #[must_use]
    pub fn finish(self) -> Option<OpenTurn> {
        match (self.decided, self.message) {
            (Some(decided), _) => decided,
            (None, Some(ordinal)) => Some(OpenTurn { id: None, ordinal, marked: false }),
            (None, None) => None,
        }
    }

    pub(super) fn fact(&mut self, ordinal: u64, fact: &Fact) {
        if self.decided.is_some() {
            return;
        }
        match fact {
            Fact::Started(id) => {
                let over = self.ended.iter().any(|ended| compatible(ended.as_deref(), id.as_deref()));
                let open = OpenTurn { id: id.clone(), ordinal, marked: true };
                // A message behind the ends of all turns began one that no record marks.
                self.decided = Some(if over { self.unmarked() } else { Some(open) });
            }
            Fact::Ended { id, .. } => self.ended.push(id.clone()),
            // What was taken back is over.
            Fact::RolledBack(_) => self.decided = Some(self.unmarked()),
            Fact::Seen(_, Role::User) if self.message.is_none() && self.ended.is_empty() => {
                self.message = Some(ordinal);
            }
            _ => {}
        }
    }

    fn unmarked(&self) -> Option<OpenTurn> {
        self.message.map(|ordinal| OpenTurn { id: None, ordinal, marked: false })
    }
}
