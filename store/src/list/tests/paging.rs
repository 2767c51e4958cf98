use proptest::prelude::*;

use super::*;

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

fn params(page_size: usize, direction: Direction) -> ListParams {
    ListParams { page_size, direction, ..ListParams::default() }
}

/// The rows as a list shows them, sorted the plain way.
fn sorted(rows: &[Row], direction: Direction) -> Vec<u128> {
    let mut places: Vec<(u64, u128)> = rows.iter().map(|row| (row.ms[0], row.id)).collect();
    places.sort_unstable();
    if direction == Direction::Descending {
        places.reverse();
    }
    places.into_iter().map(|(_, id)| id).collect()
}

/// All pages, each begun with what the one before said.
fn pages<'a>(rows: &'a [Row], mut params: ListParams) -> Vec<ListPage<&'a Row>> {
    let mut pages: Vec<ListPage<&'a Row>> = Vec::new();
    loop {
        let page = page(rows, &params).unwrap();
        params.cursor = page.next_cursor;
        pages.push(page);
        assert!(pages.len() <= rows.len() + 1, "it never ends");
        if params.cursor.is_none() {
            return pages;
        }
    }
}

/// Every assignment of three times to up to six rows, in every page size, both ways.
#[test]
fn pages_of_any_size_are_the_sorted_list() {
    for count in 0..=6u32 {
        for assignment in 0..3u32.pow(count) {
            let rows: Vec<Row> =
                (0..count).map(|id| row(u128::from(id), u64::from(assignment / 3u32.pow(id) % 3))).collect();
            for direction in DIRECTIONS {
                let all = sorted(&rows, direction);
                for page_size in 1..=rows.len() + 1 {
                    let pages = pages(&rows, params(page_size, direction));
                    let shown: Vec<u128> = pages.iter().flat_map(ids).collect();
                    assert_eq!(shown, all, "{rows:?} {direction:?} {page_size}");
                    assert_eq!(pages.len(), rows.len().div_ceil(page_size).max(1), "no empty page at the end");
                    assert!(pages.iter().all(|page| page.total == u64::from(count) && page.hidden.all() == 0));
                }
            }
        }
    }
}

/// From every page back again: what the cursor promises is the page's first millisecond and all before it.
#[test]
fn backwards_cursors_meet_the_first_millisecond_and_all_that_came_before() {
    for assignment in 0..3u32.pow(5) {
        let rows: Vec<Row> =
            (0..5u32).map(|id| row(u128::from(id), u64::from(assignment / 3u32.pow(id) % 3))).collect();
        for (direction, opposite) in [(DIRECTIONS[0], DIRECTIONS[1]), (DIRECTIONS[1], DIRECTIONS[0])] {
            for page_size in 1..=5 {
                for first in pages(&rows, params(page_size, direction)) {
                    let ms = first.threads[0].ms[0];
                    let not_after: Vec<Row> = rows
                        .iter()
                        .filter(|row| if direction == Direction::Ascending { row.ms[0] <= ms } else { row.ms[0] >= ms })
                        .cloned()
                        .collect();
                    for back_size in [1, 2, 5] {
                        let back = ListParams { cursor: first.backwards_cursor, ..params(back_size, opposite) };
                        let shown: Vec<u128> = pages(&rows, back).iter().flat_map(ids).collect();
                        assert_eq!(shown, sorted(&not_after, opposite), "{rows:?} {direction:?} {page_size}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_kept_backwards_cursor_finds_what_came_since() {
    let mut rows = vec![row(5, 10), row(6, 20), row(7, 30)];
    let newest = page(&rows, &params(2, Direction::Descending)).unwrap();
    let since = ListParams { cursor: newest.backwards_cursor, ..params(25, Direction::Ascending) };
    assert_eq!(ids(&page(&rows, &since).unwrap()), [7]);
    // Two new ones: one later, one in the same millisecond with a lower id.
    rows.extend([row(1, 30), row(2, 40)]);
    assert_eq!(ids(&page(&rows, &since).unwrap()), [1, 7, 2]);
    assert_eq!(page::<Row>(&[], &since).unwrap().backwards_cursor, None);
}

#[test]
fn each_sort_key_has_its_own_order() {
    let rows =
        [Row { ms: [1, 5, 3], ..row(1, 0) }, Row { ms: [2, 4, 1], ..row(2, 0) }, Row { ms: [3, 6, 2], ..row(3, 0) }];
    let by = |sort_key| ids(&page(&rows, &ListParams { sort_key, ..ListParams::default() }).unwrap());
    assert_eq!(
        (by(SortKey::Created), by(SortKey::Updated), by(SortKey::Recency)),
        (vec![3, 2, 1], vec![3, 1, 2], vec![1, 3, 2])
    );
}

#[test]
fn the_defaults_are_the_newest_twenty_five() {
    let rows: Vec<Row> = (0..60).map(|id| row(u128::from(id), id)).collect();
    let first = page(&rows, &ListParams::default()).unwrap();
    assert_eq!((first.threads.len(), first.total, first.threads[0].id), (25, 60, 59));
    let titles = first.map(|row| row.id * 2);
    assert_eq!((titles.threads[0], titles.total), (118, 60));
    assert!(titles.next_cursor.is_some() && titles.backwards_cursor.is_some());
}

#[test]
fn sizes_out_of_bounds_and_cursors_of_other_orders_are_refused() {
    let rows = [row(1, 1), row(2, 2)];
    for size in [0, PAGE_SIZE_MAX + 1, usize::MAX] {
        assert_eq!(page(&rows, &params(size, Direction::Ascending)), Err(ListError::PageSize(size)));
    }
    assert_eq!(page(&rows, &params(PAGE_SIZE_MAX, Direction::Ascending)).unwrap().total, 2);
    let cursor = page(&rows, &params(1, Direction::Ascending)).unwrap().next_cursor;
    let wrong = ListParams { cursor, sort_key: SortKey::Updated, ..ListParams::default() };
    let error = page(&rows, &wrong).unwrap_err();
    assert_eq!(error, ListError::OtherOrder { cursor: SortKey::Created, list: SortKey::Updated });
    assert!(error.to_string().contains("by created"), "{error}");
}

/// What happens to the rows between two pages.
#[derive(Clone, Copy, Debug)]
enum Change {
    Insert(u64),
    Delete(prop::sample::Index),
    /// Also the row that the cursor was made from.
    DeleteLastShown,
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..4u64).prop_map(Change::Insert),
        2 => any::<prop::sample::Index>().prop_map(Change::Delete),
        1 => Just(Change::DeleteLastShown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Rows that were there all the time are shown exactly once and in order, whatever came and went meanwhile.
    #[test]
    fn rows_that_stay_are_shown_once(
        times in proptest::collection::vec(0..4u64, 0..12),
        // Ids come in no order, as random ones do.
        mut new_ids in Just((0..40u128).collect::<Vec<_>>()).prop_shuffle(),
        page_size in 1..5usize,
        direction in prop::sample::select(DIRECTIONS.to_vec()),
        changes in proptest::collection::vec(proptest::collection::vec(any_change(), 0..3), 12),
    ) {
        let mut rows: Vec<Row> = times.iter().map(|ms| row(new_ids.pop().unwrap(), *ms)).collect();
        let mut stayed = rows.clone();
        let (mut shown, mut came) = (Vec::new(), Vec::new());
        let mut params = params(page_size, direction);
        let mut changes = changes.into_iter();
        loop {
            let page = page(&rows, &params).unwrap();
            prop_assert_eq!(page.total, u64::try_from(rows.len()).unwrap());
            shown.extend(ids(&page));
            prop_assert!(shown.len() <= 100, "it never ends");
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                break;
            }
            for change in changes.next().unwrap_or_default() {
                match change {
                    Change::Insert(ms) => {
                        let id = new_ids.pop().unwrap();
                        came.push(id);
                        rows.push(row(id, ms));
                    }
                    Change::Delete(at) if !rows.is_empty() => drop(rows.swap_remove(at.index(rows.len()))),
                    Change::Delete(_) => {}
                    Change::DeleteLastShown => rows.retain(|row| Some(&row.id) != shown.last()),
                }
            }
            stayed.retain(|row| rows.contains(row));
        }
        let survivors: Vec<u128> = stayed.iter().map(|row| row.id).collect();
        let shown_survivors: Vec<u128> = shown.iter().copied().filter(|id| survivors.contains(id)).collect();
        prop_assert_eq!(shown_survivors, sorted(&stayed, direction));
        let mut once = shown.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), shown.len(), "nothing is shown twice");
    }
}
