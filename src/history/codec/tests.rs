//! What comes out is what went in, to the bit.

use std::sync::Arc;

use super::{BLOCK, decode, decode_histograms, encode, encode_histograms};
use crate::history::tests::random::Random;
use crate::model::{BucketSpan, NativeHistogram, ResetHint, STALE};

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The bytes that the values need, after they were read back.
fn round_trip(values: &[f64]) -> usize {
    let mut bytes = vec![0xaa];
    encode(values, &mut bytes);
    // Another column may follow.
    bytes.push(0xbb);
    let mut rest = &bytes[1..];
    let mut read = vec![0.0; values.len()];
    decode(&mut rest, &mut read, 0);
    assert_eq!(bits(&read), bits(values), "{values:?}");
    for from in [1, values.len() / 2, values.len() - 1, values.len()] {
        let mut read = vec![0.0; values.len()];
        decode(&mut &bytes[1..], &mut read, from);
        assert_eq!(bits(&read)[from.min(values.len())..], bits(values)[from.min(values.len())..], "{values:?}");
    }
    assert_eq!(rest, [0xbb], "{values:?}");
    bytes.len() - 2
}

fn hostile() -> Vec<f64> {
    let bits = [0x7ff8_0000_0000_0000, 0x7ff8_0000_0000_0001, 0xfff8_dead_beef_0001, 0x7ff0_0000_0000_0001, 1, 1 << 63];
    let mut values: Vec<f64> = bits.map(f64::from_bits).into();
    values.extend([STALE, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e-300]);
    values.extend([
        1.0,
        -1.0,
        0.1,
        0.1 + 0.2,
        1e15,
        2_f64.powi(53),
        2_f64.powi(53) + 2.0,
        -(2_f64.powi(53)),
        1e22,
        123.456,
    ]);
    values
}

#[test]
fn hostile_values_come_back_alone_in_pairs_and_mixed() {
    let hostile = hostile();
    for a in &hostile {
        for b in &hostile {
            round_trip(&[*a]);
            round_trip(&[*a, *b]);
            round_trip(&[*a, *a, *a, *b, *b, *a]);
            round_trip(&[[*a, *b]; BLOCK / 2].concat());
            round_trip(&[vec![*a; BLOCK - 1], vec![*b]].concat());
        }
    }
    let mut random = Random(7);
    for _ in 0..2_000 {
        let len = 1 + random.below(BLOCK as u64) as usize;
        let values: Vec<f64> = (0..len).map(|_| hostile[random.below(hostile.len() as u64) as usize]).collect();
        round_trip(&values);
    }
}

#[test]
fn values_of_any_kind_come_back() {
    let mut random = Random(1);
    for round in 0..4_000 {
        let len = 1 + random.below(BLOCK as u64) as usize;
        let scale = 10_f64.powi(random.below(40) as i32 - 20);
        let mut last = random.unit() * scale;
        let values: Vec<f64> = (0..len)
            .map(|_| {
                match round % 8 {
                    0 => last = f64::from_bits(random.next()),
                    1 => last = (random.next() >> (4 + round % 59)) as f64,
                    2 => last += random.below(100) as f64,
                    3 => last += random.unit() * scale,
                    4 => last = (random.below(100_000) as f64 - 50_000.0) / 1_000.0,
                    5 if random.below(5) == 0 => last = random.unit(),
                    6 => last = f64::from(random.unit() as f32),
                    _ => last += (random.unit() - 0.5) * scale,
                }
                last
            })
            .collect();
        round_trip(&values);
    }
}

#[test]
fn usual_values_need_few_bytes() {
    let block = |value: &mut dyn FnMut(usize) -> f64| round_trip(&(0..BLOCK).map(value).collect::<Vec<_>>());
    let mut random = Random(3);
    let mut calls = 1e6;
    let mut sum = 1e6;
    let sizes = [
        ("a constant", block(&mut |_| 17.0), 4),
        ("a constant fraction", block(&mut |_| 0.1 + 0.2), 14),
        ("steady growth", block(&mut |at| at as f64 * 1_000.0), 10),
        (
            "calls",
            block(&mut |_| {
                calls += 900.0 + random.below(200) as f64;
                calls
            }),
            75,
        ),
        ("thousandths", block(&mut |_| random.below(1_000) as f64 / 1_000.0), 86),
        ("few changes", block(&mut |at| if at < 20 { 0.1 + 0.2 } else { 0.7 / 3.0 }), 34),
        (
            "a sum",
            block(&mut |_| {
                sum += 4_000.0 + random.unit() * 1_000.0;
                sum
            }),
            380,
        ),
    ];
    for (name, bytes, most) in sizes {
        assert!(bytes <= most, "{name}: {bytes} bytes");
    }
}

#[test]
fn histograms_come_back_whatever_changes_between_them() {
    let mut random = Random(5);
    for _ in 0..300 {
        let mut histogram = NativeHistogram { schema: 3, zero_threshold: 1e-128, ..NativeHistogram::default() };
        let all: Vec<Arc<NativeHistogram>> = (0..=random.below(BLOCK as u64 - 1))
            .map(|_| {
                match random.below(6) {
                    0 => {
                        let length = random.below(9) as u32;
                        histogram.positive_spans = vec![BucketSpan { offset: -3, length }];
                        histogram.positive_buckets.resize(length as usize, 1.0);
                    }
                    1 => histogram.negative_buckets.push(random.unit()),
                    2 => histogram.custom_values = [random.unit(), f64::INFINITY].into(),
                    3 => histogram.reset_hint = ResetHint::Gauge,
                    _ => histogram.schema = -53,
                }
                let end = random.below(20) == 0;
                histogram.sum = if end { STALE } else { histogram.sum + random.unit() };
                histogram.count += random.below(10) as f64;
                histogram.zero_count = -0.0;
                for bucket in &mut histogram.positive_buckets {
                    *bucket += random.below(3) as f64;
                }
                Arc::new(histogram.clone())
            })
            .collect();
        let mut bytes = Vec::new();
        encode_histograms(&all, &mut bytes);
        let read = decode_histograms(&bytes, all.len());
        assert_eq!(format!("{read:?}"), format!("{:?}", all.iter().map(|h| (**h).clone()).collect::<Vec<_>>()));
        let sums: Vec<u64> = read.iter().map(|histogram| histogram.sum.to_bits()).collect();
        assert_eq!(sums, all.iter().map(|histogram| histogram.sum.to_bits()).collect::<Vec<_>>());
    }
}
