//! One set of buckets from which both forms of a histogram can be read.
//!
//! The *refined* buckets are the fine buckets, cut once more wherever an explicit bound falls inside one. Each refined
//! bucket lies in one fine and in one explicit bucket, so that a measurement increments a single counter, and both
//! histograms read from the counters are exact. A refined index is the fine index plus the number of such cuts below.

use std::sync::Arc;

use super::scale;

/// Explicit bounds an instrument may have.
pub(super) const MAX_BOUNDS: usize = 1_000;

/// How an instrument's values fall into buckets.
#[derive(Debug)]
pub(super) struct Grid {
    /// Upper inclusive explicit bounds, ascending and finite; empty when the histogram is exported as exponential.
    bounds: Arc<[f64]>,
    /// How many bounds are zero or less. Only values above zero have refined buckets.
    first_positive: usize,
    /// The fine bucket of the lowest bound above zero.
    low: i32,
    /// By fine bucket from `low` up to that of the highest bound.
    places: Box<[Place]>,
    /// By explicit bucket: how many of the bounds below it cut a fine bucket.
    cuts: Box<[u16]>,
    /// The last refined bucket at or below each bound above zero, ascending.
    ends: Box<[i32]>,
    /// Those of them that cut a fine bucket.
    cut_ends: Box<[i32]>,
}

/// What is known of a value by its fine bucket.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// How many bounds are below every value of the bucket: the next one is the first to compare with.
    below: u16,
    /// How many of those cut a fine bucket.
    cuts: u16,
}

impl Grid {
    /// Of bounds that [`Grid::accepts`].
    pub(super) fn new(bounds: &[f64]) -> Self {
        let first_positive = bounds.partition_point(|bound| *bound <= 0.0);
        let positive = &bounds[first_positive..];
        let fine: Vec<i32> = positive.iter().map(|bound| scale::index(*bound)).collect();
        let low = fine.first().copied().unwrap_or(0);
        let mut cuts = vec![0; first_positive + 1];
        let (mut ends, mut cut_ends) = (Vec::new(), Vec::new());
        for (bound, fine) in positive.iter().zip(&fine) {
            let before = cuts[cuts.len() - 1];
            let end = fine + i32::from(before);
            ends.push(end);
            // A power of two is itself the end of its fine bucket; no other float is.
            let cuts_fine = !is_power_of_two(*bound);
            if cuts_fine {
                cut_ends.push(end);
            }
            cuts.push(before + u16::from(cuts_fine));
        }
        let place = |index: i32| {
            // The bounds in lower fine buckets are below every value of this one.
            let below = first_positive + fine.partition_point(|bound| *bound < index);
            Place { below: small(below), cuts: cuts[below] }
        };
        let places = fine.last().map(|high| (low..=*high).map(place).collect());
        Self {
            bounds: bounds.into(),
            first_positive,
            low,
            places: places.unwrap_or_default(),
            cuts: cuts.into(),
            ends: ends.into(),
            cut_ends: cut_ends.into(),
        }
    }

    /// Whether these are bounds: finite, ascending, at most [`MAX_BOUNDS`].
    pub(super) fn accepts(bounds: &[f64]) -> bool {
        bounds.len() <= MAX_BOUNDS
            && bounds.iter().all(|bound| bound.is_finite())
            && bounds.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// The explicit bounds.
    pub(super) fn bounds(&self) -> &Arc<[f64]> {
        &self.bounds
    }

    /// The refined bucket of a value above zero.
    #[inline]
    pub(super) fn refined(&self, value: f64) -> i32 {
        let fine = scale::index(value);
        if fine < self.low {
            return fine;
        }
        let at = fine.wrapping_sub(self.low).cast_unsigned() as usize;
        let Some(place) = self.places.get(at) else { return self.refined_outside(fine) };
        let next = usize::from(place.below);
        if self.bounds.get(next).is_some_and(|bound| value > *bound) {
            return fine + self.cuts_below(next + 1, value);
        }
        fine + i32::from(place.cuts)
    }

    /// The explicit bucket of any value.
    pub(super) fn explicit(&self, value: f64) -> usize {
        self.bounds.partition_point(|bound| *bound < value)
    }

    /// The fine bucket of a refined one.
    pub(super) fn fine(&self, refined: i32) -> i32 {
        refined - i32::from(small(self.cut_ends.partition_point(|end| *end < refined)))
    }

    /// The explicit bucket of a refined one.
    pub(super) fn explicit_of(&self, refined: i32) -> usize {
        self.first_positive + self.ends.partition_point(|end| *end < refined)
    }

    /// Below all bounds above zero no fine bucket is cut, above them all cuts are below.
    fn refined_outside(&self, fine: i32) -> i32 {
        let all = self.cuts.last().filter(|_| fine >= self.low);
        fine + all.map_or(0, |cuts| i32::from(*cuts))
    }

    /// The cuts below a value that is known to be above the bounds before `next`.
    fn cuts_below(&self, next: usize, value: f64) -> i32 {
        let further = self.bounds.get(next..).unwrap_or_default().iter().take_while(|bound| value > **bound);
        self.cuts.get(next + further.count()).map_or(0, |cuts| i32::from(*cuts))
    }
}

/// The fine bucket of any value: a label, the same for values of one bucket.
pub(super) fn fine(value: f64) -> i32 {
    match value {
        0.0 => i32::MIN,
        _ if value < 0.0 => !scale::index(-value),
        _ => scale::index(value),
    }
}

fn small(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn is_power_of_two(value: f64) -> bool {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    if bits >> 52 == 0 { mantissa.is_power_of_two() } else { mantissa == 0 }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn probes(bounds: &[f64]) -> Vec<f64> {
        let edges = (-200..200).map(|i| (f64::from(i) / 8.0).exp2());
        let mut all: Vec<f64> = bounds.iter().copied().filter(|bound| *bound > 0.0).chain(edges).collect();
        all.extend([f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1)]);
        all.iter()
            .flat_map(|value| [value.next_down(), *value, value.next_up(), value * 1.03])
            .filter(|v| *v > 0.0 && v.is_finite())
            .collect()
    }

    #[test]
    fn both_the_fine_and_the_explicit_bucket_are_read_back_exactly() {
        let crowded: Vec<f64> = (0..300).map(|i| 1.0 + f64::from(i) / 100.0).collect();
        let cases: [&[f64]; 9] = [
            &[],
            &Config::DURATION_BOUNDS,
            &Config::DEFAULT_BOUNDS,
            &crowded,
            &[-5.0, -1.0, 0.0, 1.5, 1e300],
            &[-3.0, -2.0],
            &[0.0],
            &[1.0, 2.0, 4.0],
            &[5e-324, 1e-310, 3.0],
        ];
        for bounds in cases {
            let grid = Grid::new(bounds);
            for value in probes(bounds) {
                let refined = grid.refined(value);
                assert_eq!(grid.fine(refined), scale::index(value), "{value:e} of {bounds:?}");
                let explicit = if bounds.is_empty() { 0 } else { grid.explicit(value) };
                assert_eq!(grid.explicit_of(refined), explicit, "{value:e} of {bounds:?}");
            }
        }
    }

    #[test]
    fn bounds_are_upper_inclusive() {
        let grid = Grid::new(&Config::DURATION_BOUNDS);
        for (value, bucket) in [(1.0, 0), (2.0, 0), (2.0f64.next_up(), 1), (50.0, 5), (15_000.0, 15), (15_001.0, 16)] {
            assert_eq!(grid.explicit_of(grid.refined(value)), bucket, "{value}");
        }
    }

    #[test]
    fn only_finite_ascending_bounds_are_accepted() {
        let many = vec![0.0; MAX_BOUNDS + 1];
        let cases: [(&[f64], bool); 7] = [
            (&[], true),
            (&[1.0, 2.0], true),
            (&[2.0, 1.0], false),
            (&[1.0, 1.0], false),
            (&[f64::NAN], false),
            (&[1.0, f64::INFINITY], false),
            (&many, false),
        ];
        for (bounds, expected) in cases {
            assert_eq!(Grid::accepts(bounds), expected, "{bounds:?}");
        }
    }
}
