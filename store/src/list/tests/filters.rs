use super::*;

fn shown(rows: &[Row], params: &ListParams) -> (Vec<u128>, Hidden) {
    let page = page(rows, &ListParams { direction: Direction::Ascending, ..params.clone() }).unwrap();
    assert_eq!(page.total + page.hidden.all(), u64::try_from(rows.len()).unwrap(), "every row is counted once");
    (ids(&page), page.hidden)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn active_and_archived_are_two_collections() {
    let rows = [row(1, 1), Row { archived: true, ..row(2, 2) }];
    let one = Hidden { other_collection: 1, ..Hidden::default() };
    assert_eq!(shown(&rows, &ListParams::default()), (vec![1], one));
    assert_eq!(
        shown(&rows, &ListParams { archived: ArchiveFilter::Archived, ..ListParams::default() }),
        (vec![2], one)
    );
}

#[test]
fn threads_without_preview_are_left_out_unless_asked_for() {
    let rows = [row(1, 1), Row { preview: None, ..row(2, 2) }, Row { preview: Some(""), name: Some("n"), ..row(3, 3) }];
    assert_eq!(shown(&rows, &ListParams::default()), (vec![1], Hidden { without_preview: 2, ..Hidden::default() }));
    let all = ListParams { include_without_preview: true, ..ListParams::default() };
    assert_eq!(shown(&rows, &all), (vec![1, 2, 3], Hidden::default()));
}

#[test]
fn sources_are_taken_singly_or_by_family() {
    let sources = [Some("cli"), Some("subagent:review"), Some("subagent:compact"), Some("custom:cli"), None];
    let rows: Vec<Row> = (1..).zip(sources).map(|(id, source)| Row { source, ..row(id, 1) }).collect();
    let of = |wanted: &[&str]| {
        let (ids, hidden) = shown(&rows, &ListParams { sources: texts(wanted), ..ListParams::default() });
        assert_eq!(hidden.other_source, hidden.all());
        ids
    };
    assert_eq!(of(&[]), [1, 2, 3, 4, 5]);
    assert_eq!(of(&["cli"]), [1]);
    assert_eq!(of(&["subagent"]), [2, 3]);
    assert_eq!(of(&["subagent:compact", "unknown"]), [3, 5]);
    assert_eq!(of(&["subagent:"]), [0; 0]);
}

#[test]
fn a_thread_without_provider_is_of_the_default_one() {
    let rows = [Row { provider: Some("openai"), ..row(1, 1) }, row(2, 1), Row { provider: Some("other"), ..row(3, 1) }];
    let of = |providers: Option<&[&str]>, default: Option<&str>| {
        let model_providers = providers.map(texts);
        let default_provider = default.map(str::to_owned);
        shown(&rows, &ListParams { model_providers, default_provider, ..ListParams::default() })
    };
    let hides = |other_provider| Hidden { other_provider, ..Hidden::default() };
    assert_eq!(of(None, None), (vec![1, 2, 3], hides(0)));
    assert_eq!(of(Some(&["openai"]), None), (vec![1], hides(2)));
    assert_eq!(of(Some(&["openai"]), Some("openai")), (vec![1, 2], hides(1)));
    assert_eq!(of(Some(&[]), Some("openai")), (vec![], hides(3)));
}

#[test]
fn directories_are_compared_part_by_part() {
    let cwds =
        [Some("/a/b"), Some("/a/b/"), Some("/a//./b"), Some("/a/b/c"), Some("/a/../a/b"), Some("a/b"), Some("/"), None];
    let rows: Vec<Row> = (1..).zip(cwds).map(|(id, cwd)| Row { cwd, ..row(id, 1) }).collect();
    let of = |wanted: Option<&[&str]>| {
        let (ids, hidden) = shown(&rows, &ListParams { cwds: wanted.map(texts), ..ListParams::default() });
        assert_eq!(hidden.other_cwd, hidden.all());
        ids
    };
    assert_eq!(of(None), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(of(Some(&[])), [0; 0], "an empty list is no directory at all");
    assert_eq!(of(Some(&["/a/b/."])), [1, 2, 3]);
    assert_eq!(of(Some(&["/a/b/c", "/"])), [4, 7]);
    assert_eq!(of(Some(&["./a/b"])), [6]);
}

#[test]
fn search_looks_into_name_title_and_preview_in_any_case() {
    let rows = [
        Row { name: Some("Fix the BUILD"), ..row(1, 1) },
        Row { title: Some("rebuild all"), ..row(2, 1) },
        Row { preview: Some("a build, then Ärger mit ÉTÉ"), ..row(3, 1) },
        Row { cwd: Some("/build"), ..row(4, 1) },
    ];
    let of = |term: &str| {
        let (ids, hidden) = shown(&rows, &ListParams { search: Some(term.to_owned()), ..ListParams::default() });
        assert_eq!(hidden.not_found, hidden.all());
        ids
    };
    assert_eq!(of("build"), [1, 2, 3]);
    assert_eq!(of("BuIlD "), [2], "spaces count");
    assert_eq!(of("he build"), [1]);
    assert_eq!(of("ärger mit été"), [3]);
    assert_eq!(of("ÄRGER"), [3]);
    assert_eq!(of("BUILD, then ä"), [3]);
    // The sign for Kelvin is a K in lower case.
    assert_eq!(of("\u{212a}"), of("k"));
    assert_eq!(of("all"), [2]);
    assert_eq!(of("bbuild"), [0; 0]);
    assert_eq!(of(""), [1, 2, 3, 4]);
}

#[test]
fn nothing_is_hidden_silently() {
    let hits = Row { provider: Some("p"), cwd: Some("/w"), source: Some("cli"), name: Some("needle"), ..row(1, 1) };
    let rows = [
        hits.clone(),
        Row { id: 2, archived: true, ..hits.clone() },
        Row { id: 3, preview: None, ..hits.clone() },
        Row { id: 4, source: Some("exec"), ..hits.clone() },
        Row { id: 5, provider: Some("q"), ..hits.clone() },
        Row { id: 6, cwd: Some("/v"), ..hits.clone() },
        Row { id: 7, name: Some("hay"), ..hits.clone() },
        Row { id: 8, cwd: Some("/v"), provider: Some("q"), ..hits.clone() },
        Row { id: 9, archived: true, name: None, preview: None, cwd: None, ..hits },
    ];
    let params = ListParams {
        sources: texts(&["cli"]),
        model_providers: Some(texts(&["p"])),
        cwds: Some(texts(&["/w"])),
        search: Some("needle".to_owned()),
        ..ListParams::default()
    };
    let hidden = Hidden {
        other_collection: 1,
        without_preview: 1,
        other_source: 1,
        other_provider: 1,
        other_cwd: 1,
        not_found: 1,
        unrelated: 0,
        several: 2,
        ..Hidden::default()
    };
    assert_eq!(shown(&rows, &params), (vec![1], hidden));
    // What the counts promise: without that one filter, so many more are shown.
    let anywhere = ListParams { cwds: None, ..params };
    assert_eq!(shown(&rows, &anywhere).0, [1, 6]);
}

#[test]
fn totals_do_not_depend_on_the_page() {
    let rows: Vec<Row> = (1..=9).map(|id| Row { archived: id % 3 == 0, ..row(id, 1) }).collect();
    let mut params = ListParams { page_size: 4, ..ListParams::default() };
    for _ in 0..2 {
        let page = page(&rows, &params).unwrap();
        assert_eq!((page.total, page.hidden.other_collection), (6, 3));
        params.cursor = page.next_cursor;
    }
    assert_eq!(params.cursor, None);
}

#[test]
fn tags_list_threads_with_any_of_them_and_pinned_only_those() {
    let rows = [
        Row { tags: &["a", "b"], pinned: true, ..row(1, 1) },
        Row { tags: &["b"], ..row(2, 1) },
        Row { pinned: true, ..row(3, 1) },
        Row { tags: &["ab"], ..row(4, 1) },
    ];
    let with = |tags: &[&str], pinned_only| ListParams { tags: texts(tags), pinned_only, ..ListParams::default() };
    let other = |other_tags| Hidden { other_tags, ..Hidden::default() };
    assert_eq!(shown(&rows, &with(&["a"], false)), (vec![1], other(3)));
    assert_eq!(shown(&rows, &with(&["a", "b"], false)), (vec![1, 2], other(2)));
    assert_eq!(shown(&rows, &with(&[], true)), (vec![1, 3], Hidden { not_pinned: 2, ..Hidden::default() }));
    let both = Hidden { other_tags: 1, not_pinned: 1, several: 1, ..Hidden::default() };
    assert_eq!(shown(&rows, &with(&["b"], true)), (vec![1], both));
    assert_eq!(both.all(), 3);
}
