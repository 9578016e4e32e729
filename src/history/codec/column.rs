//! Up to [`BLOCK`] floats in few bytes, bit for bit.
//!
//! Values become whole numbers, *codes*: the number itself where all of a block are whole, else the number times a power
//! of ten where that is exact for all, else the float's bits without the zeros that all end with. What is then stored is
//! the codes or, when that is shorter, the steps between them: the smallest, and what each has above it, in as many bits
//! as the largest needs. Counters that grow by about the same become a few bits a value, and one load, a shift and a
//! mask read any of them. Values that repeat are left out when enough of them do. After "frame of reference" and ALP (Afroozeh
//! et al., SIGMOD 2023); steps between floats' bits take the place of Gorilla's exclusive or (Pelkonen et al., VLDB 2015),
//! which needs more bits for sums that grow, and several branches to read a value.

use super::pack::{PADDING, pack, packed_len, read_varint, unpack, write_varint};

/// Values in a column at most.
pub(crate) const BLOCK: usize = 64;

/// The largest power of ten that is tried: micro-units.
const MAX_EXPONENT: u8 = 6;
const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Whole numbers up to here are floats of their own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// In place of an exponent: the codes are bits.
const BITS: u8 = 7;
/// The first byte: an exponent or `BITS`, and what else is to be known.
const MAPPING: u8 = 0b0_0111;
const STEPS: u8 = 0b0_1000;
const SPARSE: u8 = 0b1_0000;

/// How values become codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mapping {
    /// Times ten to this power.
    Decimal(u8),
    /// The float's bits without so many zeros at their end.
    Bits(u32),
}

/// Appends the values, at most [`BLOCK`].
pub(crate) fn encode(values: &[f64], bytes: &mut Vec<u8>) {
    let all: &[f64] = values.get(..BLOCK).unwrap_or(values);
    let mut distinct = [0.0; BLOCK];
    let (mut changes, mut count) = (0_u64, 0);
    for (at, value) in all.iter().enumerate() {
        if at == 0 || value.to_bits() != all[at - 1].to_bits() {
            changes |= 1 << at;
            distinct[count] = *value;
            count += 1;
        }
    }
    let from = bytes.len();
    write(all, None, bytes);
    // Leaving repeated values out costs a bit a value, and pays only when there are many.
    let dense = bytes.len() - from;
    if count * 2 <= all.len() && dense > 8 {
        write(&distinct[..count], Some(changes), bytes);
        let sparse = bytes.len() - from - dense;
        let drop = if sparse < dense { from..from + dense } else { from + dense..bytes.len() };
        bytes.drain(drop);
    }
}

/// Takes `values.len()` values off the front of `bytes`, at most [`BLOCK`], and sets those from number `from` on, the
/// others to anything: who looks back minutes wants the last ones.
pub(crate) fn decode(bytes: &mut &[u8], values: &mut [f64], from: usize) {
    let Some((first, rest)) = bytes.split_first() else { return };
    *bytes = rest;
    let mapping = match first & MAPPING {
        BITS => Mapping::Bits(u32::from(take(bytes))),
        exponent => Mapping::Decimal(exponent),
    };
    let changes = (first & SPARSE != 0).then(|| u64::from_le_bytes(std::array::from_fn(|_| take(bytes))));
    let steps = first & STEPS != 0;
    let mut codes = [0_i64; BLOCK];
    let Some(changes) = changes else {
        let count = values.len().min(BLOCK);
        let from = from.min(count);
        read_codes(bytes, steps, from, &mut codes[..count]);
        return unmap(mapping, &codes[from..count], &mut values[from..]);
    };
    let count = changes.count_ones() as usize;
    read_codes(bytes, steps, 0, &mut codes[..count]);
    let mut distinct = [0.0; BLOCK];
    unmap(mapping, &codes[..count], &mut distinct);
    let mut next = 0_usize;
    for (at, value) in values.iter_mut().enumerate() {
        next += (changes >> (at % BLOCK) & 1) as usize;
        *value = distinct[next.saturating_sub(1) % BLOCK];
    }
}

fn take(bytes: &mut &[u8]) -> u8 {
    let Some((first, rest)) = bytes.split_first() else { return 0 };
    *bytes = rest;
    *first
}

fn write(values: &[f64], changes: Option<u64>, bytes: &mut Vec<u8>) {
    let mut codes = [0_i64; BLOCK];
    let mapping = map(values, &mut codes);
    let codes = &codes[..values.len()];
    let mut steps = [0_i64; BLOCK];
    for (step, pair) in steps.iter_mut().zip(codes.windows(2)) {
        *step = pair[1].wrapping_sub(pair[0]);
    }
    let steps = &steps[..values.len().saturating_sub(1)];
    let (least, width) = frame(codes);
    let (least_step, step_width) = frame(steps);
    // Steps cost one more number than codes do.
    let by_steps = packed_len(steps.len(), step_width) + 2 < packed_len(codes.len(), width);
    let (first, zeros) = match mapping {
        Mapping::Decimal(exponent) => (exponent, None),
        Mapping::Bits(zeros) => (BITS, Some(zeros as u8)),
    };
    bytes.push(first | if by_steps { STEPS } else { 0 } | if changes.is_some() { SPARSE } else { 0 });
    bytes.extend(zeros);
    bytes.extend(changes.into_iter().flat_map(u64::to_le_bytes));
    let (numbers, least, width) = if by_steps { (steps, least_step, step_width) } else { (codes, least, width) };
    if by_steps {
        // The last one, as the last ones are read most.
        write_varint(codes[codes.len() - 1], bytes);
    }
    write_varint(least, bytes);
    bytes.push(width as u8);
    pack(numbers.iter().map(|number| number.wrapping_sub(least).cast_unsigned()), width, bytes);
}

/// Reads the codes from number `from` on.
fn read_codes(bytes: &mut &[u8], by_steps: bool, from: usize, codes: &mut [i64]) {
    let last = if by_steps { read_varint(bytes) } else { 0 };
    let least = read_varint(bytes);
    let width = u32::from(take(bytes)).min(64);
    let count = codes.len() - usize::from(by_steps && !codes.is_empty());
    let packed = packed_len(count, width);
    // The bytes of a column may be the last ones that there are.
    let mut copy;
    let padded = if bytes.len() >= packed + PADDING {
        *bytes
    } else {
        copy = [0_u8; BLOCK * 8 + PADDING];
        let there = bytes.len().min(packed);
        copy[..there].copy_from_slice(&bytes[..there]);
        &copy[..]
    };
    let wanted = from.min(count)..count;
    unpack(padded, width, wanted.start, &mut codes[wanted.clone()]);
    *bytes = bytes.get(packed..).unwrap_or_default();
    if by_steps {
        // A step leads from one code to the next: back from the last one.
        let mut code = last;
        for at in wanted.rev() {
            let step = codes[at].wrapping_add(least);
            codes[at + 1] = code;
            code = code.wrapping_sub(step);
        }
        codes[from.min(count)] = code;
    } else {
        for code in &mut codes[wanted] {
            *code = code.wrapping_add(least);
        }
    }
}

/// The smallest number, and how many bits the others need above it.
fn frame(numbers: &[i64]) -> (i64, u32) {
    let least = numbers.iter().copied().min().unwrap_or_default();
    let most = numbers.iter().copied().max().unwrap_or_default();
    (least, u64::BITS - most.wrapping_sub(least).cast_unsigned().leading_zeros())
}

/// The codes of the values, by the first mapping that keeps every bit of all of them.
fn map(values: &[f64], codes: &mut [i64; BLOCK]) -> Mapping {
    for (exponent, power) in (0..=MAX_EXPONENT).zip(POWERS) {
        let exact = values.iter().zip(codes.iter_mut()).all(|(value, code)| {
            let scaled = (value * power).round();
            // A float outside of this range, or none at all, does not become a whole number unchanged.
            let whole = scaled.abs() <= EXACT;
            *code = if whole { scaled as i64 } else { 0 };
            whole && (*code as f64 / power).to_bits() == value.to_bits()
        });
        if exact {
            return Mapping::Decimal(exponent);
        }
    }
    let zeros = values.iter().map(|value| value.to_bits().trailing_zeros()).min().unwrap_or_default().min(63);
    for (value, code) in values.iter().zip(codes) {
        *code = (value.to_bits() >> zeros).cast_signed();
    }
    Mapping::Bits(zeros)
}

fn unmap(mapping: Mapping, codes: &[i64], values: &mut [f64]) {
    let pairs = values.iter_mut().zip(codes);
    match mapping {
        Mapping::Decimal(0) => pairs.for_each(|(value, code)| *value = *code as f64),
        Mapping::Decimal(exponent) => {
            let power = POWERS.get(usize::from(exponent)).copied().unwrap_or(1.0);
            pairs.for_each(|(value, code)| *value = *code as f64 / power);
        }
        Mapping::Bits(zeros) => pairs.for_each(|(value, code)| {
            *value = f64::from_bits(code.cast_unsigned().checked_shl(zeros).unwrap_or_default());
        }),
    }
}
