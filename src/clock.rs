//! The only reader of time. Everything else takes time as an argument or holds a [`Clock`].
//!
//! Two readings exist. *Ticks* are cheap, monotonic nanoseconds for durations on the span path; a [`Timestamp`] is
//! wall-clock time for what leaves the process. A manual clock moves only when its owner moves it, so that tests never
//! sleep.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch, the unit of OTLP's `time_unix_nano`. `0` means "not known".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This time and a duration later, at most the largest representable time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// The time that passed from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, nanos))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_nanos(time.0)
    }
}

/// Year, month and day of a day since 1970-01-01 in the proleptic Gregorian calendar
/// (Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A duration as whole nanoseconds, at most `u64::MAX` (584 years).
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where time comes from: the system, or a test. Clones share one time.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Asked first: where it is there, nothing else is needed.
    counter: Option<counter::Counter>,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// The time-stamp counter where the processor has an invariant one, else the operating system's monotonic clock.
    System { clock: quanta::Clock, scale: Option<Scale> },
    /// Nanoseconds since the Unix epoch.
    Manual(Arc<AtomicU64>),
}

/// Nanoseconds of one raw tick, as a fraction of 2^64: converts with one multiplication where quanta's own conversion
/// takes a dozen steps. Exists for counters faster than one gigahertz, where the fraction is below one.
#[derive(Debug, Clone, Copy)]
struct Scale(NonZeroU64);

impl Scale {
    fn of(clock: &quanta::Clock) -> Option<Self> {
        let half = clock.delta_as_nanos(0, 1 << 63);
        half.checked_mul(2).and_then(NonZeroU64::new).map(Self)
    }

    #[inline]
    fn nanos(self, raw: u64) -> u64 {
        ((u128::from(raw) * u128::from(self.0.get())) >> 64) as u64
    }
}

/// The time-stamp counter of x86-64, read right here: quanta's reading cannot be inlined, and takes as long again as the
/// instruction. Whether the counter can be relied upon stays quanta's to say.
#[cfg(target_arch = "x86_64")]
mod counter {
    use crate::clock::Scale;

    #[derive(Debug, Clone, Copy)]
    pub(super) struct Counter(Scale);

    impl Counter {
        /// When this is what the clock reads.
        pub(super) fn of(clock: &quanta::Clock, scale: Scale) -> Option<Self> {
            let before = read();
            let raw = clock.raw();
            (before..=read()).contains(&raw).then_some(Self(scale))
        }

        #[inline]
        pub(super) fn nanos(self) -> u64 {
            self.0.nanos(read())
        }
    }

    #[inline]
    #[expect(unsafe_code, reason = "an instruction without a safe form")]
    fn read() -> u64 {
        // SAFETY: every processor of this architecture has the instruction, which changes nothing.
        unsafe { std::arch::x86_64::_rdtsc() }
    }
}

/// Elsewhere quanta reads.
#[cfg(not(target_arch = "x86_64"))]
mod counter {
    use crate::clock::Scale;

    #[derive(Debug, Clone, Copy)]
    pub(super) enum Counter {}

    impl Counter {
        pub(super) fn of(_: &quanta::Clock, _: Scale) -> Option<Self> {
            None
        }

        pub(super) fn nanos(self) -> u64 {
            match self {}
        }
    }
}

impl Clock {
    /// The system's clock. The first call in a process calibrates the time-stamp counter (some milliseconds).
    pub fn system() -> Self {
        let clock = quanta::Clock::new();
        let scale = Scale::of(&clock);
        let counter = scale.and_then(|scale| counter::Counter::of(&clock, scale));
        Self { counter, source: Source::System { clock, scale } }
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self { counter: None, source: Source::Manual(Arc::new(AtomicU64::new(start.0))) }
    }

    /// Moves a manual clock, and every clone of it, forward. The system's clock is not affected.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.source {
            now.fetch_add(nanos(by), Ordering::Relaxed);
        }
    }

    /// Whether this is a manual clock; its ticks are nanoseconds since the Unix epoch.
    pub fn is_manual(&self) -> bool {
        matches!(self.source, Source::Manual(_))
    }

    /// Monotonic nanoseconds from an arbitrary start, about 10 ns a reading. Only differences mean something.
    #[inline]
    pub fn ticks(&self) -> u64 {
        match self.counter {
            Some(counter) => counter.nanos(),
            None => self.other_ticks(),
        }
    }

    #[inline(never)]
    fn other_ticks(&self) -> u64 {
        match &self.source {
            Source::System { clock, scale } => {
                let raw = clock.raw();
                match scale {
                    Some(scale) => scale.nanos(raw),
                    None => clock.delta_as_nanos(0, raw),
                }
            }
            Source::Manual(now) => now.load(Ordering::Relaxed),
        }
    }

    /// Wall-clock time.
    pub fn now(&self) -> Timestamp {
        match &self.source {
            Source::System { .. } => self.system_time().into(),
            Source::Manual(now) => Timestamp(now.load(Ordering::Relaxed)),
        }
    }

    /// The same as the standard library has it, where nothing needs to be converted.
    pub fn system_time(&self) -> SystemTime {
        match &self.source {
            #[expect(clippy::disallowed_methods, reason = "this module is the one reader of time")]
            Source::System { .. } => SystemTime::now(),
            Source::Manual(_) => self.now().into(),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_moved_and_all_its_clones_with_it() {
        let clock = Clock::manual(Timestamp(1_000));
        let other = clock.clone();
        assert_eq!((clock.now(), clock.ticks()), (Timestamp(1_000), 1_000));
        clock.advance(Duration::from_nanos(500));
        assert_eq!((other.now(), other.ticks()), (Timestamp(1_500), 1_500));
    }

    #[test]
    fn the_system_clock_never_runs_backwards() {
        let clock = Clock::system();
        let readings: Vec<u64> = (0..10_000).map(|_| clock.ticks()).collect();
        assert!(readings.is_sorted());
    }

    #[test]
    fn the_quick_conversion_of_ticks_agrees_with_quantas_own() {
        let clock = quanta::Clock::new();
        if let Some(scale) = Scale::of(&clock) {
            for raw in [1, 1_000, clock.raw(), 1 << 50, u64::MAX / 3] {
                let difference = scale.nanos(raw).abs_diff(clock.delta_as_nanos(0, raw));
                assert!(difference <= 1 + (raw >> 50), "{raw}: {difference} ns");
            }
        }
    }

    #[test]
    fn dates_are_right_around_leap_days_and_before_the_epoch() {
        let day = 86_400;
        for (seconds, expected) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (951_782_400, (2000, 2, 29)),
            (1_709_251_200, (2024, 3, 1)),
            (4_107_542_400, (2100, 3, 1)),
        ] {
            assert_eq!(date(i64::div_euclid(seconds, day)), expected, "{seconds}");
        }
    }

    #[test]
    fn times_before_the_epoch_and_durations_beyond_the_range_saturate() {
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)), Timestamp(0));
        assert_eq!(Timestamp(5).plus(Duration::MAX), Timestamp(u64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
