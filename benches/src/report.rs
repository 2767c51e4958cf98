//! Tables, as Markdown and as JSON.

use serde::Serialize;

use crate::machine;
use crate::solo::Measured;

/// One line of a table. Values that were not measured are absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Operations measured.
    pub count: u64,
    /// Latency in microseconds: p50, p99, p99.9.
    pub latency_us: Option<[f64; 3]>,
    /// p50 and p99 as multiples of the table's first row.
    pub ratios: Option<[f64; 2]>,
    /// Operations, or MB (10^6 bytes), per second.
    pub per_second: Option<f64>,
    /// Syncs called per operation.
    pub syncs: Option<f64>,
    /// Flushes of the device per operation.
    pub flushes: Option<f64>,
    /// What a reader of the row should know.
    pub note: String,
}

/// Rows that were measured in turns with each other.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// What it is about.
    pub title: String,
    /// Kernel, CPUs and load average when it was finished.
    pub machine: String,
    /// The control first.
    pub rows: Vec<Row>,
}

impl Table {
    /// Of rows whose first is the control.
    #[must_use]
    pub fn new(title: impl Into<String>, mut rows: Vec<Row>) -> Table {
        if let Some(control) = rows.first().and_then(|row| row.latency_us) {
            for row in &mut rows {
                row.ratios = row.latency_us.map(|own| [own[0] / control[0], own[1] / control[1]]);
            }
        }
        Table { title: title.into(), machine: machine::describe(), rows }
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.title, self.machine);
        text.push_str(
            "| | n | p50 µs | p99 | p99.9 | p50 / control | p99 / control | per second | syncs | flushes | |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
        for row in &self.rows {
            let latency = |at: usize| number(row.latency_us.map(|latency| latency[at]), 1);
            let ratio = |at: usize| number(row.ratios.map(|ratios| ratios[at]), 2);
            let cells = [
                row.name.clone(),
                row.count.to_string(),
                latency(0),
                latency(1),
                latency(2),
                ratio(0),
                ratio(1),
                number(row.per_second, 0),
                number(row.syncs, 3),
                number(row.flushes, 3),
                row.note.clone(),
            ];
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map(|value| format!("{value:.digits$}")).unwrap_or_default()
}

impl From<Measured> for Row {
    fn from(measured: Measured) -> Row {
        let quantiles = [0.5, 0.99, 0.999].map(|share| measured.latency.quantile_us(share));
        Row {
            name: measured.name,
            count: measured.latency.count(),
            latency_us: Some(quantiles),
            per_second: Some(measured.per_second),
            syncs: measured.syncs_per_append,
            flushes: measured.flushes_per_append,
            note: measured.note,
            ratios: None,
        }
    }
}
