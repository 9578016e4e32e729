//! Whatever is written into several series in turn comes back, whichever part is asked for.

use std::sync::Arc;

use super::random::Random;
use crate::history::block::{Blocks, Refused};
use crate::history::timeline::Timelines;
use crate::model::{BucketSpan, NativeHistogram, STALE, Sample, SampleValue, is_stale};

/// Equal to the bit, which `==` is not for what is no number.
pub(super) fn bits(samples: &[Sample]) -> Vec<(i64, i64, String)> {
    let value = |value: &SampleValue| match value {
        SampleValue::Float(value) => format!("{:x}", value.to_bits()),
        SampleValue::Histogram(value) => format!("{:x} {value:?}", value.sum.to_bits()),
    };
    samples.iter().map(|sample| (sample.time, sample.start, value(&sample.value))).collect()
}

pub(super) fn value(random: &mut Random, last: f64) -> f64 {
    match random.below(40) {
        0 => f64::from_bits(random.next()),
        1 | 10 => STALE,
        2 => -0.0,
        3 => f64::INFINITY,
        4..10 => last,
        11..30 => last.round() + random.below(50) as f64,
        _ => last + random.unit(),
    }
}

pub(super) fn histogram(random: &mut Random) -> SampleValue {
    let length = 1 + u32::try_from(random.below(3)).unwrap();
    SampleValue::Histogram(Arc::new(NativeHistogram {
        schema: 2,
        count: random.below(1_000) as f64,
        sum: if random.below(10) == 0 { STALE } else { random.unit() },
        positive_spans: vec![BucketSpan { offset: 1, length }],
        positive_buckets: (0..length).map(|_| random.below(9) as f64).collect(),
        ..NativeHistogram::default()
    }))
}

/// What a series was given, and what it holds.
#[derive(Default)]
struct Pair {
    plain: Vec<Sample>,
    blocks: Blocks,
}

impl Pair {
    fn append(&mut self, sample: Sample, timelines: &mut Timelines) {
        let newer = self.plain.last().is_none_or(|last| last.time < sample.time);
        let taken = self.blocks.append(sample.clone(), timelines);
        if newer {
            assert_eq!(taken, Ok(()));
            // A marker takes the kind of the series that it ends.
            let after_histogram = matches!(self.plain.last(), Some(Sample { value: SampleValue::Histogram(_), .. }));
            let value = match sample.value {
                SampleValue::Float(value) if is_stale(value) && after_histogram => {
                    SampleValue::Histogram(Arc::new(NativeHistogram { sum: STALE, ..NativeHistogram::default() }))
                }
                value => value,
            };
            self.plain.push(Sample { value, ..sample });
        }
    }

    fn check(&self, random: &mut Random) {
        let mut all = Vec::new();
        self.blocks.read(i64::MIN, i64::MAX, &mut all);
        assert_eq!(bits(&all), bits(&self.plain));
        let Some((first, last)) = self.plain.first().zip(self.plain.last()) else { return };
        for _ in 0..5 {
            let any = |random: &mut Random| match random.below(3) {
                0 => self.plain[random.index(self.plain.len())].time,
                _ => first.time - 5 + random.time(last.time - first.time + 10),
            };
            let (after, until) = (any(random), any(random));
            let expected: Vec<Sample> =
                self.plain.iter().filter(|sample| sample.time > after && sample.time <= until).cloned().collect();
            let mut read = Vec::new();
            self.blocks.read(after, until, &mut read);
            assert_eq!(bits(&read), bits(&expected), "({after}, {until}]");
        }
    }

    /// Blocks go as a whole: nothing goes that is later.
    fn evict(&mut self, until: i64) {
        let dropped = self.blocks.evict(until);
        assert!(self.plain[..dropped].iter().all(|sample| sample.time <= until));
        self.plain.drain(..dropped);
        assert_eq!(self.blocks.is_empty(), self.plain.is_empty());
        assert_eq!(self.blocks.first(), self.plain.first().map(|sample| sample.time));
    }
}

#[test]
fn what_is_written_in_turn_comes_back_in_part_and_after_eviction() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut timelines = Timelines::default();
        let mut series: Vec<Pair> = (0..=random.below(5)).map(|_| Pair::default()).collect();
        let (mut time, mut start) = (1_000_000, 0);
        for _ in 0..200 {
            time += match random.below(12) {
                0 => random.time(1 << 40),
                1 => 10_000 + random.time(9),
                _ => 10_000,
            };
            if random.below(50) == 0 {
                start = time - random.time(100);
            }
            for pair in &mut series {
                let last = match pair.plain.last() {
                    Some(Sample { value: SampleValue::Float(value), .. }) => *value,
                    _ => 1.0,
                };
                let value = match seed % 3 {
                    0 if random.below(3) == 0 => histogram(&mut random),
                    1 => histogram(&mut random),
                    _ => SampleValue::Float(value(&mut random, last)),
                };
                let late = if random.below(20) == 0 { random.time(30_000) } else { 0 };
                if random.below(15) > 0 {
                    pair.append(Sample { time: time - late, start, value }, &mut timelines);
                }
            }
            if random.below(40) == 0 {
                let until = time - 500_000;
                for pair in &mut series {
                    pair.evict(until);
                }
                timelines.prune(until);
            }
        }
        for pair in &series {
            pair.check(&mut random);
        }
    }
}

#[test]
fn a_second_value_at_a_time_is_refused_unless_it_is_the_same_to_the_bit() {
    let float = |time, value| Sample { time, start: 0, value: SampleValue::Float(value) };
    let nan = f64::from_bits(0x7ff8_0000_0000_0001);
    let (mut blocks, mut timelines) = (Blocks::default(), Timelines::default());
    let mut append = |sample| blocks.append(sample, &mut timelines);
    assert_eq!(append(float(5, nan)), Ok(()));
    assert_eq!(append(float(5, nan)), Ok(()));
    assert_eq!(append(float(5, f64::NAN)), Err(Refused::Duplicate));
    assert_eq!(append(Sample { value: histogram(&mut Random(1)), ..float(5, 0.0) }), Err(Refused::Duplicate));
    assert_eq!(append(float(4, nan)), Err(Refused::OutOfOrder));
}
