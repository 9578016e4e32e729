//! Classic histograms: cumulative counts in series of their own, one for each upper bound (`le`).

/// Relative differences between buckets below this are taken to be rounding.
const ROUNDING: f64 = 1e-12;

/// A cumulative bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cumulative {
    pub(super) upper: f64,
    pub(super) count: f64,
}

/// Counts that had to be raised because they were lower than one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Raised {
    /// Upper bounds of the lowest and of the highest bucket.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    /// By how much at most.
    pub(super) difference: f64,
}

/// The value below which the share `q` of the observations lies, which are taken to lie evenly within a bucket, and in the
/// lowest one between zero and a positive bound. In the highest bucket it is that one's lower bound.
pub(super) fn quantile(q: f64, buckets: &mut Vec<Cumulative>) -> (f64, Option<Raised>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !prepare(buckets) {
        return (f64::NAN, None);
    }
    let raised = raise(buckets);
    let [inner @ .., highest] = buckets.as_slice() else { return (f64::NAN, raised) };
    let Some(below_highest) = inner.last().filter(|_| highest.count != 0.0) else { return (f64::NAN, raised) };
    let rank = q * highest.count;
    let at = inner.iter().position(|bucket| bucket.count >= rank);
    let value = match at.and_then(|at| inner.get(at)) {
        None => below_highest.upper,
        Some(bucket) if at == Some(0) && bucket.upper <= 0.0 => bucket.upper,
        Some(bucket) => {
            let before =
                at.and_then(|at| inner.get(at.checked_sub(1)?)).unwrap_or(&Cumulative { upper: 0.0, count: 0.0 });
            before.upper + (bucket.upper - before.upper) * ((rank - before.count) / (bucket.count - before.count))
        }
    };
    (value, raised)
}

/// The share of the observations between two values, by the same assumptions.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Cumulative>) -> f64 {
    if !prepare(buckets) {
        return f64::NAN;
    }
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { return f64::NAN };
    if last.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let beginning = if first.upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let [lower, upper] = [lower, upper].map(|value| rank_of(value, beginning, buckets).min(last.count));
    (upper - lower) / last.count
}

/// How many observations lie below a value.
fn rank_of(value: f64, beginning: f64, buckets: &[Cumulative]) -> f64 {
    let mut before = Cumulative { upper: beginning, count: 0.0 };
    for bucket in buckets {
        if before.upper >= value {
            return before.count;
        }
        if bucket.upper > value {
            // Nothing is known of how observations lie in a bucket without a beginning; all of it counts.
            if before.upper == f64::NEG_INFINITY {
                return bucket.count;
            }
            let width = bucket.upper - before.upper;
            return before.count + (bucket.count - before.count) * (value - before.upper) / width;
        }
        before = *bucket;
    }
    f64::INFINITY
}

/// Sorts by bound and adds up buckets of the same one; `false` when the highest is not infinite.
fn prepare(buckets: &mut Vec<Cumulative>) -> bool {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    // -0 and 0 are the same bound, though not in the order.
    buckets.dedup_by(|next, bucket| {
        let same = next.upper == bucket.upper;
        if same {
            bucket.count += next.count;
        }
        same
    });
    buckets.last().is_some_and(|highest| highest.upper == f64::INFINITY)
}

/// Makes counts cumulative: differences that are only rounding are dropped silently, a count below one before is raised.
fn raise(buckets: &mut [Cumulative]) -> Option<Raised> {
    let mut raised: Option<Raised> = None;
    let mut before = buckets.first()?.count;
    for bucket in buckets.iter_mut().skip(1) {
        if nearly_equal(before, bucket.count) {
            bucket.count = before;
        } else if bucket.count < before {
            let difference = before - bucket.count;
            let all = raised.get_or_insert(Raised { lowest: bucket.upper, highest: bucket.upper, difference });
            all.highest = bucket.upper;
            all.difference = all.difference.max(difference);
            bucket.count = before;
        } else {
            before = bucket.count;
        }
    }
    raised
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a == b || a.is_nan() && b.is_nan() {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < ROUNDING * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < ROUNDING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(buckets: &[(f64, f64)]) -> Vec<Cumulative> {
        buckets.iter().map(|&(upper, count)| Cumulative { upper, count }).collect()
    }

    const INFINITE: f64 = f64::INFINITY;

    /// Buckets, the quantile that is asked for, and the answer.
    type Case<'a> = (&'a [(f64, f64)], f64, f64);

    #[test]
    fn quantiles_are_interpolated_between_bounds() {
        let usual = [(1.0, 2.0), (2.0, 6.0), (INFINITE, 8.0)];
        let negative = [(-2.0, 4.0), (0.0, 8.0), (INFINITE, 8.0)];
        let cases: [Case<'_>; 14] = [
            (&usual, 0.125, 0.5),
            (&usual, 0.5, 1.5),
            (&usual, 0.9, 2.0),
            (&usual, 0.0, 0.0),
            (&usual, -0.1, -INFINITE),
            (&usual, 1.1, INFINITE),
            (&usual, f64::NAN, f64::NAN),
            (&negative, 0.25, -2.0),
            (&negative, 0.75, -1.0),
            (&[(INFINITE, 8.0)], 0.5, f64::NAN),
            (&[(1.0, 8.0), (2.0, 9.0)], 0.5, f64::NAN),
            (&[(1.0, 0.0), (INFINITE, 0.0)], 0.5, f64::NAN),
            (&[(INFINITE, 8.0), (2.0, 3.0), (1.0, 2.0), (2.0, 3.0)], 0.5, 1.5),
            (&[], 0.5, f64::NAN),
        ];
        for (buckets, q, expected) in cases {
            let (found, raised) = quantile(q, &mut of(buckets));
            assert!(found == expected || found.is_nan() && expected.is_nan(), "{q} of {buckets:?}: {found}");
            assert_eq!(raised, None);
        }
    }

    #[test]
    fn counts_that_fall_are_raised_and_told_unless_it_is_rounding() {
        let falling = [(1.0, 10.0), (2.0, 8.0), (3.0, 12.0), (4.0, 7.0), (INFINITE, 20.0)];
        let (value, raised) = quantile(0.5, &mut of(&falling));
        assert_eq!(value, 1.0);
        assert_eq!(raised, Some(Raised { lowest: 2.0, highest: 4.0, difference: 5.0 }));
        let rounded = [(1.0, 10.0), (2.0, 10.0 - 1e-13), (INFINITE, 20.0)];
        assert_eq!(quantile(0.5, &mut of(&rounded)), (1.0, None));
    }

    #[test]
    fn fractions_are_interpolated_the_same_way() {
        let usual = [(1.0, 2.0), (2.0, 6.0), (INFINITE, 8.0)];
        let cases = [
            (0.0, 1.5, 0.5),
            (1.5, 2.0, 0.25),
            (-INFINITE, INFINITE, 1.0),
            (2.0, INFINITE, 0.25),
            (3.0, 4.0, 0.0),
            (2.0, 1.0, 0.0),
            (-5.0, 0.5, 0.125),
        ];
        for (lower, upper, expected) in cases {
            assert_eq!(fraction(lower, upper, &mut of(&usual)), expected, "{lower} to {upper}");
        }
        assert!(fraction(0.0, f64::NAN, &mut of(&usual)).is_nan());
        assert_eq!(fraction(-INFINITE, -1.0, &mut of(&[(0.0, 4.0), (INFINITE, 8.0)])), 0.5);
    }
}
