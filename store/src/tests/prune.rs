use super::*;

/// Threads by number: 1 was active first. Each has ten times its number in bytes.
fn rows(count: u8) -> Vec<PruneRow> {
    (1..=count).map(row).collect()
}

fn row(number: u8) -> PruneRow {
    let thread = format!("019c1a2b-0000-7000-8000-{number:012}").parse().unwrap();
    let (active_ms, bytes) = (u64::from(number) * 1000, u64::from(number) * 10);
    PruneRow {
        active_ms,
        cwd: Some(format!("/w/{}", number % 2)),
        ..PruneRow::new(&ThreadMetadata::new(thread), bytes)
    }
}

/// The numbers of chosen and of protected threads.
fn numbers(rows: &[PruneRow], rules: &PruneRules) -> (Vec<u64>, Vec<u64>) {
    let mut turned = rows.to_vec();
    turned.reverse();
    let plan = plan(rows, rules);
    assert_eq!(plan, super::plan(&turned, rules), "the order of the rows makes no difference");
    assert_eq!(plan.bytes, plan.chosen.iter().map(|(row, _)| row.bytes).sum::<u64>());
    let number = |row: &PruneRow| row.active_ms / 1000;
    (
        plan.chosen.iter().map(|(row, _)| number(row)).collect(),
        plan.protected.iter().map(|(row, _)| number(row)).collect(),
    )
}

fn chosen(rows: &[PruneRow], rules: PruneRules) -> Vec<u64> {
    numbers(rows, &rules).0
}

#[test]
fn nothing_goes_without_a_criterion() {
    let rules = PruneRules { include_named: true, include_archived: true, ..PruneRules::default() };
    assert!(!rules.has_criterion());
    assert_eq!(plan(&rows(9), &rules), PrunePlan::default());
}

#[test]
fn each_criterion_chooses_by_itself() {
    let all = rows(5);
    assert_eq!(chosen(&all, PruneRules { inactive_since_ms: Some(3000), ..PruneRules::default() }), [1, 2]);
    assert_eq!(chosen(&all, PruneRules { keep: Some(2), ..PruneRules::default() }), [1, 2, 3]);
    assert_eq!(chosen(&all, PruneRules { keep: Some(9), ..PruneRules::default() }), [0u64; 0]);
    assert_eq!(chosen(&all, PruneRules { larger_than: Some(30), ..PruneRules::default() }), [4, 5]);
    assert_eq!(chosen(&all, PruneRules { cwd: Some("/w//1/".to_owned()), ..PruneRules::default() }), [1, 3, 5]);
    let mut agents = all;
    agents[1].sub_agent = true;
    assert_eq!(chosen(&agents, PruneRules { sub_agents: true, ..PruneRules::default() }), [2]);
}

#[test]
fn the_oldest_go_until_the_rest_fits() {
    let all = rows(5);
    for (most, expected) in [(150, vec![]), (149, vec![1]), (140, vec![1]), (139, vec![1, 2]), (0, vec![1, 2, 3, 4, 5])]
    {
        let rules = PruneRules { max_total: Some(most), ..PruneRules::default() };
        assert_eq!(chosen(&all, rules.clone()), expected, "{most}");
        assert_eq!(plan(&all, &rules).over_bytes, 0);
    }
}

#[test]
fn what_cannot_fit_because_others_are_protected_is_said() {
    let mut all = rows(3);
    all[0].pinned = true;
    all[2].live = true;
    let rules = PruneRules { max_total: Some(5), ..PruneRules::default() };
    assert_eq!(numbers(&all, &rules), (vec![2], vec![1, 3]));
    assert_eq!(plan(&all, &rules).over_bytes, 35);
}

#[test]
fn criteria_narrow_each_other() {
    let all = rows(6);
    let old = PruneRules { inactive_since_ms: Some(5000), ..PruneRules::default() };
    assert_eq!(chosen(&all, old.clone()), [1, 2, 3, 4]);
    assert_eq!(chosen(&all, PruneRules { keep: Some(4), ..old.clone() }), [1, 2]);
    assert_eq!(chosen(&all, PruneRules { keep: Some(1), ..old.clone() }), [1, 2, 3, 4]);
    assert_eq!(chosen(&all, PruneRules { larger_than: Some(20), ..old.clone() }), [3, 4]);
    assert_eq!(chosen(&all, PruneRules { max_total: Some(190), ..old.clone() }), [1, 2]);
    // Of the directory: what is kept, and what all together have, counts there alone.
    let there = PruneRules { cwd: Some("/w/1".to_owned()), ..PruneRules::default() };
    assert_eq!(chosen(&all, PruneRules { keep: Some(1), ..there.clone() }), [1, 3]);
    assert_eq!(chosen(&all, PruneRules { max_total: Some(80), ..there.clone() }), [1]);
    let reasons = plan(&all, &PruneRules { keep: Some(1), ..there }).chosen.remove(0).1;
    assert_eq!(reasons, [PruneReason::NotRecent, PruneReason::Cwd]);
}

#[test]
fn protected_threads_stay_with_the_reason() {
    let mut all = rows(5);
    all[0].named = true;
    all[1].pinned = true;
    all[2].archived = true;
    all[3].live = true;
    let rules = PruneRules { keep: Some(0), ..PruneRules::default() };
    assert_eq!(numbers(&all, &rules), (vec![5], vec![1, 2, 3, 4]));
    let reasons: Vec<_> = plan(&all, &rules).protected.into_iter().map(|(_, reasons)| reasons).collect();
    let expected = [Protection::Named, Protection::Pinned, Protection::Archived, Protection::Live];
    assert_eq!(reasons, expected.map(|reason| vec![reason]));
    let rules = PruneRules { include_named: true, include_archived: true, ..rules };
    assert_eq!(numbers(&all, &rules), (vec![1, 3, 5], vec![2, 4]), "what is pinned or live stays always");
    all[4].live = true;
    all[4].pinned = true;
    let last = plan(&all, &rules).protected.pop().unwrap().1;
    assert_eq!(last, [Protection::Live, Protection::Pinned], "all reasons are said");
}
