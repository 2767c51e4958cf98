//! Measures a sample as the corpus of real rollouts was measured.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;
use threadlog_sample::Plan;

/// Lines and bytes of one kind, and what zstd -3 makes of each line alone.
#[derive(Debug, Default, Clone, Copy)]
pub struct Kind {
    pub lines: u64,
    pub bytes: u64,
    pub packed: u64,
}

/// All that is measured of a sample.
#[derive(Debug, Default)]
pub struct Measured {
    pub kinds: BTreeMap<String, Kind>,
    pub line_bytes: Vec<u64>,
    pub file_lines: Vec<u64>,
    pub first_line_bytes: Vec<u64>,
    pub user_messages: Vec<u64>,
    /// Whole files, zstd -3: raw bytes and packed bytes.
    pub files: Vec<(u64, u64)>,
    pub gaps_ms: Vec<i64>,
    pub encrypted_bytes: u64,
    pub non_ascii_lines: u64,
    pub contexts: u64,
    pub contexts_repeated: u64,
    pub long_bytes: u64,
    pub long_repeated: u64,
    pub long_repeated_in_file: u64,
    pub features: BTreeMap<&'static str, u64>,
}

/// One context for all lines: making one costs more than a line.
type Packer = zstd::bulk::Compressor<'static>;

impl Measured {
    /// Generates and measures a plan, one file at a time.
    pub fn of(plan: &Plan) -> Measured {
        let mut measured = Measured::default();
        let mut seen = HashSet::new();
        let mut packer = Packer::new(3).unwrap();
        for file in plan.files() {
            let mut bytes = Vec::new();
            file.write_to(&mut bytes).unwrap();
            measured.file(&bytes, &mut seen, &mut packer);
            *measured.features.entry("archived").or_default() +=
                u64::from(file.relative_path.starts_with("archived_sessions/"));
        }
        measured.sort();
        measured
    }

    /// Several samples, measured at the same time, as one.
    pub fn of_all(plans: &[Plan]) -> Measured {
        let each = std::thread::scope(|scope| {
            let measuring: Vec<_> = plans.iter().map(|plan| scope.spawn(|| Measured::of(plan))).collect();
            measuring.into_iter().map(|measuring| measuring.join().unwrap()).collect::<Vec<_>>()
        });
        let mut all = Measured::default();
        each.into_iter().for_each(|measured| all.add(measured));
        all.sort();
        all
    }

    fn add(&mut self, other: Measured) {
        for (name, kind) in other.kinds {
            let sum = self.kinds.entry(name).or_default();
            sum.lines += kind.lines;
            sum.bytes += kind.bytes;
            sum.packed += kind.packed;
        }
        for (name, count) in other.features {
            *self.features.entry(name).or_default() += count;
        }
        self.line_bytes.extend(other.line_bytes);
        self.file_lines.extend(other.file_lines);
        self.first_line_bytes.extend(other.first_line_bytes);
        self.user_messages.extend(other.user_messages);
        self.files.extend(other.files);
        self.gaps_ms.extend(other.gaps_ms);
        self.encrypted_bytes += other.encrypted_bytes;
        self.non_ascii_lines += other.non_ascii_lines;
        self.contexts += other.contexts;
        self.contexts_repeated += other.contexts_repeated;
        self.long_bytes += other.long_bytes;
        self.long_repeated += other.long_repeated;
        self.long_repeated_in_file += other.long_repeated_in_file;
    }

    fn sort(&mut self) {
        self.line_bytes.sort_unstable();
        self.file_lines.sort_unstable();
        self.first_line_bytes.sort_unstable();
        self.user_messages.sort_unstable();
        self.gaps_ms.sort_unstable();
    }

    pub fn bytes(&self) -> u64 {
        self.line_bytes.iter().sum()
    }

    pub fn lines(&self) -> u64 {
        self.line_bytes.len() as u64
    }

    pub fn kind(&self, name: &str) -> Kind {
        self.kinds.get(name).copied().unwrap_or_default()
    }

    /// Raw bytes over packed bytes of all files.
    pub fn ratio(&self) -> f64 {
        let (raw, packed) = self.files.iter().fold((0, 0), |sum, file| (sum.0 + file.0, sum.1 + file.1));
        raw as f64 / packed as f64
    }

    /// The ratio of the file at `percent`.
    pub fn file_ratio(&self, percent: usize) -> f64 {
        let mut ratios: Vec<f64> = self.files.iter().map(|&(raw, packed)| raw as f64 / packed as f64).collect();
        ratios.sort_by(f64::total_cmp);
        percentile(&ratios, percent * 10)
    }

    /// The ratio of all lines, each packed alone.
    pub fn line_ratio(&self) -> f64 {
        self.bytes() as f64 / self.kinds.values().map(|kind| kind.packed).sum::<u64>() as f64
    }

    fn file(&mut self, bytes: &[u8], seen: &mut HashSet<u64>, packer: &mut Packer) {
        self.files.push((bytes.len() as u64, packer.compress(bytes).unwrap().len() as u64));
        let mut seen_here = HashSet::new();
        let mut last_context = None;
        let mut last_ms = None;
        let (mut lines, mut users) = (0, 0);
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let value: Value = serde_json::from_slice(line).unwrap();
            if lines == 0 {
                self.first_line_bytes.push(line.len() as u64);
            }
            lines += 1;
            let kind = kind(&value);
            users += u64::from(kind == "event_msg/user_message");
            self.features(&value);
            if kind == "turn_context" {
                let mut context = value["payload"].clone();
                context.as_object_mut().unwrap().remove("turn_id");
                self.contexts += 1;
                self.contexts_repeated += u64::from(last_context.as_ref() == Some(&context));
                last_context = Some(context);
            }
            if let Some(ms) = value["timestamp"].as_str().map(milliseconds) {
                self.gaps_ms.extend(last_ms.map(|last| ms - last));
                last_ms = Some(ms);
            }
            self.line(kind, line, packer);
            self.strings(&value, seen, &mut seen_here);
        }
        self.file_lines.push(lines);
        self.user_messages.push(users);
    }

    fn line(&mut self, kind: String, line: &[u8], packer: &mut Packer) {
        let bytes = line.len() as u64;
        self.line_bytes.push(bytes);
        self.non_ascii_lines += u64::from(!line.is_ascii());
        let kind = self.kinds.entry(kind).or_default();
        kind.lines += 1;
        kind.bytes += bytes;
        kind.packed += packer.compress(line).unwrap().len() as u64;
    }

    fn features(&mut self, value: &Value) {
        let payload = &value["payload"];
        let mut note = |name, has: bool| *self.features.entry(name).or_default() += u64::from(has);
        note("forked_from_id", payload["forked_from_id"].is_string());
        note("thread_spawn", payload["source"]["subagent"]["thread_spawn"]["parent_thread_id"].is_string());
        note("replacement_history", payload["replacement_history"].is_array());
        note("git", payload["git"].is_object());
        note("image", value.to_string().contains("data:image/png;base64,"));
    }

    fn strings(&mut self, value: &Value, seen: &mut HashSet<u64>, seen_here: &mut HashSet<u64>) {
        match value {
            Value::String(text) if text.len() >= 256 => {
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                let hash = hasher.finish();
                let bytes = text.len() as u64;
                self.long_bytes += bytes;
                self.long_repeated += if seen.insert(hash) { 0 } else { bytes };
                self.long_repeated_in_file += if seen_here.insert(hash) { 0 } else { bytes };
            }
            Value::Array(values) => values.iter().for_each(|value| self.strings(value, seen, seen_here)),
            Value::Object(members) => {
                for (key, value) in members {
                    if key == "encrypted_content" {
                        self.encrypted_bytes += value.as_str().map_or(0, str::len) as u64;
                    }
                    self.strings(value, seen, seen_here);
                }
            }
            _ => {}
        }
    }
}

/// The nearest-rank value at `per_mille` of sorted values.
pub fn percentile<T: Copy>(sorted: &[T], per_mille: usize) -> T {
    sorted[(sorted.len() * per_mille / 1000).min(sorted.len() - 1)]
}

fn kind(value: &Value) -> String {
    let kind = value["type"].as_str().or(value["record_type"].as_str()).unwrap_or("first");
    match value["payload"]["type"].as_str() {
        Some(inner) => format!("{kind}/{inner}"),
        None => kind.to_owned(),
    }
}

fn milliseconds(stamp: &str) -> i64 {
    let time = time::OffsetDateTime::parse(stamp, &time::format_description::well_known::Rfc3339).unwrap();
    (time.unix_timestamp_nanos() / 1_000_000) as i64
}
