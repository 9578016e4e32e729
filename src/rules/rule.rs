//! A rule under evaluation.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::active::{Active, State};
use super::alerting::Alerting;
use super::diagnosis::Diagnosis;
use super::file::{Kind, RuleSpec};
use super::place::Place;
use super::recording::record;
use super::traces::{Recorded, Traces};
use crate::model::{Alert, Labels, STALE, Sample, SampleValue};

/// Remarks of the last evaluation that are kept.
const REMARKS: usize = 10;

/// How the last evaluation of a rule went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// There was none yet.
    #[default]
    Unknown,
    /// Well.
    Good,
    /// It failed, and why.
    Bad(String),
}

impl Health {
    /// As Prometheus' API writes it: `unknown`, `ok`, `err`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "ok",
            Self::Bad(_) => "err",
        }
    }
}

/// A rule and what became of it.
#[derive(Debug)]
pub struct Rule {
    spec: Arc<RuleSpec>,
    pub(super) alerting: Alerting,
    /// The series that it made last.
    pub(super) previous: BTreeSet<Labels>,
    pub(super) diagnosis: Diagnosis,
    health: Health,
    remarks: Vec<String>,
    evaluated_at: Option<i64>,
    took: Duration,
    failures: u64,
    refused: u64,
}

impl Rule {
    pub(super) fn new(spec: RuleSpec) -> Self {
        Self {
            spec: Arc::new(spec),
            alerting: Alerting::default(),
            previous: BTreeSet::new(),
            diagnosis: Diagnosis::default(),
            health: Health::Unknown,
            remarks: Vec::new(),
            evaluated_at: None,
            took: Duration::ZERO,
            failures: 0,
            refused: 0,
        }
    }

    /// The rule as it is written.
    pub fn spec(&self) -> &RuleSpec {
        &self.spec
    }

    /// The same for those who look at it later.
    pub(super) fn shared_spec(&self) -> &Arc<RuleSpec> {
        &self.spec
    }

    /// Its alerts, resolved ones included, by their labels. Empty for a recording.
    pub fn alerts(&self) -> impl Iterator<Item = &Active> {
        self.alerting.active.values()
    }

    /// The state of the alert that is furthest in its life; `None` for a recording.
    pub fn state(&self) -> Option<State> {
        let states = self.alerts().map(|active| active.state).max();
        (self.spec.kind == Kind::Alert).then(|| states.unwrap_or(State::Inactive))
    }

    /// How the last evaluation went.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// What the evaluator had to remark last time, with line and column in the expression; few.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The tick of the last evaluation, milliseconds since the Unix epoch.
    pub fn evaluated_at(&self) -> Option<i64> {
        self.evaluated_at
    }

    /// How long the last evaluation took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Evaluations that failed so far.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Samples so far that the place for series did not take.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Evaluates and writes the series. What vanished since last time is marked as stale; after a failure nothing is.
    pub(super) fn evaluate(&mut self, now: i64, offset: i64, limit: usize, place: &Place<'_>) {
        let start = place.clock.ticks();
        self.evaluated_at = Some(now);
        match self.series(now, offset, limit, place) {
            Ok(series) => {
                self.health = Health::Good;
                self.write(series, now - offset, place);
            }
            Err(why) => {
                self.failures += 1;
                self.health = Health::Bad(why);
            }
        }
        self.took = Duration::from_nanos(place.clock.ticks().saturating_sub(start));
    }

    fn series(
        &mut self,
        now: i64,
        offset: i64,
        limit: usize,
        place: &Place<'_>,
    ) -> Result<Vec<(Labels, Sample)>, String> {
        let (found, annotations) = place.vector(&self.spec.expr, now - offset)?;
        self.remarks = annotations.iter().take(REMARKS).map(|note| note.text(&self.spec.text)).collect();
        match self.spec.kind {
            Kind::Alert => self.alerting.update(&self.spec, &found, now, offset, limit, place),
            Kind::Record => record(&self.spec, found, now - offset, limit),
        }
    }

    fn write(&mut self, series: Vec<(Labels, Sample)>, time: i64, place: &Place<'_>) {
        let mut written = BTreeSet::new();
        for (labels, sample) in series {
            if place.sink.append(&labels, sample) {
                written.insert(labels);
            } else {
                self.refused += 1;
            }
        }
        for gone in self.previous.difference(&written) {
            mark_stale(gone, time, place);
        }
        self.previous = written;
    }

    /// The alerts that are to be told, marked as told.
    pub(super) fn due(&mut self, now: i64, interval: i64, recorded: &Recorded, place: &Place<'_>) -> Vec<Alert> {
        let config = place.config;
        let generator_url = match config.external_url.as_str() {
            "" => String::new(),
            url => format!("{url}{}", crate::template::table_link(&self.spec.expr.to_string())),
        };
        let failed = matches!(self.health, Health::Bad(_));
        let due = self.alerting.active.values_mut().filter(|active| active.needs_sending(now, config.resend_delay));
        let (mut traces, spec) = (None, &self.spec);
        let tell = |active: &mut Active| {
            active.last_sent_at = Some(now);
            // Traces of the time in which the expression held are kept for later messages.
            if active.resolved_at.is_none() && active.keep_firing_since.is_none() {
                let found = traces.get_or_insert_with(|| Traces::find(spec, now, recorded, place)).of(active);
                active.trace_ids = if found.is_empty() { std::mem::take(&mut active.trace_ids) } else { found };
            }
            active.alert(now, interval.max(config.resend_delay), config, &generator_url)
        };
        // Of an evaluation that failed nothing is known, and nothing is told.
        if failed { Vec::new() } else { due.map(tell).collect() }
    }
}

/// Ends a series. Another rule may have gone on with it at this time, and then this has no effect.
pub(super) fn mark_stale(labels: &Labels, time: i64, place: &Place<'_>) {
    let _taken = place.sink.append(labels, Sample { time, start: 0, value: SampleValue::Float(STALE) });
}
