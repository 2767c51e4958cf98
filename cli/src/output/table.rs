//! Tables that fit the terminal: one line per row there, everything in a pipe.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, presets};

use super::style::{STRONG, paint};

/// Which way a column leans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lean {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings. The first column names the row: it is never cut, as half a name is none.
pub struct Table {
    table: comfy_table::Table,
    leans: Vec<Lean>,
}

impl Table {
    /// A table with these headings.
    pub fn new(columns: &[(&str, Lean)]) -> Table {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        // Cut where the line ends, not at a word: what was cut is not read on.
        table.set_delimiter('\0');
        let leans: Vec<Lean> = columns.iter().map(|(_, lean)| *lean).collect();
        let mut headings = comfy_table::Row::from(
            columns.iter().map(|(name, lean)| aligned(Cell::new(name), *lean)).collect::<Vec<_>>(),
        );
        headings.max_height(1);
        table.set_header(headings);
        let last = leans.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { 2 }));
        }
        if let Some(names) = table.column_mut(0) {
            names.set_constraint(ColumnConstraint::ContentWidth);
        }
        let mut table = Table { table, leans };
        table.fit();
        table
    }

    /// A terminal that does not know its width is as good as none.
    fn fit(&mut self) {
        if self.table.width() == Some(0) {
            self.table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }

    /// Adds a row. What does not fit the terminal's line is cut.
    pub fn row<Text: Into<String>>(&mut self, cells: impl IntoIterator<Item = Text>) {
        let cells = cells.into_iter().zip(&self.leans).map(|(text, lean)| aligned(Cell::new(text.into()), *lean));
        let mut row = comfy_table::Row::from(cells.collect::<Vec<_>>());
        row.max_height(1);
        self.table.add_row(row);
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Prints it, the headings in bold, without blanks at the ends of lines.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut lines = self.table.lines();
        if let Some(headings) = lines.next() {
            writeln!(out, "{}", paint(STRONG, headings.trim_end()))?;
        }
        lines.try_for_each(|line| writeln!(out, "{}", line.trim_end()))
    }
}

fn aligned(cell: Cell, lean: Lean) -> Cell {
    match lean {
        Lean::Left => cell,
        Lean::Right => cell.set_alignment(CellAlignment::Right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(table: &Table) -> Vec<String> {
        let mut bytes = Vec::new();
        table.write(&mut bytes).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&bytes).unwrap()).to_string();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn numbers_lean_right_and_no_line_ends_in_blanks() {
        let mut table = Table::new(&[("NAME", Lean::Left), ("SIZE", Lean::Right), ("TEXT", Lean::Left)]);
        assert!(table.is_empty());
        table.row(["a", "1 B", "x"]);
        table.row(["bb", "12 kB", ""]);
        assert_eq!(printed(&table), ["NAME   SIZE  TEXT", "a       1 B  x", "bb    12 kB"]);
    }

    #[test]
    fn a_row_is_one_line_on_a_narrow_terminal() {
        let mut table = Table::new(&[("ID", Lean::Left), ("TEXT", Lean::Left)]);
        table.table.set_width(30);
        table.row(["0123", &"word ".repeat(40)]);
        let lines = printed(&table);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[1], "0123  word word word word w...");
    }

    #[test]
    fn what_names_a_row_is_never_cut() {
        for width in [0, 1, 20, 50] {
            let mut table = Table::new(&[("ID", Lean::Left), ("TIME", Lean::Left), ("TEXT", Lean::Left)]);
            table.table.set_width(width);
            table.fit();
            table.row(["0199c3d4-5e6f", "2026-01-31 12:34", &"word ".repeat(40)]);
            let lines = printed(&table);
            assert_eq!(lines.len(), 2, "{width}: {lines:?}");
            assert!(lines[1].starts_with("0199c3d4-5e6f"), "{width}: {lines:?}");
            assert_eq!(lines[1].ends_with("..."), width > 0, "{width}: {lines:?}");
        }
    }
}
