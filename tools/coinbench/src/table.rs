//! The table that is printed: a line for each figure, a column for each store.

use std::fmt;

/// Between name and figure on the lines by which a process tells its figures to the one that started it.
const SEPARATOR: char = '\t';

/// Tells a figure to the process that started this one.
pub(crate) fn tell(name: &str, figure: impl fmt::Display) {
    println!("{name}{SEPARATOR}{figure}");
}

#[derive(Default)]
pub(crate) struct Table {
    columns: Vec<String>,
    /// Name and figures by column, in the order in which they were first told.
    lines: Vec<(String, Vec<Option<String>>)>,
}

impl Table {
    pub(crate) fn add_column(&mut self, name: String) {
        self.columns.push(name);
    }

    /// Takes what a process told; lines that are not figures are passed over.
    pub(crate) fn take(&mut self, told: &str) {
        let Some((name, figure)) = told.split_once(SEPARATOR) else {
            return;
        };
        let known = self.lines.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            self.lines.push((name.to_owned(), Vec::new()));
            self.lines.len() - 1
        });
        let figures = &mut self.lines[index].1;
        figures.resize(self.columns.len(), None);
        if let Some(last) = figures.last_mut() {
            *last = Some(figure.to_owned());
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | {} |", self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "---|".repeat(self.columns.len()))?;
        for (name, figures) in &self.lines {
            write!(f, "| {name} |")?;
            for column in 0..self.columns.len() {
                let figure = figures.get(column).and_then(Option::as_deref);
                write!(f, " {} |", figure.unwrap_or("–"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
