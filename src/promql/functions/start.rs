//! What start times tell of resets.

use super::Point;

/// Whether counting began anew between two neighbours of a series. A start at the time of the sample before is that of a
/// delta, which counts anew each time, unless nothing is known of the start of that sample either.
pub(super) fn is_reset<T>(before: &Point<T>, now: &Point<T>) -> bool {
    if now.start == 0 || now.start >= now.time || now.start < before.time {
        return false;
    }
    now.start > before.time || before.start != 0 && before.start < before.time
}

/// Whether counting is said to have begun before the last sample, but not when that one's began: the two overlap.
pub(super) fn overlaps<T>(before: &Point<T>, now: &Point<T>) -> bool {
    now.start != 0 && now.start < before.time && now.start != before.start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_after_the_sample_before_is_a_reset_and_one_earlier_may_be_an_overlap() {
        // Start and time of the sample before, start and time of this one.
        let cases = [
            ("unknown", (0, 10), (0, 20), false, false),
            ("since always", (5, 10), (5, 20), false, false),
            ("began anew between", (5, 10), (15, 20), true, false),
            ("a delta", (5, 10), (10, 20), true, false),
            ("a delta after one of unknown start", (0, 10), (10, 20), false, false),
            ("a delta after one that began when it was read", (10, 10), (10, 20), false, false),
            ("a delta after one whose start is impossible", (11, 10), (10, 20), false, false),
            ("a start that is impossible", (5, 10), (20, 20), false, false),
            ("an overlap", (5, 10), (7, 20), false, true),
        ];
        for (what, before, now, reset, overlap) in cases {
            let [before, now] = [before, now].map(|(start, time)| Point { time, start, value: () });
            assert_eq!((is_reset(&before, &now), overlaps(&before, &now)), (reset, overlap), "{what}");
        }
    }
}
