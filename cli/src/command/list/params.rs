//! What to list, from the command line.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use threadlog::list::{ArchiveFilter, Cursor, Direction, ListParams, SortKey};

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
    /// Archived threads instead of the others
    #[arg(long)]
    pub archived: bool,
    /// Only threads of this working directory, not of those below it; may be repeated
    #[arg(long, value_name = "DIR")]
    pub cwd: Vec<PathBuf>,
    /// Only threads from there: cli, vscode, exec, subagent, subagent:review; may be repeated
    #[arg(long, value_name = "SOURCE")]
    pub source: Vec<String>,
    /// Only threads with models of this provider; may be repeated
    #[arg(long, value_name = "NAME")]
    pub model_provider: Vec<String>,
    /// What a thread that names no provider counts as
    #[arg(long, value_name = "NAME", requires = "model_provider")]
    pub default_provider: Option<String>,
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
    pub fn params(&self) -> Result<ListParams, Failure> {
        let some = |list: Vec<String>| if list.is_empty() { None } else { Some(list) };
        let mut params = ListParams::default();
        params.cursor = self.cursor;
        params.sort_key = self.sort.key();
        params.direction = if self.ascending { Direction::Ascending } else { Direction::Descending };
        params.archived = if self.archived { ArchiveFilter::Archived } else { ArchiveFilter::Active };
        params.include_without_preview = !self.skip_empty;
        params.sources.clone_from(&self.source);
        params.model_providers = some(self.model_provider.clone());
        params.default_provider.clone_from(&self.default_provider);
        params.cwds = some(self.cwd.iter().map(|cwd| absolute(cwd)).collect::<Result<_, _>>()?);
        params.search.clone_from(&self.search);
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
