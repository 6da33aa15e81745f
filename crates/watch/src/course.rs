//! How the rates went: the last minutes by the second, and the whole run in no more points than fit on a screen.

use serde::{Deserialize, Serialize};

use crate::status::Rates;

/// Points of each line at most.
const MOST: usize = 300;

/// The rates at one moment; a row of six numbers in JSON: seconds since the start, blocks stored, megabytes stored, blocks
/// validated, megabytes validated, megabytes received, each a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point(pub f64, pub f64, pub f64, pub f64, pub f64, pub f64);

impl Point {
    /// The rates of this moment.
    pub fn new(seconds: f64, rates: &Rates) -> Self {
        let tidy = |rate: f64| (rate * 1000.0).round() / 1000.0;
        Self(
            tidy(seconds),
            tidy(rates.blocks_stored),
            tidy(rates.bytes_stored / 1e6),
            tidy(rates.blocks_validated),
            tidy(rates.bytes_validated / 1e6),
            tidy(rates.received / 1e6),
        )
    }

    /// The mean of two; the later one's time.
    fn with(self, later: Self) -> Self {
        let mean = |a: f64, b: f64| f64::midpoint(a, b);
        Self(
            later.0,
            mean(self.1, later.1),
            mean(self.2, later.2),
            mean(self.3, later.3),
            mean(self.4, later.4),
            mean(self.5, later.5),
        )
    }
}

/// The course of the rates. To be given one point a second.
///
/// # Bounds
/// 300 points of the last five minutes, and 300 of the whole run: when these are full, two become one, and from then on
/// each stands for twice as long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The last points, each of a second.
    pub recent: Vec<Point>,
    /// The whole run.
    pub run: Vec<Point>,
    /// Seconds that a point of the whole run stands for.
    pub each: u32,
    /// What becomes its next point: the mean of so many.
    next: (Point, u32),
}

impl Default for Course {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            run: Vec::new(),
            each: 1,
            next: (Point::default(), 0),
        }
    }
}

impl Course {
    /// Takes the point of another second.
    pub fn add(&mut self, point: Point) {
        if self.recent.len() == MOST {
            self.recent.remove(0);
        }
        self.recent.push(point);
        let (sum, count) = self.next;
        let (old, new) = (f64::from(count), f64::from(count) + 1.0);
        let mean = |a: f64, b: f64| (a * old + b) / new;
        self.next = (
            Point(
                point.0,
                mean(sum.1, point.1),
                mean(sum.2, point.2),
                mean(sum.3, point.3),
                mean(sum.4, point.4),
                mean(sum.5, point.5),
            ),
            count + 1,
        );
        if count + 1 < self.each {
            return;
        }
        self.run.push(self.next.0);
        self.next = (Point::default(), 0);
        if self.run.len() == MOST {
            self.run = self
                .run
                .chunks(2)
                .map(|pair| match pair {
                    [a, b] => a.with(*b),
                    _ => pair[0],
                })
                .collect();
            self.each = self.each.saturating_mul(2);
        }
    }
}

#[cfg(test)]
mod tests;
