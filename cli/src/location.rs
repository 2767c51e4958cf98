//! Where the store is.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use directories::ProjectDirs;

use crate::failure::Failure;

/// The variable that names the store when `--store` does not.
pub const VARIABLE: &str = "THREADLOG_HOME";

/// The store's folder: `--store`, else `$THREADLOG_HOME`, else the platform's data folder.
///
/// # Errors
/// Usage, on a machine where none of them says anything (a user without a home folder).
pub fn store(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let platform = || ProjectDirs::from("", "", "threadlog").map(|folders| folders.data_local_dir().to_owned());
    choose(given, env::var_os(VARIABLE), platform).ok_or_else(|| {
        Failure::usage(format!("this machine names no folder for data: say --store DIR, or set {VARIABLE}"))
    })
}

/// The first that says something; a variable set to nothing says nothing.
fn choose(
    given: Option<PathBuf>,
    variable: Option<OsString>,
    platform: impl FnOnce() -> Option<PathBuf>,
) -> Option<PathBuf> {
    given.or_else(|| variable.filter(|value| !value.is_empty()).map(PathBuf::from)).or_else(platform)
}

/// The folders of rollout files that Codex keeps on this machine, those that exist: `$CODEX_HOME` (else `~/.codex`),
/// in it `sessions` and `archived_sessions`.
pub fn codex() -> Vec<PathBuf> {
    let variable = env::var_os("CODEX_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || directories::BaseDirs::new().map(|folders| folders.home_dir().join(".codex"));
    let Some(root) = variable.or_else(home) else { return Vec::new() };
    ["sessions", "archived_sessions"].iter().map(|name| root.join(name)).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_goes_before_the_variable_and_that_before_the_platform() {
        let pick = |given: Option<&str>, variable: Option<&str>| {
            choose(given.map(PathBuf::from), variable.map(OsString::from), || Some(PathBuf::from("platform")))
        };
        assert_eq!(pick(Some("given"), Some("variable")), Some(PathBuf::from("given")));
        assert_eq!(pick(None, Some("variable")), Some(PathBuf::from("variable")));
        assert_eq!(pick(None, Some("")), Some(PathBuf::from("platform")));
        assert_eq!(choose(None, None, || None), None);
    }
}
