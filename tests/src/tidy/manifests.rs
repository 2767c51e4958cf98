//! What the manifests must say.

use toml::{Table, Value};

use super::Finding;
use super::source::Source;

/// The crates that ship, and which of our own each may depend on (itself, for its tests, always).
const LAYERS: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("sample", &[]),
    ("store", &["threadlog-engine"]),
    ("cli", &["threadlog", "threadlog-engine", "threadlog-sample"]),
];

/// Crates of others that a layer must do without.
const FOREIGN: &[(&str, &[&str])] =
    &[("engine", &["serde_json", "serde", "tokio", "uuid"]), ("store", &["memmap2", "fs2", "libc", "clap"])];

/// Layers, workspace lints, pinned sources, and a reason beside each shared dependency.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        if let Some(folder) = source.path.strip_suffix("/Cargo.toml").filter(|folder| !folder.starts_with("fuzz")) {
            member(source, folder, &mut findings);
        }
        if source.path == "Cargo.toml" {
            reasons(source, &mut findings);
        }
    }
    findings
}

fn member(source: &Source, folder: &str, findings: &mut Vec<Finding>) {
    let mut found = |line: usize, what: String| {
        findings.push(Finding { path: source.path.clone(), line, what });
    };
    let manifest = match source.text.parse::<Table>() {
        Ok(manifest) => manifest,
        Err(error) => return found(0, format!("not TOML: {error}")),
    };
    let Some((_, own)) = LAYERS.iter().find(|(layer, _)| *layer == folder) else { return };
    if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&Value::Boolean(true)) {
        found(0, "must take the workspace lints: [lints] workspace = true".to_owned());
    }
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let foreign = FOREIGN.iter().find(|(layer, _)| *layer == folder).map_or(&[][..], |(_, foreign)| foreign);
    for (section, dependency, value) in dependencies(&manifest) {
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

fn dependencies(manifest: &Table) -> impl Iterator<Item = (&str, &str, &Value)> {
    ["dependencies", "dev-dependencies", "build-dependencies"].into_iter().flat_map(|section| {
        let table = manifest.get(section).and_then(Value::as_table);
        table.into_iter().flatten().map(move |(name, value)| (section, name.as_str(), value))
    })
}

/// Each dependency on somebody else's crate carries its reason, on its line.
fn reasons(source: &Source, findings: &mut Vec<Finding>) {
    let mut inside = false;
    for (line, text) in source.lines() {
        if text.starts_with('[') {
            inside = text.trim() == "[workspace.dependencies]";
            continue;
        }
        let is_dependency = inside && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.contains('=');
        let ours = text.contains("path =");
        let reason = text.split_once('#').map_or("", |(_, reason)| reason.trim());
        if is_dependency && !ours && reason.is_empty() {
            let what = format!("{} has no reason: say behind it, after #, what it is for", name_of(text));
            findings.push(Finding { path: source.path.clone(), line, what });
        }
    }
}

fn name_of(line: &str) -> &str {
    line.split('=').next().unwrap_or(line).trim()
}
