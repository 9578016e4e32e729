//! The window as a query sees it that must end in time.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::desk::Desk;
use crate::clock::{Clock, nanos};
use crate::history::{History, Matcher, Points, Selected, Source};
use crate::model::{Labels, Sample};

/// Shows series until the time is over, and says that it is. Time is looked at for each series, and by the evaluator for
/// each part of an expression.
#[derive(Debug)]
pub(super) struct Bounded<'a> {
    history: &'a History,
    clock: &'a Clock,
    /// In the clock's ticks.
    until: u64,
    stop: &'a AtomicBool,
    over: Cell<bool>,
}

impl<'a> Bounded<'a> {
    /// From now on for so long.
    pub(super) fn new(desk: &'a Desk, timeout: Duration) -> Self {
        let clock = desk.clock();
        let until = clock.ticks().saturating_add(nanos(timeout));
        Self { history: &desk.window.history, clock, until, stop: &desk.stop, over: Cell::new(false) }
    }
}

impl Source for Bounded<'_> {
    fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
        let mut selected = Vec::new();
        self.visit(matchers, after, until, &mut |labels, samples| {
            selected.push(Selected { labels: labels.clone(), samples: samples.to_vec() });
        });
        selected
    }

    fn visit(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &[Sample])) {
        self.history.visit(matchers, after, until, &mut |labels, samples| {
            if !self.is_over() {
                each(labels, samples);
            }
        });
    }

    fn visit_newest(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &Sample)) {
        self.history.visit_newest(matchers, after, until, &mut |labels, sample| {
            if !self.is_over() {
                each(labels, sample);
            }
        });
    }

    fn visit_points(&self, matchers: &[Matcher], after: i64, until: i64, each: &mut dyn FnMut(&Labels, &mut Points)) {
        self.history.visit_points(matchers, after, until, &mut |labels, points| {
            if !self.is_over() {
                each(labels, points);
            }
        });
    }

    fn is_over(&self) -> bool {
        let over = self.over.get() || self.clock.ticks() >= self.until || self.stop.load(Ordering::Relaxed);
        self.over.set(over);
        over
    }
}
