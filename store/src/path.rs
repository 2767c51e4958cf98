//! Paths as bytes: stored portably, believed only after a check.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A path as stored: its parts joined by `/`, in the bytes the system gave (UTF-8 or not).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PathBytes(Vec<u8>);

/// A stored path that would lead out of the directory it is meant for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored path \"{path}\" {what}: not written")]
pub struct UnsafePath {
    /// The path.
    pub path: PathBytes,
    /// What is wrong with it.
    pub what: &'static str,
}

impl PathBytes {
    /// A path given as bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> PathBytes {
        PathBytes(bytes.into())
    }

    /// The system's path, `/` between its parts.
    #[must_use]
    pub fn from_path(path: &Path) -> PathBytes {
        if path.is_absolute() {
            return PathBytes(bytes_of(path.as_os_str()));
        }
        let parts: Vec<_> = path.components().map(|part| bytes_of(part.as_os_str())).collect();
        PathBytes(parts.join(&b'/'))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Back to the system's path, unchecked: for paths that this process made, or for display.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        PathBuf::from(os_string(&self.0))
    }

    /// Whether one of its parts is exactly `name`.
    #[must_use]
    pub fn has_part(&self, name: &str) -> bool {
        self.0.split(|&byte| byte == b'/').any(|part| part == name.as_bytes())
    }

    /// The last part.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }

    /// The path below `directory`; never outside it.
    ///
    /// # Errors
    /// [`UnsafePath`] if it is empty or absolute, or has a part that is empty, `.`, `..` or not a plain name.
    pub fn below(&self, directory: &Path) -> Result<PathBuf, UnsafePath> {
        let wrong = |what| UnsafePath { path: self.clone(), what };
        let mut path = directory.to_owned();
        for part in self.0.split(|&byte| byte == b'/') {
            if part.contains(&0) {
                return Err(wrong("has a NUL byte"));
            }
            let part = PathBuf::from(os_string(part));
            let mut components = part.components();
            match (components.next(), components.next()) {
                (Some(Component::Normal(name)), None) if name == part.as_os_str() => path.push(name),
                _ => return Err(wrong("does not stay in the target folder")),
            }
        }
        Ok(path)
    }
}

impl fmt::Display for PathBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for PathBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

#[cfg(unix)]
fn bytes_of(text: &std::ffi::OsStr) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(text).to_vec()
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

// Untested: elsewhere paths are Unicode, and what is not is replaced.
#[cfg(not(unix))]
fn bytes_of(text: &std::ffi::OsStr) -> Vec<u8> {
    text.to_string_lossy().into_owned().into_bytes()
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> std::ffi::OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_paths_never_lead_out_of_the_target() {
        let target = Path::new("/target");
        let below = |path: &[u8]| PathBytes::new(path).below(target);
        assert_eq!(below(b"a/b.jsonl"), Ok(PathBuf::from("/target/a/b.jsonl")));
        assert_eq!(below(b"a..b/..c"), Ok(PathBuf::from("/target/a..b/..c")));
        for wrong in
            [&b""[..], b"/etc/passwd", b"../a", b"a/../../b", b"a/..", b".", b"a/./b", b"a//b", b"a/", b"a\0b", b".."]
        {
            assert!(below(wrong).is_err(), "{:?}", PathBytes::new(wrong));
        }
    }

    #[test]
    fn names_that_are_not_utf8_come_back_as_they_were() {
        let odd = PathBytes::new(&b"sessions/caf\xe9.jsonl"[..]);
        assert_eq!(PathBytes::from_path(&odd.to_path()), odd);
        assert_eq!(PathBytes::from_path(&odd.below(Path::new("x")).unwrap()).as_bytes(), b"x/sessions/caf\xe9.jsonl");
    }

    #[test]
    fn parts_are_compared_whole() {
        let path = PathBytes::new(&b"a/archived_sessions/b.jsonl"[..]);
        assert!(path.has_part("archived_sessions") && !path.has_part("archived"));
        assert_eq!(path.file_name(), b"b.jsonl");
    }
}
