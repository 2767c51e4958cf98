//! What the manifests must say.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Finding;
use super::source::Source;

/// The crates that ship, and which of our own each may depend on (itself, for its tests, always).
const LAYERS: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("sample", &[]),
    ("compaction", &["threadlog-engine"]),
    ("store", &["threadlog-compaction", "threadlog-engine"]),
    ("session", &["threadlog", "threadlog-engine"]),
    ("cli", &["threadlog", "threadlog-engine", "threadlog-sample", "threadlog-session"]),
];

/// Crates of others that a layer must do without.
const FOREIGN: &[(&str, &[&str])] = &[
    ("engine", &["serde_json", "serde", "tokio", "uuid"]),
    ("compaction", &["serde_json", "serde", "tokio", "uuid", "memmap2", "fs2", "libc"]),
    ("store", &["memmap2", "fs2", "libc", "clap"]),
    ("session", &["memmap2", "fs2", "libc", "clap"]),
];

/// Layers, workspace lints, and a table of shared dependencies whose every line is used and has a reason.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources {
        let Some(folder) = source.path.strip_suffix("/Cargo.toml").filter(|folder| !folder.starts_with("fuzz")) else {
            continue;
        };
        match source.text.parse::<Table>() {
            Err(error) => findings.push(finding(source, 0, format!("not TOML: {error}"))),
            Ok(manifest) => {
                used.extend(dependencies(&manifest).into_iter().map(|(_, name, _)| name.to_owned()));
                member(source, folder, &manifest, &mut findings);
            }
        }
    }
    if let Some(workspace) = sources.iter().find(|source| source.path == "Cargo.toml") {
        shared(workspace, &used, &mut findings);
    }
    findings
}

fn finding(source: &Source, line: usize, what: String) -> Finding {
    Finding { path: source.path.clone(), line, what }
}

fn member(source: &Source, folder: &str, manifest: &Table, findings: &mut Vec<Finding>) {
    let mut found = |line: usize, what: String| findings.push(finding(source, line, what));
    let Some((_, own)) = LAYERS.iter().find(|(layer, _)| *layer == folder) else { return };
    if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&Value::Boolean(true)) {
        found(0, "must take the workspace lints: [lints] workspace = true".to_owned());
    }
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let foreign = FOREIGN.iter().find(|(layer, _)| *layer == folder).map_or(&[][..], |(_, foreign)| foreign);
    for (section, dependency, value) in dependencies(manifest) {
        let ours = dependency.starts_with("threadlog");
        let tests_itself = section == "dev-dependencies" && Some(dependency) == name;
        if ours && !tests_itself && !own.contains(&dependency) {
            found(0, format!("{folder} must not depend on {dependency}: that is a layer above it"));
        }
        if foreign.contains(&dependency) {
            found(0, format!("{folder} must do without {dependency}"));
        }
        let shared = value.get("workspace") == Some(&Value::Boolean(true));
        if !shared && !tests_itself {
            found(0, format!("{dependency}: take it from the workspace's table"));
        }
    }
}

/// (section, name, value) of every dependency, those of one platform included.
fn dependencies(manifest: &Table) -> Vec<(&str, &str, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table).chain([manifest]);
    let mut all = Vec::new();
    for table in tables {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let listed = table.get(section).and_then(Value::as_table).into_iter().flatten();
            all.extend(listed.map(|(name, value)| (section, name.as_str(), value)));
        }
    }
    all
}

/// Each dependency on somebody else's crate carries its reason, on its line, and some crate uses it.
fn shared(source: &Source, used: &BTreeSet<String>, findings: &mut Vec<Finding>) {
    let mut inside = false;
    for (line, text) in source.lines() {
        if text.starts_with('[') {
            inside = text.trim() == "[workspace.dependencies]";
            continue;
        }
        let is_dependency = inside && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.contains('=');
        if !is_dependency || text.contains("path =") {
            continue;
        }
        let name = text.split('=').next().unwrap_or(text).trim();
        if text.split_once('#').is_none_or(|(_, reason)| reason.trim().is_empty()) {
            let what = format!("{name} has no reason: say behind it, after #, what it is for");
            findings.push(finding(source, line, what));
        }
        if !used.contains(name) {
            findings.push(finding(source, line, format!("{name} is used by no crate")));
        }
    }
}
