//! What a list does not show, in words: no filter hides silently.

use threadlog::list::{ArchiveFilter, Hidden, ListParams};

use crate::output::human;

/// What is hidden, and how to see it; nothing if all threads are listed.
pub fn sentence(hidden: &Hidden, params: &ListParams) -> Option<String> {
    let collection = match params.archived {
        ArchiveFilter::Archived => "not archived or in the trash",
        _ => "archived (--archived lists them) or in the trash (`trash list`)",
    };
    let reasons = [
        (hidden.other_collection, collection),
        (hidden.without_preview, "that nobody wrote to"),
        (hidden.other_source, "from other sources"),
        (hidden.other_provider, "with other model providers"),
        (hidden.other_cwd, "of other folders"),
        (hidden.other_tags, "without the tag"),
        (hidden.not_pinned, "that are not pinned"),
        (hidden.not_found, "without the text"),
        (hidden.unrelated, "that came from elsewhere"),
        (hidden.several, "for several of these reasons"),
    ];
    let parts = reasons.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, why)| format!("{} {why}", human::count(*count))).collect();
    (!parts.is_empty()).then(|| format!("not listed: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_words_and_nothing_hidden_has_none() {
        let params = ListParams::default();
        assert_eq!(sentence(&Hidden::default(), &params), None);
        let mut hidden = Hidden::default();
        hidden.other_collection = 1;
        hidden.without_preview = 2;
        hidden.other_source = 3;
        hidden.other_provider = 4;
        hidden.other_cwd = 5;
        hidden.not_found = 6;
        hidden.unrelated = 7;
        hidden.several = 1007;
        hidden.other_tags = 8;
        hidden.not_pinned = 9;
        let said = sentence(&hidden, &params).unwrap();
        for count in ["1 archived (--archived", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "1,007 ", "8 ", "9 "] {
            assert!(said.contains(count), "{said}");
        }
        assert_eq!(said.matches(", ").count(), 9, "{said}");
    }
}
