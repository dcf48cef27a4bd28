//! Tables as kubectl prints them: upper-case headers, three spaces between columns, no lines.

use std::fmt;

use comfy_table::{ContentArrangement, presets};

/// A table under construction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    /// Without a line end after the last row, and without white space at line ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        // Never folded: a cell is copied whole from a terminal of any width.
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(&self.header).add_rows(&self.rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 3));
        }
        let text = table.to_string();
        for (i, line) in text.lines().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_looks_like_kubectls() {
        let mut table = Table::new(["NAME", "VERSION", "SUBNET"]);
        table.row(["a-long-name", "4", "10.0.0.0/8"]);
        table.row(["b", "", "fd00::/64"]);
        insta::assert_snapshot!(table, @"
        NAME          VERSION   SUBNET
        a-long-name   4         10.0.0.0/8
        b                       fd00::/64
        ");
    }
}
