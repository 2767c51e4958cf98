//! Pages of turns and items are parts of the whole, whatever is read for them.

use std::cell::Cell;
use std::ops::Range;

use proptest::prelude::*;
use threadlog_engine::number::{narrow, wide};

use super::*;
use crate::context::pages::{History, items, turns as page_of_turns};
use crate::items::StoredItem;
use crate::list::Direction;
use crate::thread::ThreadId;
use crate::thread_store::{ListItemsParams, ListTurnsParams, TurnCursor, TurnView};

/// Items, and how many of them were read.
struct Counted(Vec<RolloutItem>, Cell<usize>);

impl Counted {
    fn new(words: &str) -> Counted {
        Counted(thread(words), Cell::new(0))
    }

    fn items(&self, range: Range<usize>) -> Vec<crate::Result<StoredItem>> {
        let stored = |at: usize| StoredItem { ordinal: wide(at), clock: 0, item: self.0[at].clone() };
        range.map(|at| Ok(stored(at))).collect()
    }
}

impl History for Counted {
    fn end(&self) -> u64 {
        wide(self.0.len())
    }

    fn forwards(&self, from: u64) -> Box<dyn Iterator<Item = crate::Result<StoredItem>> + '_> {
        let items = self.items(narrow(from).unwrap()..self.0.len());
        Box::new(items.into_iter().inspect(|_| self.1.set(self.1.get() + 1)))
    }

    fn backwards(&self, end: u64) -> Box<dyn Iterator<Item = crate::Result<StoredItem>> + '_> {
        let items = self.items(0..narrow(end).unwrap());
        Box::new(items.into_iter().rev().inspect(|_| self.1.set(self.1.get() + 1)))
    }
}

fn params(size: usize, direction: Direction, counting: TurnCounting) -> ListTurnsParams {
    let mut params = ListTurnsParams::new(ThreadId::generate());
    (params.page_size, params.direction, params.counting) = (size, direction, counting);
    params
}

/// All turns, a page at a time.
fn paged(history: &Counted, mut params: ListTurnsParams) -> Vec<Turn> {
    let mut all = Vec::new();
    loop {
        let page = page_of_turns(history, &params).unwrap();
        assert!(page.turns.len() <= params.page_size);
        all.extend(page.turns.into_iter().map(|stored| stored.turn));
        params.cursor = page.next_cursor;
        if params.cursor.is_none() {
            return all;
        }
    }
}

/// Start, own ordinals, id, end, messages.
type Place = (u64, Range<u64>, Option<String>, TurnEnd, Vec<u64>);

/// Where turns stand, whose they are and how they ended. What follows a page's last turn is not part of it.
fn places(turns: &[Turn]) -> Vec<Place> {
    let place =
        |turn: &Turn| (turn.ordinals.start, turn.own_ordinals(), turn.id.clone(), turn.end, turn.user_messages.clone());
    turns.iter().map(place).collect()
}

const WORDS: [&str; 16] = [
    "start:1",
    "start:2",
    "start:3",
    "end:1",
    "end:2",
    "abort",
    "user:x",
    "event:x",
    "answer:x",
    "place",
    "settings:4",
    "back:1",
    "back:2",
    "compacted:y",
    "delivery:true",
    "agent:z",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_turns_in_either_order_are_all_turns(
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60),
        size in 1_usize..5,
    ) {
        let history = Counted::new(&words.join(" "));
        for counting in [TurnCounting::UserTurns, TurnCounting::EveryTurn] {
            let whole = match counting {
                TurnCounting::UserTurns => turns((0..).zip(&history.0)),
                TurnCounting::EveryTurn => display_turns((0..).zip(&history.0)),
            };
            let ascending = paged(&history, params(size, Direction::Ascending, counting));
            prop_assert_eq!(places(&ascending), places(&whole));
            let mut descending = paged(&history, params(size, Direction::Descending, counting));
            descending.reverse();
            prop_assert_eq!(places(&descending), places(&whole));
        }
    }

    #[test]
    fn a_list_goes_on_without_turns_that_were_taken_back_meanwhile(
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..40),
        more in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..20),
        size in 1_usize..4,
    ) {
        let before = Counted::new(&words.join(" "));
        let mut params = params(size, Direction::Descending, TurnCounting::UserTurns);
        params.cursor = page_of_turns(&before, &params).unwrap().next_cursor;
        if let Some(cursor) = params.cursor {
            let after = Counted::new(&[words, more].concat().join(" "));
            let mut rest = paged(&after, params);
            rest.reverse();
            let whole = turns((0..).zip(&after.0));
            let older: Vec<Turn> = whole.into_iter().filter(|turn| turn.ordinals.start < cursor.at).collect();
            prop_assert_eq!(places(&rest), places(&older));
        }
    }

    #[test]
    fn a_list_from_the_oldest_turn_goes_on_with_what_came_and_without_what_was_taken_back_meanwhile(
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..40),
        more in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..20),
        size in 1_usize..4,
    ) {
        let before = Counted::new(&words.join(" "));
        let mut params = params(size, Direction::Ascending, TurnCounting::UserTurns);
        params.cursor = page_of_turns(&before, &params).unwrap().next_cursor;
        if let Some(cursor) = params.cursor {
            let after = Counted::new(&[words, more].concat().join(" "));
            let rest = paged(&after, params);
            let whole = turns((0..).zip(&after.0));
            let newer: Vec<Turn> = whole.into_iter().filter(|turn| turn.ordinals.start >= cursor.at).collect();
            prop_assert_eq!(places(&rest), places(&newer));
        }
    }

    #[test]
    fn pages_of_items_in_either_order_are_all_items(count in 0_usize..40, size in 1_usize..7) {
        let history = Counted::new(&"tokens:1 ".repeat(count));
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut params = ListItemsParams::new(ThreadId::generate());
            (params.page_size, params.direction) = (size, direction);
            let mut met = Vec::new();
            loop {
                let page = items(&history, &params).unwrap();
                prop_assert_eq!(page.end_ordinal, wide(count));
                prop_assert_eq!(page.covers.end - page.covers.start, wide(page.items.len()));
                met.extend(page.items.iter().map(|item| item.ordinal));
                params.at = page.next;
                if params.at.is_none() {
                    break;
                }
            }
            if direction == Direction::Descending {
                met.reverse();
            }
            prop_assert_eq!(met, (0..wide(count)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_last_turns_cost_what_they_are_long() {
    let history = Counted::new(&"start:1 user:x answer:y answer:y answer:y end:1 ".repeat(1000));
    let page = page_of_turns(&history, &params(3, Direction::Descending, TurnCounting::UserTurns)).unwrap();
    assert_eq!(page.turns.len(), 3);
    assert!(history.1.get() < 100, "{} items were read", history.1.get());
    let mut next = params(3, Direction::Descending, TurnCounting::UserTurns);
    next.cursor = page.next_cursor;
    history.1.set(0);
    page_of_turns(&history, &next).unwrap();
    assert!(history.1.get() < 100, "{} items were read", history.1.get());
}

#[test]
fn the_oldest_turns_cost_one_look_for_rollbacks_and_then_what_they_are_long() {
    let words = "start:1 user:x answer:y answer:y answer:y end:1 ".repeat(1000);
    let history = Counted::new(&words);
    let mut params = params(3, Direction::Ascending, TurnCounting::UserTurns);
    let page = page_of_turns(&history, &params).unwrap();
    assert!((6000..6100).contains(&history.1.get()), "{} items were read", history.1.get());
    params.cursor = page.next_cursor;
    for _ in 0..5 {
        history.1.set(0);
        let page = page_of_turns(&history, &params).unwrap();
        assert_eq!(page.turns.len(), 3);
        assert!(history.1.get() < 100, "{} items were read", history.1.get());
        params.cursor = page.next_cursor;
    }
    // What came meanwhile is looked through, and no more.
    let grown = Counted::new(&format!("{words}{}", "start:1 user:x end:1 ".repeat(100)));
    let page = page_of_turns(&grown, &params).unwrap();
    assert!((300..400).contains(&grown.1.get()), "{} items were read", grown.1.get());
    assert_eq!(page.turns[0].turn.ordinals.start, 18 * 6);
    let taken_back = Counted::new(&format!("{words}back:999"));
    assert_eq!(page_of_turns(&taken_back, &params).unwrap().turns.len(), 0, "nothing is left from there on");
}

#[test]
fn items_cost_what_a_page_is_long_in_both_directions() {
    let history = Counted::new(&"tokens:1 ".repeat(1000));
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut params = ListItemsParams::new(ThreadId::generate());
        (params.page_size, params.direction, params.at) = (10, direction, Some(500));
        history.1.set(0);
        assert_eq!(items(&history, &params).unwrap().items.len(), 10);
        assert!(history.1.get() <= 11, "{} items were read", history.1.get());
    }
}

#[test]
fn the_other_way_from_a_page_comes_what_is_new() {
    let words = "start:1 user:a end:1 start:2 user:b end:2";
    let newest = params(1, Direction::Descending, TurnCounting::UserTurns);
    let page = page_of_turns(&Counted::new(words), &newest).unwrap();
    let mut back = params(9, Direction::Ascending, TurnCounting::UserTurns);
    back.cursor = page.backwards_cursor;
    let grown = Counted::new(&format!("{words} start:3 user:c end:3"));
    let ids: Vec<_> = page_of_turns(&grown, &back).unwrap().turns.into_iter().filter_map(|turn| turn.turn.id).collect();
    assert_eq!(ids, ["2", "3"], "the page's first turn may have gone on");
}

#[test]
fn a_turn_shows_its_words_its_last_answer_and_not_what_was_taken_back_behind_it() {
    let words = "start:1 user:ask answer:first answer:last start:2 user:wrong answer:no end:2 back:1 tokens:3";
    let mut full = params(5, Direction::Descending, TurnCounting::UserTurns);
    full.view = TurnView::Full;
    let page = page_of_turns(&Counted::new(words), &full).unwrap();
    let [turn] = &page.turns[..] else { panic!("{page:?}") };
    assert_eq!((turn.words.as_deref(), turn.answer.as_deref()), (Some("ask"), Some("last")));
    assert_eq!(turn.items.as_ref().map(Vec::len), Some(4));
    assert!(turn.started.is_some() && turn.last.is_some());
}

#[test]
fn a_cursor_is_read_back_from_its_text() {
    for text in ["12-345", "12-345+"] {
        assert_eq!(text.parse::<TurnCursor>().unwrap().to_string(), text);
    }
    for text in ["12", "12-+", "+", "12-345-", "12-345++"] {
        assert!(text.parse::<TurnCursor>().is_err(), "{text}");
    }
}
