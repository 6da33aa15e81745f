//! Figures of several rounds.

/// What came of each round.
pub(super) struct Series<T>(Vec<T>);

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Series<T> {
    pub(super) fn push(&mut self, round: T) {
        self.0.push(round);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn map<U>(&self, of: impl Fn(&T) -> U) -> Vec<U> {
        self.0.iter().map(of).collect()
    }

    pub(super) fn median(&self, of: impl Fn(&T) -> f64) -> f64 {
        Spread::of(self.0.iter().map(of)).median
    }
}

/// The middle and the ends of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (values.first(), values.last()) else {
            return Self::default();
        };
        let middle = values.len() / 2;
        Self {
            median: match values.len() % 2 {
                0 => f64::midpoint(values[middle - 1], values[middle]),
                _ => values[middle],
            },
            least: *least,
            most: *most,
        }
    }
}

#[cfg(test)]
mod tests;
