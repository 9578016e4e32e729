//! Alert rules over what a capture recorded, by the clock that the test moves.

use std::sync::Arc;

use super::Capture;
use crate::Error;
use crate::clock::Timestamp;
use crate::history::History;
use crate::internal::Internal;
use crate::names;
use crate::pipeline::precede;
use crate::rules::file::{ReadOptions, parse};
use crate::rules::{self, Active, Place, State};

/// Milliseconds between ticks of a group that names none.
const INTERVAL: i64 = 10_000;

/// Rules of a test's own; see [`Capture::rules`].
#[derive(Debug)]
pub struct Rules<'c> {
    capture: &'c Capture,
    groups: rules::Rules,
    config: rules::Config,
    history: History,
    /// When it was collected last.
    collected: Timestamp,
}

impl Capture {
    /// The rules of a Prometheus rule file, to be evaluated over what this capture records.
    ///
    /// ```
    /// use std::time::Duration;
    /// # fn main() -> Result<(), bellwether::Error> {
    /// let capture = bellwether::testing::capture();
    /// let mut rules = capture.rules(
    ///     "groups: [{name: g, rules: [{alert: PaymentLost, expr: 'increase(payments_lost_total[1m]) > 0', for: 30s}]}]",
    /// )?;
    /// capture.scope(|| tracing::info!(monotonic_counter.payments_lost = 1, "payment 7 is lost"));
    /// let states: Vec<Vec<&str>> = (0..5)
    ///     .map(|_| {
    ///         capture.advance(Duration::from_secs(10));
    ///         rules.evaluate().iter().map(|alert| alert.state.as_str()).collect()
    ///     })
    ///     .collect();
    /// assert_eq!(states, [["pending"], ["pending"], ["pending"], ["firing"], ["firing"]]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first mistake of the text, with its line and column.
    pub fn rules(&self, text: &str) -> Result<Rules<'_>, Error> {
        const NAME: &str = "rules.yml";
        let file = parse(NAME, text, &ReadOptions::default());
        if let Some(finding) = file.errors.first() {
            let (fault, place) = (&finding.fault, finding.fault.place);
            let message = format!("{}\n{}", fault.message, finding.excerpt);
            return Err(Error::file(NAME, place.line, place.column, message));
        }
        Ok(Rules {
            capture: self,
            groups: rules::Rules::new(vec![file]),
            config: rules::Config { interval: INTERVAL, ..rules::Config::default() },
            history: History::new(crate::history::Config::default(), Arc::new(Internal::default())),
            collected: Timestamp::default(),
        })
    }
}

impl Rules<'_> {
    /// Collects as things are now, evaluates every group whose tick has come since the last time, and returns the alerts
    /// that are pending or firing. Groups that name no interval tick every 10 seconds of the capture's clock.
    pub fn evaluate(&mut self) -> Vec<Active> {
        let mut snapshot = self.capture.snapshot();
        let own = snapshot.scopes.iter_mut().filter(|scope| scope.scope.name() == names::SCOPE);
        own.for_each(|scope| precede(&mut scope.metrics, self.collected));
        self.collected = snapshot.time;
        self.history.ingest(&snapshot);
        let clock = self.capture.clock();
        let place = Place { source: &self.history, sink: &self.history, config: &self.config, clock };
        let now = i64::try_from(snapshot.time.0 / 1_000_000).unwrap_or(i64::MAX);
        drop(self.groups.tick(now, &place));
        let rules = self.groups.groups().iter().flat_map(rules::Group::rules);
        rules.flat_map(rules::Rule::alerts).filter(|active| active.state != State::Inactive).cloned().collect()
    }
}
