//! Which threads: the filters that `list` and `search` share.

use std::path::PathBuf;

use clap::Args;
use threadlog::Store;
use threadlog::list::{ArchiveFilter, ListParams, Relation};

use crate::command::list::params::absolute;
use crate::failure::Failure;

/// Which threads.
#[derive(Args, Debug, Default)]
pub struct Filters {
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
    /// Only threads with this tag; may be repeated: any of them
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Only pinned threads
    #[arg(long)]
    pub pinned: bool,
    /// Only threads that came from this one directly: its forks, and those that its agent started
    #[arg(long, value_name = "ID", conflicts_with = "descendants_of")]
    pub children_of: Option<String>,
    /// Only threads that came from this one, directly or by others
    #[arg(long, value_name = "ID")]
    pub descendants_of: Option<String>,
}

impl Filters {
    /// Adds them to what is listed.
    pub fn add_to(&self, params: &mut ListParams, store: &Store) -> Result<(), Failure> {
        let some = |list: Vec<String>| if list.is_empty() { None } else { Some(list) };
        params.archived = if self.archived { ArchiveFilter::Archived } else { ArchiveFilter::Active };
        params.sources.clone_from(&self.source);
        params.model_providers = some(self.model_provider.clone());
        params.default_provider.clone_from(&self.default_provider);
        params.cwds = some(self.cwd.iter().map(|cwd| absolute(cwd)).collect::<Result<_, _>>()?);
        params.tags.clone_from(&self.tag);
        params.pinned_only = self.pinned;
        params.relation = match (&self.children_of, &self.descendants_of) {
            (Some(id), _) => Some(Relation::children(store.resolve(id)?.thread)),
            (_, Some(id)) => Some(Relation::descendants(store.resolve(id)?.thread)),
            _ => None,
        };
        Ok(())
    }
}
