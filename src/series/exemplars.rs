//! Measurements that link to a trace, kept from one tick to the next.

use std::sync::{Mutex, PoisonError};

use super::id::Series;
use crate::model::Exemplar;

/// Slots of an exponential histogram. The specification's default is the smaller of this and the histogram's maximum
/// size (<https://opentelemetry.io/docs/specs/otel/metrics/sdk/#exemplar-defaults>).
pub(super) const EXPONENTIAL_SLOTS: usize = 20;

/// The exemplars of one series: the last one of each bucket, in a limited number of slots. Only measurements that pass
/// the exemplar filter touch it.
#[derive(Debug)]
pub(super) struct Reservoir(Mutex<Slots>);

#[derive(Debug)]
struct Slots {
    /// The series they belong to: a place may have a new owner.
    owner: Series,
    /// Offers since the last tick that found every slot taken by another bucket.
    refused: u64,
    taken: Vec<(i32, Exemplar)>,
}

impl Reservoir {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Slots { owner: Series::NONE, refused: 0, taken: Vec::new() }))
    }

    /// Keeps an exemplar of a bucket, unless another thread is at it just now: waiting is not worth one exemplar.
    pub(super) fn offer(&self, series: Series, bucket: i32, exemplar: Exemplar, slots: usize) {
        let Ok(mut kept) = self.0.try_lock() else { return };
        if kept.owner != series {
            kept.owner = series;
            kept.taken.clear();
        }
        if let Some(slot) = kept.taken.iter_mut().find(|(of, _)| *of == bucket) {
            slot.1 = exemplar;
        } else if kept.taken.len() < slots {
            kept.taken.push((bucket, exemplar));
        } else {
            // Each offer replaces one with the same chance that the others had to stay (reservoir sampling); a span id
            // is as good a random number as any.
            kept.refused += 1;
            let offers = slots as u64 + kept.refused;
            let chosen = u64::from_be_bytes(exemplar.span_id.to_bytes()) % offers.max(1);
            if let Some(slot) = usize::try_from(chosen).ok().and_then(|chosen| kept.taken.get_mut(chosen)) {
                *slot = (bucket, exemplar);
            }
        }
    }

    /// What was kept for a series, sorted by value; `drain` empties it for the next interval.
    pub(super) fn read(&self, series: Series, drain: bool) -> Vec<Exemplar> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.owner != series {
            return Vec::new();
        }
        let mut exemplars: Vec<Exemplar> = kept.taken.iter().map(|(_, exemplar)| *exemplar).collect();
        exemplars.sort_by(|a, b| a.value.as_f64().total_cmp(&b.value.as_f64()));
        if drain {
            kept.taken.clear();
            kept.refused = 0;
        }
        exemplars
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceId};

    use super::*;
    use crate::clock::Timestamp;
    use crate::model::Number;

    fn exemplar(value: f64, span: u64) -> Exemplar {
        let (trace_id, span_id) = (TraceId::from(7u128), SpanId::from(span));
        Exemplar { time: Timestamp(1), value: Number::F64(value), trace_id, span_id }
    }

    fn series(place: usize) -> Series {
        Series::new(super::super::id::CellKind::Span, place).unwrap()
    }

    #[test]
    fn the_last_of_each_bucket_stays_and_they_come_out_sorted_once() {
        let reservoir = Reservoir::new();
        for (bucket, value) in [(3, 30.0), (1, 10.0), (3, 35.0), (2, 20.0)] {
            reservoir.offer(series(0), bucket, exemplar(value, 1), 17);
        }
        let values = |drain| -> Vec<f64> {
            reservoir.read(series(0), drain).iter().map(|exemplar| exemplar.value.as_f64()).collect()
        };
        assert_eq!(values(false), [10.0, 20.0, 35.0]);
        assert_eq!(values(true), [10.0, 20.0, 35.0]);
        assert_eq!(values(true), [0.0; 0]);
    }

    #[test]
    fn slots_are_limited_and_a_new_owner_of_the_place_begins_empty() {
        let reservoir = Reservoir::new();
        for bucket in 0..1_000 {
            reservoir.offer(series(0), bucket, exemplar(f64::from(bucket), u64::from(bucket.unsigned_abs())), 20);
        }
        assert_eq!(reservoir.read(series(0), false).len(), 20);
        assert_eq!(reservoir.read(series(0).next(), false).len(), 0);
        reservoir.offer(series(0).next(), 1, exemplar(1.0, 1), 20);
        assert_eq!(reservoir.read(series(0).next(), false).len(), 1);
    }
}
