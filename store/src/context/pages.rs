//! Turns and items of a thread page by page, from either end, reading no more than that takes.

use std::ops::Range;

use crate::context::fact::Fact;
use crate::context::turns::{Mark, Turn, TurnCounting, Window};
use crate::error::Result;
use crate::item::typed::{EventMsg, ResponseItem, Typed};
use crate::items::StoredItem;
use crate::list::Direction;
use crate::thread_store::{ItemPage, ListItemsParams, ListTurnsParams, StoredTurn, TurnCursor, TurnPage, TurnView};

/// How much of a message a summary shows, in bytes.
const WORDS_BYTES_MAX: usize = 1024;

/// A thread's items, as far as somebody reads them.
pub(crate) trait History {
    /// Behind the last.
    fn end(&self) -> u64;
    /// From this ordinal on.
    fn forwards(&self, from: u64) -> Box<dyn Iterator<Item = Result<StoredItem>> + '_>;
    /// From before this ordinal, the newest first.
    fn backwards(&self, end: u64) -> Box<dyn Iterator<Item = Result<StoredItem>> + '_>;
    /// Whether turns are taken back between these ordinals.
    fn has_rollback(&self, range: Range<u64>) -> Result<bool> {
        for item in self.forwards(range.start).take_while(|item| !matches!(item, Ok(item) if item.ordinal >= range.end))
        {
            if is_rollback(&item?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether an item takes turns back.
pub(crate) fn is_rollback(item: &StoredItem) -> bool {
    matches!(Fact::of(item.ordinal, &item.item), Fact::RolledBack(_))
}

/// A page of items. *Cost:* what it gives.
pub(crate) fn items(history: &dyn History, params: &ListItemsParams) -> Result<ItemPage> {
    let end = history.end();
    let ascending = params.direction == Direction::Ascending;
    let at = params.at.unwrap_or(if ascending { 0 } else { end }).min(end);
    let reading = if ascending { history.forwards(at) } else { history.backwards(at) };
    let mut items = Vec::new();
    let mut next = None;
    for item in reading {
        let item = item?;
        if item.ordinal >= end {
            // Became durable after we looked.
            continue;
        }
        if items.len() == params.page_size {
            // The place between the last item of this page and the first of the next.
            next = if ascending { Some(item.ordinal) } else { items.last().map(|last: &StoredItem| last.ordinal) };
            break;
        }
        items.push(item);
    }
    let far = next.unwrap_or(if ascending { end } else { 0 });
    Ok(ItemPage::new(items, next, if ascending { at..far } else { far..at }, end))
}

/// A page of turns. *Cost:* reads the page's turns, and these once more. The first page of a list from the oldest turn on
/// looks through all that follows it for rollbacks, by raw bytes; the next pages do not. Where a rollback follows, it reads
/// what follows; where no record marks the starts of turns, all that comes before too.
pub(crate) fn turns(history: &dyn History, params: &ListTurnsParams) -> Result<TurnPage> {
    let end = history.end();
    let page_size = params.page_size;
    let boundary = params.cursor.map(|cursor| cursor.at);
    let mut settled = false;
    let (mut turns, more) = match params.direction {
        Direction::Ascending => {
            let from = boundary.unwrap_or(0);
            settled = is_settled(history, params.cursor, end)?;
            from_oldest(history, params, from, if settled { Some(page_size) } else { None })?
        }
        Direction::Descending => {
            let before = boundary.unwrap_or(end);
            let shrunk = params.cursor.map_or(Ok(false), |cursor| history.has_rollback(cursor.end.min(end)..end))?;
            let from = if shrunk { end } else { before.min(end) };
            let is_enough =
                |turns: &[Turn]| turns.iter().filter(|turn| turn.ordinals.start < before).count() > page_size;
            let mut turns = last_turns(history, from, params.counting, is_enough)?;
            turns.retain(|turn| turn.ordinals.start < before);
            turns.reverse();
            let more = turns.len() > page_size;
            turns.truncate(page_size);
            (turns, more)
        }
    };
    let cursor = |at: u64| TurnCursor { at, end, settled };
    let behind = |turn: &Turn| turn.ordinals.start.saturating_add(1);
    let (next, back) = match params.direction {
        Direction::Ascending => (turns.last().map(behind), turns.first().map(behind)),
        Direction::Descending => {
            (turns.last().map(|turn| turn.ordinals.start), turns.first().map(|turn| turn.ordinals.start))
        }
    };
    let stored = turns.drain(..).map(|turn| stored(history, turn, params.view)).collect::<Result<_>>()?;
    let back = back.map(|at| TurnCursor { settled: false, ..cursor(at) });
    Ok(TurnPage::new(stored, next.filter(|_| more).map(cursor), back))
}

/// Whether nothing is taken back behind where a page begins: then what follows the page says nothing of its turns.
fn is_settled(history: &dyn History, cursor: Option<TurnCursor>, end: u64) -> Result<bool> {
    // What the page before looked through need not be looked through again.
    let known = cursor.map_or(0, |cursor| if cursor.settled { cursor.end } else { cursor.at });
    Ok(!history.has_rollback(known.min(end)..end)?)
}

/// The turns that start at `from` or later: all of them, or so many, with the help of no more than they are long; and whether
/// there are more than a page of them.
fn from_oldest(
    history: &dyn History,
    params: &ListTurnsParams,
    from: u64,
    enough: Option<usize>,
) -> Result<(Vec<Turn>, bool)> {
    let until = enough.map_or(Ok(history.end()), |turns| behind_starts(history, from, turns.saturating_add(1)))?;
    let is_enough = |turns: &[Turn]| turns.first().is_some_and(|turn| turn.ordinals.start < from);
    let mut turns = last_turns(history, until, params.counting, is_enough)?;
    turns.retain(|turn| turn.ordinals.start >= from);
    let more = turns.len() > params.page_size;
    turns.truncate(params.page_size);
    Ok((turns, more))
}

/// Behind so many marked starts from `from` on, directly before the next one; the end if there are fewer. Each begins a turn.
fn behind_starts(history: &dyn History, from: u64, count: usize) -> Result<u64> {
    let (end, mut starts) = (history.end(), 0_usize);
    for item in history.forwards(from) {
        let item = item?;
        if item.ordinal >= end {
            break;
        }
        if matches!(Fact::of(item.ordinal, &item.item), Fact::Started(_)) {
            starts = starts.saturating_add(1);
            if starts > count {
                return Ok(item.ordinal);
            }
        }
    }
    Ok(end)
}

/// The last turns before `end`, in order, reading back until they are enough.
fn last_turns(
    history: &dyn History,
    end: u64,
    counting: TurnCounting,
    is_enough: impl Fn(&[Turn]) -> bool,
) -> Result<Vec<Turn>> {
    let mut window = Window::default();
    // Looked at when twice as many turns have begun as the time before: all looks together cost about two.
    let mut look_at = 1_usize;
    for item in history.backwards(end) {
        let item = item?;
        if window.add(item.ordinal, Mark::of(Fact::of(item.ordinal, &item.item))) && window.starts() >= look_at {
            look_at = window.starts().saturating_mul(2);
            if let Some(turns) = window.turns(counting).filter(|turns| is_enough(turns)) {
                return Ok(turns);
            }
        }
    }
    Ok(window.all(counting))
}

/// A turn with what the page shows of it.
fn stored(history: &dyn History, turn: Turn, view: TurnView) -> Result<StoredTurn> {
    let own = turn.own_ordinals();
    let mut stored = StoredTurn::new(turn);
    let mut items = Vec::new();
    let (mut event_words, mut event_answer) = (None, None);
    for item in history.forwards(own.start) {
        let item = item?;
        if item.ordinal >= own.end {
            break;
        }
        let time = item.item.timestamp();
        stored.started = stored.started.or(time);
        stored.last = time.or(stored.last);
        match item.item.typed() {
            Typed::Response(ResponseItem::Message { text, .. })
                if stored.words.is_none() && stored.turn.user_messages.contains(&item.ordinal) =>
            {
                stored.words = Some(shortened(text));
            }
            Typed::Response(ResponseItem::Message { role, text }) if role == "assistant" => {
                stored.answer = Some(shortened(text));
            }
            Typed::Event(EventMsg::UserMessage(message)) => {
                event_words.get_or_insert_with(|| shortened(message.text));
            }
            Typed::Event(EventMsg::AgentMessage(text)) => event_answer = Some(shortened(text)),
            _ => {}
        }
        if view == TurnView::Full {
            items.push(item);
        }
    }
    stored.words = stored.words.or(event_words);
    stored.answer = stored.answer.or(event_answer);
    stored.items = (view == TurnView::Full).then_some(items);
    Ok(stored)
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(WORDS_BYTES_MAX));
    text
}
