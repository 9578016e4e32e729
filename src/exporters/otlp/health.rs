//! Whether a backend answers: one warning when it stops, one line when it is back. Pure: time is an argument.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;

/// The state of one backend, shared by the signals that go there, so that three signals to a dead Collector make one
/// warning.
#[derive(Debug, Default)]
pub(super) enum Health {
    /// Nothing was ever heard of it.
    #[default]
    Unknown,
    /// It answered last.
    Up,
    /// It answered before, and one try has failed since: a restart or a lost connection, most likely.
    Doubtful {
        /// When that try failed.
        since: Timestamp,
    },
    /// It does not answer, and that has been said.
    Down {
        /// When the first try failed.
        since: Timestamp,
        /// Items lost before that, by signal; what is lost later went with this outage.
        lost_before: [u64; 3],
    },
}

/// An outage that is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// From the first failed try to the first answer.
    pub(super) lasted: Duration,
    /// Items lost meanwhile, by signal.
    pub(super) lost: [u64; 3],
}

impl Health {
    /// A try failed; `given_up` when no other one follows. Whether a warning is due: at once for a backend that never
    /// answered (a wrong address, most likely), at the second failure in a row for one that did.
    pub(super) fn failed(&mut self, now: Timestamp, given_up: bool, lost: [u64; 3]) -> bool {
        let since = match *self {
            Self::Unknown => now,
            Self::Up if given_up => now,
            Self::Up => {
                *self = Self::Doubtful { since: now };
                return false;
            }
            Self::Doubtful { since } => since,
            Self::Down { .. } => return false,
        };
        *self = Self::Down { since, lost_before: lost };
        true
    }

    /// The backend answered. The outage that ended, if one had been said.
    pub(super) fn answered(&mut self, now: Timestamp, lost: [u64; 3]) -> Option<Outage> {
        match std::mem::replace(self, Self::Up) {
            Self::Down { since, lost_before } => {
                let lost = std::array::from_fn(|signal| lost[signal].saturating_sub(lost_before[signal]));
                Some(Outage { lasted: now.since(since), lost })
            }
            _ => None,
        }
    }
}

/// A duration as a person says it: `850 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) struct Spoken(pub(super) Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..60 => write!(f, "{seconds} s"),
            60..3_600 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn a_backend_that_never_answered_is_warned_about_at_once_and_only_once() {
        let mut health = Health::default();
        let warned: Vec<bool> = (0..5).map(|second| health.failed(at(second), false, [0; 3])).collect();
        assert_eq!(warned, [true, false, false, false, false]);
    }

    #[test]
    fn a_single_failure_of_a_healthy_backend_is_silent() {
        let mut health = Health::default();
        assert_eq!(health.answered(at(1), [0; 3]), None);
        assert!(!health.failed(at(2), false, [0; 3]));
        assert_eq!(health.answered(at(3), [0; 3]), None);
        assert!(health.failed(at(4), true, [0; 3]), "given up");
    }

    #[test]
    fn the_outage_tells_its_length_from_the_first_failure_and_only_its_own_losses() {
        let mut health = Health::Up;
        assert!(!health.failed(at(10), false, [5, 0, 1]));
        assert!(health.failed(at(11), false, [5, 0, 1]));
        assert!(!health.failed(at(12), true, [9, 0, 1]));
        let outage = health.answered(at(100), [12, 7, 1]);
        assert_eq!(outage, Some(Outage { lasted: Duration::from_secs(90), lost: [7, 7, 0] }));
        assert_eq!(health.answered(at(101), [12, 7, 1]), None);
    }

    #[test]
    fn durations_read_as_spoken() {
        for (millis, spoken) in [(850, "850 ms"), (12_900, "12 s"), (185_000, "3 min 5 s"), (7_800_000, "2 h 10 min")] {
            assert_eq!(Spoken(Duration::from_millis(millis)).to_string(), spoken);
        }
    }
}
