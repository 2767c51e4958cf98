//! The files that the rules look at.

use std::fs;
use std::path::Path;

use proc_macro2::{Span, TokenStream, TokenTree};
use walkdir::WalkDir;

/// One text file of the repository.
#[derive(Clone, Debug)]
pub struct Source {
    /// Relative to the repository, with `/` between components.
    pub path: String,
    /// The content.
    pub text: String,
}

/// Names of files that are text and that people maintain.
const WANTED: &[&str] = &[".rs", ".md", ".toml", ".lock", "justfile", ".ci/run", ".gitignore", ".editorconfig"];

/// Folders that hold what tools made.
const SKIPPED: &[&str] = &["target", ".git", "corpus", "artifacts", "node_modules"];

/// Reads every maintained text file below `root`, sorted by path.
///
/// # Errors
/// The file that could not be read, and why.
pub fn read_all(root: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    let walk = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        !(entry.file_type().is_dir() && SKIPPED.iter().any(|skipped| *skipped == name))
    });
    for entry in walk {
        let entry = entry.map_err(|error| error.to_string())?;
        let relative = entry.path().strip_prefix(root).map_err(|error| error.to_string())?;
        let path = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        if !entry.file_type().is_file() || !WANTED.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let text = fs::read_to_string(entry.path()).map_err(|error| format!("{path}: {error}"))?;
        sources.push(Source { path, text });
    }
    Ok(sources)
}

impl Source {
    /// Whether this is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether this is Rust that ships: in some crate's `src`, and neither a file nor in a folder of tests
    /// (`tests`, `…_tests`).
    pub fn is_shipped(&self) -> bool {
        let mut parts = self.path.trim_end_matches(".rs").split('/');
        let of_tests = parts.any(|part| part == "tests" || part.ends_with("_tests"));
        let crate_of_tests = self.path.starts_with("benches/") || self.path.starts_with("fuzz/");
        self.is_rust() && self.path.contains("/src/") && !of_tests && !crate_of_tests
    }

    /// The lines, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The syntax tree, or `None` if this is not Rust that parses (the compiler will say so better).
    pub fn syntax(&self) -> Option<syn::File> {
        if self.is_rust() { syn::parse_file(&self.text).ok() } else { None }
    }

    /// Every token of this file, groups flattened, with its line.
    pub fn tokens(&self) -> Vec<(String, usize)> {
        let mut flat = Vec::new();
        if let Ok(stream) = self.text.parse::<TokenStream>() {
            flatten(stream, &mut flat);
        }
        flat
    }
}

fn flatten(stream: TokenStream, flat: &mut Vec<(String, usize)>) {
    for token in stream {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                flat.push((open.to_owned(), line(group.span_open())));
                flatten(group.stream(), flat);
                flat.push((close.to_owned(), line(group.span_close())));
            }
            other => flat.push((other.to_string(), line(other.span()))),
        }
    }
}

/// The line a span starts on, from 1.
pub fn line(span: Span) -> usize {
    span.start().line
}
