//! Words as vectors, by feature hashing: no model, and yet related spellings come out near each other.

use super::random::mix;

/// Numbers in a vector; a multiple of four.
pub const DIMENSIONS: usize = 96;

/// A direction; its length is one, or zero when there was nothing to embed.
pub type Vector = [f32; DIMENSIONS];

/// The vector of one word: its three-letter pieces, each hashed to a dimension and a sign (Weinberger et al., "Feature
/// hashing for large scale multitask learning", 2009), then normalised.
pub fn word(word: &str) -> Vector {
    let mut vector = [0.0; DIMENSIONS];
    let mut letters = vec![u32::from('^')];
    letters.extend(word.chars().map(u32::from));
    letters.push(u32::from('$'));
    for piece in letters.windows(3) {
        let bits = piece.iter().fold(0, |bits, letter| mix(bits ^ u64::from(*letter)));
        // The low bits choose the dimension, a high one the sign.
        #[expect(clippy::cast_possible_truncation, reason = "the remainder is below the number of dimensions")]
        let dimension = (bits % DIMENSIONS as u64) as usize;
        vector[dimension] += if bits >> 63 == 0 { 1.0 } else { -1.0 };
    }
    normalised(vector)
}

/// The direction between several vectors.
pub fn mean<'a>(vectors: impl IntoIterator<Item = &'a Vector>) -> Vector {
    let mut sum = [0.0; DIMENSIONS];
    for vector in vectors {
        for (total, value) in sum.iter_mut().zip(vector) {
            *total += value;
        }
    }
    normalised(sum)
}

/// How alike two directions are: the cosine, -1 to 1.
pub fn cosine(a: &Vector, b: &Vector) -> f32 {
    // Four sums side by side, so that the compiler can use vector instructions: it may not reorder float additions.
    // Plain indices, because iterators make builds without optimization ten times slower than they are anyway.
    let (mut s0, mut s1, mut s2, mut s3) = (0.0, 0.0, 0.0, 0.0);
    let mut at = 0;
    while at < DIMENSIONS {
        s0 += a[at] * b[at];
        s1 += a[at + 1] * b[at + 1];
        s2 += a[at + 2] * b[at + 2];
        s3 += a[at + 3] * b[at + 3];
        at += 4;
    }
    s0 + s1 + s2 + s3
}

fn normalised(mut vector: Vector) -> Vector {
    let length = cosine(&vector, &vector).sqrt();
    if length > 0.0 {
        for value in &mut vector {
            *value /= length;
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_nearest_to_itself_then_to_its_relatives_then_to_strangers() {
        let near = |a: &str, b: &str| cosine(&word(a), &word(b));
        assert!((near("harbour", "harbour") - 1.0).abs() < 1e-5);
        assert!(near("harbour", "harbours") > near("harbour", "telescope"));
    }

    #[test]
    fn every_vector_has_length_one_and_nothing_has_length_zero() {
        let one = mean([&word("tide"), &word("pilot")]);
        assert!((cosine(&one, &one) - 1.0).abs() < 1e-5);
        assert!(mean([]).iter().all(|value| value.abs() < f32::EPSILON));
    }
}
