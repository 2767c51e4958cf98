//! What to list, from the command line.

use std::path::Path;

use clap::{Args, ValueEnum};
use threadlog::Store;
use threadlog::list::{Cursor, Direction, ListParams, SortKey};

use crate::command::list::filters::Filters;
use crate::failure::Failure;

/// Arguments of `list`.
#[derive(Args, Debug, Default)]
pub struct List {
    /// Only the first N; says how many there are, and how to go on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Go on where an earlier list of the same order stopped
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<Cursor>,
    /// The time to sort by
    #[arg(long, value_enum, default_value_t, value_name = "TIME")]
    pub sort: Sort,
    /// The earliest first
    #[arg(long)]
    pub ascending: bool,
    /// Which threads
    #[command(flatten)]
    pub filters: Filters,
    /// Only threads whose name, title or first words contain this; case makes no difference
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Leave out threads that nobody wrote to
    #[arg(long)]
    pub skip_empty: bool,
}

/// A time of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// When it began
    Created,
    /// When something was last added
    #[default]
    Updated,
    /// When its last turn began
    Recency,
}

impl Sort {
    /// The store's word for it.
    pub fn key(self) -> SortKey {
        match self {
            Sort::Created => SortKey::Created,
            Sort::Updated => SortKey::Updated,
            Sort::Recency => SortKey::Recency,
        }
    }

    /// Its column.
    pub fn heading(self) -> &'static str {
        match self {
            Sort::Created => "CREATED (UTC)",
            Sort::Updated => "UPDATED (UTC)",
            Sort::Recency => "LAST TURN (UTC)",
        }
    }
}

impl List {
    /// As the store takes it; one page is as long as a page can be.
    pub fn params(&self, store: &Store) -> Result<ListParams, Failure> {
        let mut params = ListParams::default();
        params.cursor = self.cursor;
        params.sort_key = self.sort.key();
        params.direction = if self.ascending { Direction::Ascending } else { Direction::Descending };
        params.include_without_preview = !self.skip_empty;
        params.search.clone_from(&self.search);
        self.filters.add_to(&mut params, store)?;
        Ok(params)
    }
}

/// Threads know their directories by whole paths. Links are left: the directory may be on another machine.
pub fn absolute(path: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path);
    let absolute =
        absolute.map_err(|error| Failure::io(format_args!("cannot tell where {} is", path.display()), &error))?;
    Ok(absolute.to_string_lossy().into_owned())
}
