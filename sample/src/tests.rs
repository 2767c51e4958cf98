//! Tests of what the parts promise each other.

use crate::json::Json;
use crate::random::{Random, quantile};

#[test]
fn json_is_spelled_as_serde_json_spells_it() {
    let mut random = Random::new(1, &[]);
    let letters: Vec<char> = "ab \"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}/é漢🚀\u{2028}".chars().collect();
    for length in 0..200 {
        let text: String = (0..length).map(|_| random.pick(&letters)).collect();
        let mut json = Json::default();
        json.element(|json| {
            json.text("text", &text);
            json.text(&text, "");
            json.number("number", u64::MAX);
            json.tenths("tenths", 1234);
            json.flag("flag", true);
            json.maybe_text("nothing", None);
            json.object("object", |json| json.object("empty", |_| {}));
            json.list("list", |json| {
                json.element_text(&text);
                json.element(|_| {});
                json.element_verbatim("[1]");
            });
        });
        let quoted = serde_json::to_string(&text).unwrap();
        let wanted = format!(
            "{{\"text\":{quoted},{quoted}:\"\",\"number\":18446744073709551615,\"tenths\":123.4,\"flag\":true,\"nothing\":null,\
             \"object\":{{\"empty\":{{}}}},\"list\":[{quoted},{{}},[1]]}}"
        );
        assert_eq!(json.as_str(), wanted);
    }
}

#[test]
fn a_table_is_followed() {
    const TABLE: &[(u32, u32)] = &[(0, 10), (500, 20), (1000, 120)];
    assert_eq!([0, 250, 500, 750, 1000].map(|share| quantile(TABLE, share, 1000)), [10, 15, 20, 70, 120]);
    let mut random = Random::new(2, &[]);
    let mut values: Vec<u32> = (0..4000).map(|_| random.table(TABLE)).collect();
    values.sort_unstable();
    assert!(
        (13..=17).contains(&values[1000]) && (64..=76).contains(&values[3000]),
        "{} {}",
        values[1000],
        values[3000]
    );
}

#[test]
fn draws_stay_in_bounds_and_reach_them() {
    let mut random = Random::new(3, &[1, 2]);
    let draws: Vec<u32> = (0..1000).map(|_| random.between(5, 8)).collect();
    assert_eq!((draws.iter().min(), draws.iter().max()), (Some(&5), Some(&8)));
    assert_eq!(random.below(0), 0);
    assert_eq!(random.pick::<&str>(&[]), "");
    let fallen = (0..1000).filter(|_| random.chance(250)).count();
    assert!((190..310).contains(&fallen), "{fallen}");
    assert!((0..100).all(|_| random.weighted(&[(0, 1), (3, 2), (0, 3)]) == 2));
}

#[test]
fn paths_of_draws_are_unrelated() {
    let first = |path: &[u64]| Random::new(9, path).bits();
    let firsts = [first(&[]), first(&[0]), first(&[0, 0]), first(&[1, 0]), first(&[0, 1]), Random::new(8, &[0]).bits()];
    for (at, one) in firsts.iter().enumerate() {
        assert!(!firsts[at + 1..].contains(one), "path {at} repeats");
    }
}
