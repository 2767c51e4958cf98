use super::*;
use crate::list::cursor::{Cut, Side};

fn cursor(key: SortKey, side: Side) -> Cursor {
    Cursor { key, cut: Cut { ms: 0x19C_2A58_C0CC, id: Uuid::from_u128(0xABC), side } }
}

/// Cursors live in URLs, scripts and clients: their text must stay readable.
#[test]
fn the_text_form_stays() {
    let text = "1cb0000019c2a58c0cc00000000000000000000000000000abc";
    assert_eq!(cursor(SortKey::Created, Side::Before).to_string(), text);
    assert_eq!(text.parse(), Ok(cursor(SortKey::Created, Side::Before)));
}

#[test]
fn all_cursors_read_back() {
    for key in [SortKey::Created, SortKey::Updated, SortKey::Recency] {
        for side in [Side::Before, Side::After] {
            for (ms, id) in [(0, Uuid::nil()), (u64::MAX, Uuid::max()), (1, Uuid::from_u128(1))] {
                let cursor = Cursor { key, cut: Cut { ms, id, side } };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
                let json = serde_json::to_string(&cursor).unwrap();
                assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor);
            }
        }
    }
}

#[test]
fn anything_else_is_refused() {
    let text = cursor(SortKey::Updated, Side::After).to_string();
    for end in 0..text.len() {
        assert!(text[..end].parse::<Cursor>().is_err(), "cut at {end}");
    }
    for at in 0..text.len() {
        for wrong in ["g", "A", "+", "|", "é", " "] {
            let changed = format!("{}{wrong}{}", &text[..at], &text[at + 1..]);
            assert!(changed.parse::<Cursor>().is_err(), "{changed}");
        }
    }
    for wrong in
        ["2026-02-04T20:29:45.576Z", "null", &format!("{text}0"), &format!("2{}", &text[1..]), &"x".repeat(1000)]
    {
        let error = wrong.parse::<Cursor>().unwrap_err();
        assert!(error.text.len() <= 80 && wrong.starts_with(&error.text));
        assert!(matches!(ListError::from(error), ListError::Cursor(_)));
    }
    assert!(serde_json::from_str::<Cursor>("\"x\"").is_err());
}

/// The cut is a point between places: each place is on one side of it, whichever way one reads.
#[test]
fn a_cut_splits_the_order_in_two() {
    let cut = |side| Cut { ms: 5, id: Uuid::from_u128(5), side };
    let behind = |cut: Cut, ms, id| cut.is_before(ms, ThreadId::from_uuid(Uuid::from_u128(id)));
    for side in [Side::Before, Side::After] {
        assert!(!behind(cut(side), 5, 4) && !behind(cut(side), 4, 9));
        assert!(behind(cut(side), 5, 6) && behind(cut(side), 6, 0));
    }
    assert!(behind(cut(Side::Before), 5, 5) && !behind(cut(Side::After), 5, 5));
}
