//! How many messages a channel may say in a time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Timestamp;

/// So many messages in any stretch of this length; 0 messages means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Messages.
    pub messages: u32,
    /// In this time.
    pub per: Duration,
}

impl Default for RateLimit {
    /// 30 messages in 10 minutes: more than that nobody reads.
    fn default() -> Self {
        Self { messages: 30, per: Duration::from_secs(600) }
    }
}

/// The messages of one channel.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: RateLimit,
    /// When the last messages went out, the oldest first; never more than the limit.
    sent: VecDeque<Timestamp>,
    /// Messages held back since the last one that went out.
    suppressed: u64,
}

impl Throttle {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, sent: VecDeque::new(), suppressed: 0 }
    }

    /// Lets a message through, with the number of those held back before it; or holds it back.
    pub(super) fn pass(&mut self, now: Timestamp) -> Option<u64> {
        if self.limit.messages == 0 {
            return Some(0);
        }
        while self.sent.front().is_some_and(|first| now.since(*first) >= self.limit.per) {
            self.sent.pop_front();
        }
        if self.sent.len() >= self.limit.messages as usize {
            self.suppressed += 1;
            return None;
        }
        self.sent.push_back(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_beyond_the_limit_are_held_back_and_the_next_one_says_how_many() {
        let mut throttle = Throttle::new(RateLimit { messages: 2, per: Duration::from_secs(60) });
        let at = |second: u64| Timestamp(second * 1_000_000_000);
        let passed: Vec<Option<u64>> =
            [1, 2, 3, 50, 61, 62, 63].into_iter().map(|second| throttle.pass(at(second))).collect();
        assert_eq!(passed, [Some(0), Some(0), None, None, Some(2), Some(0), None]);
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let mut throttle = Throttle::new(RateLimit { messages: 0, per: Duration::from_secs(1) });
        assert!((0..100).all(|_| throttle.pass(Timestamp(1)) == Some(0)));
    }
}
