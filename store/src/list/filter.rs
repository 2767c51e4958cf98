//! Which threads a list shows.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::list::search::Term;
use crate::list::{ArchiveFilter, Hidden, ListParams, ThreadRow};
use crate::thread::ThreadId;

/// What a thread without source is called in a filter.
const UNKNOWN: &str = "unknown";

/// A filter, and what counts the rows that only it hides.
type Check<'a, R> = (fn(&Filter<'a>, &R) -> bool, fn(&mut Hidden) -> &mut u64);

/// The filters of a list, made ready.
pub(super) struct Filter<'a> {
    params: &'a ListParams,
    cwds: Option<Vec<Cow<'a, str>>>,
    term: Option<Term>,
    related: Option<HashSet<ThreadId>>,
}

impl<'a> Filter<'a> {
    /// `related` are the threads of the relation that was asked for.
    pub(super) fn new(params: &'a ListParams, related: Option<Vec<ThreadId>>) -> Filter<'a> {
        let cwds = params.cwds.as_ref().map(|cwds| cwds.iter().map(|cwd| plain(cwd)).collect());
        let related = related.map(|related| related.into_iter().collect());
        Filter { params, cwds, term: params.search.as_deref().map(Term::new), related }
    }

    /// Whether the row is shown; if not, it is counted under what hides it.
    pub(super) fn shows<R: ThreadRow>(&self, row: &R, hidden: &mut Hidden) -> bool {
        let checks: [Check<'a, R>; 9] = [
            (Filter::collection, |hidden| &mut hidden.other_collection),
            (Filter::preview, |hidden| &mut hidden.without_preview),
            (Filter::source, |hidden| &mut hidden.other_source),
            (Filter::provider, |hidden| &mut hidden.other_provider),
            (Filter::cwd, |hidden| &mut hidden.other_cwd),
            (Filter::tag, |hidden| &mut hidden.other_tags),
            (Filter::pinned, |hidden| &mut hidden.not_pinned),
            (Filter::relation, |hidden| &mut hidden.unrelated),
            // Last, as it is the dearest.
            (Filter::search, |hidden| &mut hidden.not_found),
        ];
        let mut failed = checks.iter().filter(|(passes, _)| !passes(self, row)).map(|(_, count)| count);
        match (failed.next(), failed.next()) {
            (None, _) => return true,
            (Some(count), None) => *count(hidden) += 1,
            (Some(_), Some(_)) => hidden.several += 1,
        }
        false
    }

    fn collection<R: ThreadRow>(&self, row: &R) -> bool {
        match self.params.archived {
            ArchiveFilter::Active => !row.archived() && !row.trashed(),
            ArchiveFilter::Archived => row.archived() && !row.trashed(),
            ArchiveFilter::Trashed => row.trashed(),
        }
    }

    fn preview<R: ThreadRow>(&self, row: &R) -> bool {
        self.params.include_without_preview || self.related.is_some() || row.has_preview()
    }

    fn source<R: ThreadRow>(&self, row: &R) -> bool {
        let sources = &self.params.sources;
        if sources.is_empty() {
            return true;
        }
        let source = row.source().unwrap_or(UNKNOWN);
        let family = source.split_once(':').map(|(family, _)| family);
        sources.iter().any(|wanted| wanted == source || Some(wanted.as_str()) == family)
    }

    fn provider<R: ThreadRow>(&self, row: &R) -> bool {
        let Some(wanted) = &self.params.model_providers else { return true };
        let provider = row.model_provider().or(self.params.default_provider.as_deref());
        provider.is_some_and(|provider| wanted.iter().any(|wanted| wanted == provider))
    }

    fn cwd<R: ThreadRow>(&self, row: &R) -> bool {
        let Some(wanted) = &self.cwds else { return true };
        row.cwd().is_some_and(|cwd| wanted.contains(&plain(cwd)))
    }

    fn tag<R: ThreadRow>(&self, row: &R) -> bool {
        let wanted = &self.params.tags;
        wanted.is_empty() || wanted.iter().any(|tag| row.has_tag(tag))
    }

    fn pinned<R: ThreadRow>(&self, row: &R) -> bool {
        !self.params.pinned_only || row.pinned()
    }

    fn relation<R: ThreadRow>(&self, row: &R) -> bool {
        self.related.as_ref().is_none_or(|related| related.contains(&row.thread()))
    }

    fn search<R: ThreadRow>(&self, row: &R) -> bool {
        let Some(term) = &self.term else { return true };
        let (title, preview) = (row.title(), row.preview());
        // Most titles are the preview.
        let title = title.filter(|_| title != preview);
        [row.name(), title, preview].into_iter().flatten().any(|text| term.is_in(text))
    }
}

/// A path without trailing or doubled slashes and without `.` parts. `..` stays: what it means depends on links.
pub(crate) fn plain(path: &str) -> Cow<'_, str> {
    let odd = |part: &str| part.is_empty() || part == ".";
    let relative = path.strip_prefix('/').unwrap_or(path);
    if !relative.split('/').any(odd) {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = relative.split('/').filter(|part| !odd(part)).collect();
    let root = if path.starts_with('/') { "/" } else { "" };
    Cow::Owned(format!("{root}{}", parts.join("/")))
}
