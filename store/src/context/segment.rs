//! A stretch of a thread between two turn starts, collected from its end, and the turns in it.

use crate::context::ContextItem;
use crate::context::fact::{Role, compatible};
use crate::item::json::Object;

/// Something that stands in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What the model sees; without the item if a later compaction hides it.
    Seen(Option<ContextItem>, Role),
    Settings(ContextItem),
    Compacted(ContextItem),
    /// A turn begins here, by the record of a delivery between agents.
    Trigger,
    UserEvent,
}

impl Part {
    /// Whether a turn begins here.
    pub(super) fn begins_turn(&self) -> bool {
        matches!(self, Part::Trigger) || matches!(self, Part::Seen(_, role) if role.begins_turn())
    }

    /// Whether it belongs to the turn that begins right behind it.
    fn introduces(&self) -> bool {
        matches!(self, Part::Settings(_) | Part::UserEvent | Part::Seen(_, Role::Context))
    }
}

/// Parts, the newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub(super) parts: Vec<Part>,
    /// The id that its turn states, at its end or in its settings.
    pub(super) id: Option<String>,
    /// Whether the end of its turn was met.
    pub(super) ended: bool,
}

/// The parts of one turn, the newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct TurnParts {
    pub(super) parts: Vec<Part>,
    pub(super) id: Option<String>,
    /// Whether a user or an agent began it.
    pub(super) user: bool,
}

impl Segment {
    /// Whether nothing of it is known yet.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.id.is_none() && !self.ended
    }

    /// Whether a user or an agent began a turn in it.
    pub(super) fn has_user(&self) -> bool {
        self.parts.iter().any(|part| part.begins_turn() || matches!(part, Part::UserEvent))
    }

    /// Learns the id of its turn; the newest statement counts.
    pub(super) fn name(&mut self, id: Option<String>) {
        if self.id.is_none() {
            self.id = id;
        }
    }

    /// All of it as the one turn whose start was met.
    pub(super) fn into_turn(self) -> TurnParts {
        TurnParts { user: self.has_user(), parts: self.parts, id: self.id }
    }

    /// Its turns, the newest first, where no record says where they start: each message that begins one, with what
    /// introduces it. What is left before the oldest comes last, as no turn of a user's.
    pub(super) fn into_turns(self) -> Vec<TurnParts> {
        let by_events = !self.parts.iter().any(Part::begins_turn);
        let begins = |part: &Part| part.begins_turn() || (by_events && matches!(part, Part::UserEvent));
        let mut turns = Vec::new();
        let mut turn = TurnParts { id: self.id, ..TurnParts::default() };
        for part in self.parts {
            if turn.user && (!part.introduces() || begins(&part)) {
                turns.push(std::mem::take(&mut turn));
            }
            turn.user |= begins(&part);
            turn.parts.push(part);
        }
        turns.push(turn);
        turns
    }
}

impl TurnParts {
    /// Takes out what stands before the message that began the turn, the newest first.
    pub(super) fn introduction(mut self) -> Vec<Part> {
        let begin = self.parts.iter().rposition(Part::begins_turn);
        let begin = begin.or_else(|| self.parts.iter().rposition(|part| matches!(part, Part::UserEvent)));
        begin.map_or_else(Vec::new, |begin| self.parts.split_off(begin.saturating_add(1)))
    }

    /// The newest settings that can be this turn's.
    pub(super) fn settings(&self) -> Option<&ContextItem> {
        self.parts.iter().find_map(|part| match part {
            Part::Settings(item) if self.owns(item) => Some(item),
            _ => None,
        })
    }

    /// Whether settings name this turn, or none.
    pub(super) fn owns(&self, settings: &ContextItem) -> bool {
        compatible(self.id.as_deref(), turn_id(settings).as_deref())
    }
}

/// The `turn_id` of a payload.
pub(super) fn turn_id(item: &ContextItem) -> Option<String> {
    Object::parse(&item.payload)?.full_text("turn_id")
}
