//! How many spans of one operation are open, and how many were at most.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use crate::clock::Timestamp;
use crate::model::Attributes;
use crate::names;

/// The open spans of one operation: exact, with the peak since the last tick. A cache line of its own (a pair of them,
/// because processors fetch pairs), since all threads write it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct InFlight {
    open: AtomicI64,
    /// The most that were open since the last tick; may lag behind `open` for an instant.
    peak: AtomicI64,
}

impl InFlight {
    /// A span was opened.
    #[inline]
    pub fn enter(&self) {
        // Sequentially consistent with `restart`: either this span sees the lowered peak, or `restart` sees this span.
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        if open > self.peak.load(Ordering::SeqCst) {
            self.peak.fetch_max(open, Ordering::SeqCst);
        }
    }

    /// A span was closed.
    #[inline]
    pub fn exit(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Spans that are open now.
    pub fn now(&self) -> i64 {
        self.open.load(Ordering::SeqCst).max(0)
    }

    /// The most spans that were open at once since the last tick.
    pub fn peak(&self) -> i64 {
        self.peak.load(Ordering::SeqCst).max(self.now())
    }

    /// Returns the peak, and begins the next interval with what is open now.
    fn restart(&self) -> i64 {
        let peak = self.peak.swap(self.now(), Ordering::SeqCst);
        // A span that was opened between the two steps compared itself with the old peak.
        let now = self.now();
        self.peak.fetch_max(now, Ordering::SeqCst);
        peak.max(now)
    }
}

/// The open spans of all operations, by name and kind.
#[derive(Debug, Default)]
pub(super) struct Operations {
    by_name: HashMap<String, Vec<Tracked>>,
    count: usize,
    /// Takes the operations beyond the limit.
    overflow: Option<Tracked>,
}

#[derive(Debug)]
struct Tracked {
    kind: SpanKind,
    spans: Arc<InFlight>,
    attributes: Attributes,
    /// When a span was last known to be open.
    active: Timestamp,
}

/// One operation's open spans at one time.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) attributes: Attributes,
    pub(super) now: i64,
    pub(super) peak: i64,
    /// Whether the series ends here.
    pub(super) ended: bool,
}

impl Operations {
    /// The open spans of an operation that is known.
    pub(super) fn get(&self, name: &str, kind: &SpanKind) -> Option<Arc<InFlight>> {
        let tracked = self.by_name.get(name)?.iter().find(|tracked| tracked.kind == *kind)?;
        Some(Arc::clone(&tracked.spans))
    }

    /// The open spans of any operation; those beyond the limit share one.
    pub(super) fn get_or_insert(
        &mut self,
        name: &str,
        kind: &SpanKind,
        constant: &[KeyValue],
        limit: usize,
        now: Timestamp,
    ) -> Arc<InFlight> {
        if let Some(known) = self.get(name, kind) {
            return known;
        }
        let track = |own: &[KeyValue]| Tracked {
            kind: kind.clone(),
            spans: Arc::default(),
            attributes: Attributes::new(own.iter().chain(constant).cloned()),
            active: now,
        };
        if self.count + 1 >= limit {
            let overflow = self.overflow.get_or_insert_with(|| track(&[KeyValue::new(names::OVERFLOW, true)]));
            return Arc::clone(&overflow.spans);
        }
        self.count += 1;
        let kind_name = names::span_kind(kind);
        let tracked =
            track(&[KeyValue::new(names::SPAN_NAME, name.to_owned()), KeyValue::new(names::SPAN_KIND, kind_name)]);
        let spans = Arc::clone(&tracked.spans);
        self.by_name.entry(name.to_owned()).or_default().push(tracked);
        spans
    }

    /// All of them as they are.
    pub(super) fn peek(&self) -> Vec<Open> {
        self.all().map(|tracked| tracked.open(tracked.spans.peak(), false)).collect()
    }

    /// All of them, with the peaks started anew; those that nobody holds and that had no span for the idle time end.
    pub(super) fn tick(&mut self, now: Timestamp, idle_timeout: Duration) -> Vec<Open> {
        let mut all = Vec::new();
        let mut keep = |tracked: &mut Tracked| {
            let peak = tracked.spans.restart();
            if peak > 0 {
                tracked.active = now;
            }
            let idle = now.since(tracked.active) >= idle_timeout && peak == 0;
            // Only the store can hand out another holder, and it is locked here.
            let ended = idle && Arc::strong_count(&tracked.spans) == 1;
            all.push(tracked.open(peak, ended));
            !ended
        };
        for tracked in self.by_name.values_mut() {
            tracked.retain_mut(&mut keep);
        }
        if let Some(overflow) = &mut self.overflow {
            keep(overflow);
        }
        self.by_name.retain(|_, tracked| !tracked.is_empty());
        self.count = self.by_name.values().map(Vec::len).sum();
        all.sort_by_cached_key(|open| sort_key(&open.attributes));
        all
    }

    fn all(&self) -> impl Iterator<Item = &Tracked> {
        let mut all: Vec<&Tracked> = self.by_name.values().flatten().chain(&self.overflow).collect();
        all.sort_by_cached_key(|open| sort_key(&open.attributes));
        all.into_iter()
    }
}

impl Tracked {
    fn open(&self, peak: i64, ended: bool) -> Open {
        Open { attributes: self.attributes.clone(), now: self.spans.now(), peak, ended }
    }
}

/// Operations by name and kind, so that collections have the same order.
fn sort_key(attributes: &Attributes) -> [String; 2] {
    [names::SPAN_NAME, names::SPAN_KIND].map(|key| attributes.get(key).map_or_else(String::new, ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(10);

    #[test]
    fn the_peak_is_exact_and_starts_anew_with_what_is_open() {
        let spans = InFlight::default();
        spans.enter();
        spans.enter();
        spans.exit();
        assert_eq!((spans.now(), spans.peak(), spans.restart()), (1, 2, 2));
        assert_eq!((spans.now(), spans.peak(), spans.restart()), (1, 1, 1));
        spans.exit();
        assert_eq!((spans.now(), spans.restart(), spans.restart()), (0, 1, 0));
    }

    #[test]
    fn threads_that_meet_lose_no_span_and_no_peak() {
        let spans = InFlight::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        spans.enter();
                        spans.exit();
                    }
                    spans.enter();
                });
            }
        });
        assert_eq!(spans.now(), 4);
        assert!((4..=8).contains(&spans.peak()));
    }

    #[test]
    fn operations_beyond_the_limit_share_one_and_idle_ones_end_only_when_nobody_holds_them() {
        let mut operations = Operations::default();
        let mut of = |name: &str| operations.get_or_insert(name, &SpanKind::Server, &[], 3, Timestamp(0));
        let (held, dropped, beyond) = (of("a"), of("b"), of("c"));
        assert!(Arc::ptr_eq(&beyond, &of("d")));
        assert!(Arc::ptr_eq(&held, &of("a")));
        drop(dropped);
        let ended = |open: &[Open]| open.iter().filter(|open| open.ended).count();
        assert_eq!(ended(&operations.tick(Timestamp(1), IDLE)), 0);
        let second = operations.tick(Timestamp(1).plus(IDLE), IDLE);
        assert_eq!((second.len(), ended(&second)), (3, 1));
        assert_eq!(operations.peek().len(), 2);
        let again = operations.get_or_insert("e", &SpanKind::Server, &[], 3, Timestamp(0));
        assert!(!Arc::ptr_eq(&again, &beyond), "the place of the ended operation is free");
    }
}
