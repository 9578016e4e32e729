//! The fine buckets: base-2 exponential at scale 3, found from the bits of a float without logarithm or search.
//!
//! Bucket `i` holds `(2^(i/8), 2^((i+1)/8)]`, as the OpenTelemetry data model defines exponential buckets
//! (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>): eight buckets a doubling, each 9 %
//! wide, so that a quantile read from them is at most 4.5 % off in the middle of a bucket.

/// Resolution of the fine buckets: `2^SCALE` of them a doubling.
pub(super) const SCALE: i32 = 3;

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
/// The table is indexed by this many leading bits of the mantissa.
const TABLE_BITS: u32 = 6;

/// The mantissas of `2^(k/8)`, rounded down. A float is above the boundary exactly when its mantissa is greater: for
/// `k = 0` the boundary is a float itself and belongs to the bucket below, the others are irrational. The last entries
/// are above every mantissa, and make the length a power of two.
const BOUNDARIES: [u64; 16] = {
    let mut all = [u64::MAX; 16];
    all[0] = 0;
    all[1] = 0x1_72b8_3c7d_517a;
    all[2] = 0x3_06fe_0a31_b715;
    all[3] = 0x4_bfda_d536_2a27;
    all[4] = 0x6_a09e_667f_3bcc;
    all[5] = 0x8_ace5_422a_a0db;
    all[6] = 0xa_e89f_995a_d3ad;
    all[7] = 0xd_5818_dcfb_a487;
    all
};

/// How many boundaries lie below every mantissa that begins with these bits. At most one more lies among them, because
/// boundaries are at least 9 % apart and the table's cells 1.6 %.
const TABLE: [u8; 1 << TABLE_BITS] = {
    let mut table = [0; 1 << TABLE_BITS];
    let mut cell = 0;
    while cell < table.len() {
        let start = (cell as u64) << (MANTISSA_BITS - TABLE_BITS);
        while BOUNDARIES[table[cell] as usize] < start {
            table[cell] += 1;
        }
        cell += 1;
    }
    table
};

/// The fine bucket of a number above zero.
#[inline]
pub(super) fn index(value: f64) -> i32 {
    let bits = value.to_bits();
    let exponent = bits >> MANTISSA_BITS;
    if exponent == 0 {
        return index_of_subnormal(bits);
    }
    within((exponent as u32).cast_signed() - 1023, bits & MANTISSA)
}

/// Subnormal numbers have no implicit leading bit: shift until they have.
#[cold]
fn index_of_subnormal(bits: u64) -> i32 {
    let shift = bits.leading_zeros().saturating_sub(63 - MANTISSA_BITS);
    within(-1022 - shift.cast_signed(), (bits << shift) & MANTISSA)
}

/// The bucket of `2^octave * (1 + mantissa / 2^52)`.
#[inline]
fn within(octave: i32, mantissa: u64) -> i32 {
    let below = TABLE[(mantissa >> (MANTISSA_BITS - TABLE_BITS)) as usize & 63];
    let above_next = mantissa > BOUNDARIES[below as usize & 15];
    (octave << SCALE) - 1 + i32::from(below) + i32::from(above_next)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "digits are cut off on purpose")]
mod tests {
    use super::*;

    /// `x^8` as little-endian 32-bit digits, exactly.
    fn eighth_power(x: u64) -> Vec<u32> {
        let square = |a: &[u32]| {
            let mut out = vec![0u32; a.len() * 2];
            for (i, x) in a.iter().enumerate() {
                let mut carry = 0u64;
                for (j, y) in a.iter().enumerate() {
                    let sum = u64::from(out[i + j]) + u64::from(*x) * u64::from(*y) + carry;
                    out[i + j] = sum as u32;
                    carry = sum >> 32;
                }
                out[i + a.len()] = carry as u32;
            }
            out
        };
        square(&square(&square(&[x as u32, (x >> 32) as u32])))
    }

    /// Whether `x / 2^52 > 2^(k/8)`, that is `x^8 > 2^(416 + k)`, without rounding.
    fn above(x: u64, k: u32) -> bool {
        let power = eighth_power(x);
        let bit = (416 + k) as usize;
        let (digit, rest) = (bit / 32, 1u32 << (bit % 32));
        let high = power[digit + 1..].iter().any(|d| *d > 0) || power[digit] > rest;
        high || (power[digit] == rest && power[..digit].iter().any(|d| *d > 0))
    }

    /// The bucket of `2^octave * significand / 2^52` by exact arithmetic.
    fn reference(octave: i32, significand: u64) -> i32 {
        octave * 8 - 1 + (0..8).map(|k| i32::from(above(significand, k))).sum::<i32>()
    }

    #[test]
    fn every_boundary_of_the_whole_range_and_its_float_neighbours_fall_as_exact_arithmetic_says() {
        let one = 1u64 << MANTISSA_BITS;
        let candidates: Vec<(u64, i32)> = BOUNDARIES[..8]
            .iter()
            .flat_map(|at| [at.wrapping_sub(1), *at, at + 1, at + 2])
            .chain([MANTISSA - 1, MANTISSA])
            .filter(|mantissa| *mantissa <= MANTISSA)
            .map(|mantissa| (mantissa, reference(0, one | mantissa)))
            .collect();
        for octave in -1022..=1023 {
            for (mantissa, at_one) in &candidates {
                let value = f64::from_bits((((octave + 1023) as u64) << MANTISSA_BITS) | mantissa);
                assert_eq!(index(value), at_one + octave * 8, "{value:e}");
            }
        }
    }

    #[test]
    fn subnormal_numbers_fall_as_their_normalized_value_does() {
        for bit in 0..MANTISSA_BITS {
            for bits in [1u64 << bit, (1 << bit) | 1, (1 << bit) - 1, ((1u64 << bit) as f64 * 1.3) as u64] {
                if bits == 0 {
                    continue;
                }
                let shift = bits.leading_zeros() - 11;
                let expected = reference(-1022 - shift.cast_signed(), bits << shift);
                assert_eq!(index(f64::from_bits(bits)), expected, "{bits:#x}");
            }
        }
    }

    #[test]
    fn powers_of_two_belong_to_the_bucket_below_and_the_extremes_have_buckets() {
        let cases = [
            (1.0, -1),
            (2.0, 7),
            (4.0, 15),
            (1.0f64.next_up(), 0),
            (0.5, -9),
            (3.0, 12),
            (f64::MAX, 8_191),
            (f64::MIN_POSITIVE, -8_177),
            (f64::from_bits(1), -8_593),
        ];
        for (value, expected) in cases {
            assert_eq!(index(value), expected, "{value:e}");
        }
    }
}
