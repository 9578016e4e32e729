//! Sums that keep what rounding takes from them.

use std::ops::AddAssign;

/// A sum, and what rounding took from it so far: Neumaier's variant of Kahan's algorithm
/// (<https://en.wikipedia.org/wiki/Kahan_summation_algorithm>), as Prometheus sums (`util/kahansum`).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Kahan {
    /// The sum as plain addition would have it.
    pub(crate) sum: f64,
    /// What has to be added to it; zero once the sum is infinite.
    pub(crate) lost: f64,
}

impl Kahan {
    /// A sum that has lost nothing yet.
    pub(crate) fn of(sum: f64) -> Self {
        Self { sum, lost: 0.0 }
    }

    /// The best value of the sum.
    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }

    /// Both parts multiplied.
    #[must_use]
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }

    /// Both parts divided.
    #[must_use]
    pub(crate) fn divided(self, divisor: f64) -> Self {
        Self { sum: self.sum / divisor, lost: self.lost / divisor }
    }
}

impl AddAssign<f64> for Kahan {
    fn add_assign(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - sum) + value;
        } else {
            self.lost += (value - sum) + self.sum;
        }
        self.sum = sum;
    }
}

impl FromIterator<f64> for Kahan {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        values.into_iter().fold(Self::default(), |mut sum, value| {
            sum += value;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_parts_survive_large_ones_and_infinity_does_not_become_nan() {
        let cases: [(&[f64], f64); 4] = [
            (&[1.0, 1e100, 1.0, -1e100], 2.0),
            (&[0.1; 10], 1.0),
            (&[f64::MAX, f64::MAX], f64::INFINITY),
            (&[f64::INFINITY, 1.0], f64::INFINITY),
        ];
        for (values, expected) in cases {
            let sum: Kahan = values.iter().copied().collect();
            assert_eq!(sum.value().to_bits(), f64::to_bits(expected), "{values:?}");
        }
    }
}
