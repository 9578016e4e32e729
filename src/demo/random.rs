//! Seeded randomness: the same seed gives the same documents and the same queries on every machine.

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number from 0 up to, but not including, `end`; 0 when `end` is 0.
    #[expect(clippy::cast_possible_truncation, reason = "the high half of a product with a usize fits a usize")]
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// A number from `start` up to, but not including, `end`.
    pub fn between(&mut self, start: usize, end: usize) -> usize {
        start + self.below(end.saturating_sub(start))
    }

    /// A number from 0 up to, but not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// `true` with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

/// Spreads the bits of a number: the last step of `SplitMix64`, also used as a hash.
pub fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Zipf's law: rank `r`, counted from 1, comes with a weight of `1 / r`, as words in a text and queries of a search do.
#[derive(Debug, Clone)]
pub struct Zipf {
    /// Sums of the weights up to and including each rank.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// The law over so many ranks; at least one.
    pub fn new(ranks: usize) -> Self {
        let mut total = 0.0;
        let cumulative = (1..=ranks.max(1)).map(|rank| {
            total += 1.0 / rank as f64;
            total
        });
        Self { cumulative: cumulative.collect() }
    }

    /// A rank, counted from 0.
    pub fn draw(&self, random: &mut Random) -> usize {
        let last = self.cumulative.len() - 1;
        let at = random.unit() * self.cumulative[last];
        self.cumulative.partition_point(|sum| *sum <= at).min(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_numbers_stay_in_their_range() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..1_000).map(|_| random.between(3, 7)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).iter().all(|n| (3..7).contains(n)));
        assert_eq!(Random::new(1).below(0), 0);
    }

    #[test]
    fn the_first_rank_comes_about_twice_as_often_as_the_second() {
        let (law, mut random) = (Zipf::new(100), Random::new(7));
        let mut counts = [0_u32; 100];
        for _ in 0..20_000 {
            counts[law.draw(&mut random)] += 1;
        }
        let ratio = f64::from(counts[0]) / f64::from(counts[1]);
        assert!((1.8..2.2).contains(&ratio), "{ratio}");
        assert!(counts.iter().all(|count| *count > 0));
    }
}
