//! What the window may hold: how long, how many series, how many bytes.

use std::sync::Arc;
use std::time::Duration;

use super::Config;
use super::timeline::Timelines;
use super::translate::Translation;
use super::writer::{Store, Writer};
use crate::clock::Timestamp;
use crate::internal::{self, Counter, RateLimit};

/// What only the writer needs.
#[derive(Debug)]
pub(super) struct Pen {
    pub(super) translation: Translation,
    timelines: Timelines,
    /// Bytes of all series, near enough.
    size: usize,
    /// Whether a series found no room since a line said so.
    full: bool,
    /// When old samples were looked for last, in milliseconds.
    swept: i64,
    /// When the window was last made shorter, in milliseconds.
    shortened: i64,
    /// From when on all samples are there, in milliseconds.
    since: Option<i64>,
    lines: RateLimit,
}

/// Old samples are looked for so often within the time that samples are kept.
const SWEEPS: i64 = 16;
/// At most one line about a limit in this time.
const LINES: Duration = Duration::from_secs(600);
/// Steps in which the window becomes shorter until it fits: an eighth of what is left each.
const STEPS: usize = 24;

impl Default for Pen {
    fn default() -> Self {
        Self {
            translation: Translation::default(),
            timelines: Timelines::default(),
            size: 0,
            full: false,
            swept: 0,
            shortened: 0,
            since: None,
            lines: RateLimit::new(LINES),
        }
    }
}

impl Pen {
    /// Who writes with it, and the names it knows.
    pub(super) fn writer<'a>(&'a mut self, store: &'a Store) -> (&'a mut Translation, Writer<'a>) {
        let Self { translation, timelines, size, full, .. } = self;
        (translation, Writer { store, timelines, size, full })
    }

    pub(super) fn since(&self) -> Option<i64> {
        self.since
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Holds every limit after samples were written at `now`, in milliseconds.
    pub(super) fn limit(&mut self, store: &Store, now: i64) {
        self.since = self.since.map(|since| since.min(now)).or(Some(now));
        if now.saturating_sub(self.swept) > store.retention() / SWEEPS {
            self.swept = now;
            let oldest = now.saturating_sub(store.retention());
            self.translation.prune(oldest);
            self.timelines.prune(oldest);
            self.evict(store, oldest);
        }
        // Labels alone can be too much: then there is nothing to gain a second time.
        if self.size > store.config.max_bytes && now > self.shortened {
            self.shortened = now;
            self.shorten(store, now);
        }
        if std::mem::take(&mut self.full) && self.may_say(store, now) {
            let Config { max_series, max_bytes, .. } = store.config;
            let (name, series) = store.index().largest();
            let (all, size, most) = (store.index().len(), self.size >> 20, max_bytes >> 20);
            internal::warn(&format!(
                "rules see no new series: their window holds {all} series (at most {max_series}, `max_series`) in \
                 {size} MiB (at most {most}, `max_bytes`); {series} of them belong to `{name}`"
            ));
        }
    }

    /// Drops the oldest samples until the window fits into its bytes again.
    fn shorten(&mut self, store: &Store, now: i64) {
        let lists = store.index().named(&[]);
        let all = lists.iter().flat_map(|list| &list.series);
        let mut until = all.filter_map(|series| series.first()).min().unwrap_or(now);
        drop(lists);
        let enough = store.config.max_bytes / 16 * 15;
        let mut dropped = 0;
        for _ in 0..STEPS {
            until = until.saturating_add(now.saturating_sub(until) / 8);
            dropped += self.evict(store, until);
            if self.size <= enough {
                break;
            }
        }
        store.internal.add(Counter::HistoryEvicted, dropped as u64);
        if self.may_say(store, now) {
            let (name, series) = store.index().largest();
            let (most, minutes) = (store.config.max_bytes >> 20, now.saturating_sub(until) / 60_000);
            internal::warn(&format!(
                "rules look back {minutes} min only: their window is full ({most} MiB, `max_bytes`); \
                 the metric with the most series is `{name}` with {series}"
            ));
        }
    }

    /// Drops the blocks that end at `until` or before, and the series of which nothing is left; returns how many samples
    /// that were.
    fn evict(&mut self, store: &Store, until: i64) -> usize {
        let lists = store.index().named(&[]);
        let (mut size, mut dropped, mut empty) = (0, 0, false);
        for series in lists.iter().flat_map(|list| &list.series) {
            dropped += series.evict(until);
            size += series.size();
            empty |= series.is_empty();
        }
        drop(lists);
        self.size = size;
        self.since = self.since.map(|since| since.max(until));
        if empty {
            // One that somebody else holds is about to be written again.
            store.index_mut().retain(|series| !series.is_empty() || Arc::strong_count(series) > 1);
        }
        dropped
    }

    fn may_say(&self, store: &Store, now: i64) -> bool {
        let nanos = u64::try_from(now).unwrap_or_default().saturating_mul(1_000_000);
        self.lines.allows(Timestamp(nanos), &store.internal)
    }
}
