//! Lines about a queue that is full: one when items are lost for it, with the cure, and one when that has ended.
//!
//! Pushing only counts, because it happens on the host's threads and often within our own layer. The way out looks at
//! the count after each export, and is silent while exports fail: the backend is the trouble then, and has its own line.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::internal::{Internal, RateLimit};
use crate::model::{Reason, Signal};

/// Time without a loss after which a queue counts as one that has room.
const CALM: Duration = Duration::from_secs(10);
/// Time between two lines that one queue is full.
const LINES: Duration = Duration::from_secs(60);

/// What is known of one queue's losses.
#[derive(Debug)]
pub(super) struct Overflow {
    signal: Signal,
    /// Items that the queue holds.
    limit: usize,
    /// Losses that were looked at.
    seen: u64,
    /// From the line that it is full to the one that it has room.
    spell: Option<Spell>,
    lines: RateLimit,
}

#[derive(Debug)]
struct Spell {
    /// Losses before it.
    before: u64,
    /// When a loss was last seen.
    last: Timestamp,
}

/// What is to be said.
#[derive(Debug)]
pub(super) enum Line {
    Full(String),
    Room(String),
}

impl Overflow {
    pub(super) fn new(signal: Signal, limit: usize) -> Self {
        Self { signal, limit, seen: 0, spell: None, lines: RateLimit::new(LINES) }
    }

    /// The line that is due, if any. `fails`: whether the last export failed.
    pub(super) fn look(&mut self, now: Timestamp, fails: bool, internal: &Internal) -> Option<Line> {
        let lost = internal.dropped_so_far(self.signal, Reason::QueueFull);
        let before = std::mem::replace(&mut self.seen, lost);
        match &mut self.spell {
            _ if fails => None,
            Some(spell) if lost > before => {
                spell.last = now;
                None
            }
            Some(spell) if now.since(spell.last) >= CALM => {
                let during = lost - spell.before;
                self.spell = None;
                Some(Line::Room(self.room(during)))
            }
            None if lost > before && self.lines.allows(now, internal) => {
                self.spell = Some(Spell { before, last: now });
                Some(Line::Full(self.full(lost - before)))
            }
            _ => None,
        }
    }

    fn full(&self, lost: u64) -> String {
        let (limit, items) = (self.limit, self.items());
        let cure = match self.signal {
            Signal::Logs => "Raise OTEL_BLRP_MAX_QUEUE_SIZE, or let fewer through with BELLWETHER_FILTER",
            _ => "Raise OTEL_BSP_MAX_QUEUE_SIZE, or sample fewer traces with OTEL_TRACES_SAMPLER",
        };
        format!(
            "the queue of {limit} {items} is full, and {lost} were dropped: they come faster than they are exported. \
             {cure} (in a configuration file: max_queue_size)."
        )
    }

    fn room(&self, lost: u64) -> String {
        format!("the queue of {} {} has room again; {lost} were dropped while it was full", self.limit, self.items())
    }

    fn items(&self) -> &'static str {
        match self.signal {
            Signal::Traces => "spans",
            Signal::Metrics => "points",
            Signal::Logs => "log records",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_is_said_once_with_the_cure_and_once_when_it_has_room() {
        let internal = Internal::default();
        let mut overflow = Overflow::new(Signal::Traces, 2_048);
        // second, newly lost, whether exports fail, what a line begins with
        for (second, lost, fails, line) in [
            (100, 0, false, ""),
            (101, 7, true, ""),
            (102, 0, false, ""),
            (103, 5, false, "the queue of 2048 spans is full, and 5 were dropped: "),
            (104, 20, false, ""),
            (111, 0, false, ""),
            (114, 0, false, "the queue of 2048 spans has room again; 25 were dropped"),
            (140, 9, false, ""),
            (163, 1, false, "the queue of 2048 spans is full, and 1 were dropped: "),
        ] {
            internal.dropped(Signal::Traces, Reason::QueueFull, lost);
            let now = Timestamp(second * 1_000_000_000);
            let said = match overflow.look(now, fails, &internal) {
                Some(Line::Full(said) | Line::Room(said)) => said,
                None => String::new(),
            };
            assert!(said.starts_with(line) && said.is_empty() == line.is_empty(), "{second}: {said:?}");
        }
    }

    #[test]
    fn the_cure_names_the_variable_of_the_signal() {
        for (signal, variable) in
            [(Signal::Traces, "OTEL_BSP_MAX_QUEUE_SIZE"), (Signal::Logs, "OTEL_BLRP_MAX_QUEUE_SIZE")]
        {
            assert!(Overflow::new(signal, 1).full(1).contains(variable));
        }
    }
}
