//! Whole numbers in as few bits as the widest of them needs, and in as few bytes as one needs.

/// Appends `codes`, `width` bits each, the lowest first.
pub(super) fn pack(codes: impl IntoIterator<Item = u64>, width: u32, bytes: &mut Vec<u8>) {
    let (mut held, mut filled) = (0_u128, 0);
    for code in codes {
        held |= u128::from(code) << filled;
        filled += width;
        while filled >= 8 {
            bytes.push(held as u8);
            held >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        bytes.push(held as u8);
    }
}

/// Bytes that `count` codes of `width` bits fill.
pub(super) fn packed_len(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Bytes that must follow the packed ones: a code is read together with what lies behind it.
pub(super) const PADDING: usize = 16;

/// Reads the codes from number `from` on, as many as there is place for.
pub(super) fn unpack(bytes: &[u8], width: u32, from: usize, codes: &mut [i64]) {
    let step = width as usize;
    let mut at = from * step;
    // Up to 57 bits lie within eight bytes, wherever they begin.
    if width <= 57 {
        let mask = (1_u64 << width) - 1;
        for code in codes {
            let eight = bytes.get(at / 8..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
            *code = ((u64::from_le_bytes(eight) >> (at % 8)) & mask).cast_signed();
            at += step;
        }
    } else {
        let mask = (1_u128 << width) - 1;
        for code in codes {
            let sixteen = bytes.get(at / 8..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
            *code = ((u128::from_le_bytes(sixteen) >> (at % 8)) & mask) as i64;
            at += step;
        }
    }
}

/// Appends a number in groups of seven bits, small ones in few.
pub(super) fn write_varint(number: i64, bytes: &mut Vec<u8>) {
    // Small negative numbers become small, too: 0, -1, 1, -2 are 0, 1, 2, 3.
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Takes a number off the front.
pub(super) fn read_varint(bytes: &mut &[u8]) -> i64 {
    let (mut number, mut shift) = (0_u64, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
