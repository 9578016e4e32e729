//! `info`: labels of info metrics of the same instance and job, added to series (`info.go`, an experiment of Prometheus).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::binary::in_braces;
use super::collect::{Collector, same_labels};
use super::labels::with;
use super::matrix::{Grid, Matrix};
use super::select::ends;
use super::{EvalError, Evaluator};
use crate::history::{MatchOp, Matcher, Selected};
use crate::model::{Labels, METRIC_NAME, SampleValue};
use crate::promql::plan::Info;

const TARGET_INFO: &str = "target_info";
/// Series with the same values of these are about the same target.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What is asked of info metrics, apart from the target.
struct Wanted {
    /// Of their names; never empty.
    names: Vec<Matcher>,
    /// Of their other labels; when there is one, only labels that are asked about are added.
    labels: Vec<Matcher>,
}

/// An info series: its labels, and the time of its newest sample when the vector of each step was selected.
struct Known {
    labels: Labels,
    times: Vec<Option<i64>>,
}

impl Wanted {
    fn of(matchers: Option<&[Matcher]>) -> Result<Self, regex::Error> {
        let (mut names, labels): (Vec<_>, Vec<_>) =
            matchers.unwrap_or_default().iter().cloned().partition(|matcher| matcher.name() == METRIC_NAME);
        let positive = |matcher: &Matcher| matches!(matcher.op(), MatchOp::Equal | MatchOp::Matches);
        if names.is_empty() {
            names.push(Matcher::new(METRIC_NAME, MatchOp::Equal, TARGET_INFO)?);
        } else if !names.iter().any(positive) {
            names.insert(0, Matcher::new(METRIC_NAME, MatchOp::Matches, ".+_info")?);
        }
        Ok(Self { names, labels })
    }

    /// Whether a series is an info metric itself.
    fn names(&self, labels: &Labels) -> bool {
        let name = labels.metric_name().unwrap_or_default();
        self.names.iter().all(|matcher| matcher.accepts(name))
    }

    /// Whether a label of an info series is to be added.
    fn takes(&self, name: &str) -> bool {
        name != METRIC_NAME && (self.labels.is_empty() || self.labels.iter().any(|matcher| matcher.name() == name))
    }

    /// Whether a series without info is kept.
    fn may_lack(&self) -> bool {
        self.labels.iter().all(|matcher| matcher.accepts(""))
    }
}

impl Evaluator<'_> {
    pub(super) fn info(&mut self, info: &Info, grid: Grid) -> Result<Matrix, EvalError> {
        let matrix = self.vector(&info.vector, grid)?;
        let fault = |what: String| EvalError::new(what, info.span);
        let wanted = Wanted::of(info.matchers.as_deref()).map_err(|error| fault(error.to_string()))?;
        let known = self.known(info, &wanted, &matrix, grid)?;
        let names: BTreeSet<&str> = known.iter().map(|known| known.labels.metric_name().unwrap_or_default()).collect();
        let mut out = Collector::new(grid.count, info.span);
        let mut rows: HashMap<Labels, usize> = HashMap::new();
        for step in 0..grid.count {
            let newest = newest(&known, step).map_err(fault)?;
            for (series, row) in matrix.rows() {
                let Some(value) = &row[step] else { continue };
                let labels = if wanted.names(&series.labels) {
                    Some(series.labels.clone())
                } else {
                    enriched(&series.labels, &names, &newest, &wanted).map_err(fault)?
                };
                let Some(labels) = labels else { continue };
                let add = |labels: &Labels| out.row(labels.clone(), series.drop_name);
                let row = *rows.entry(labels).or_insert_with_key(add);
                out.set(row, step, value.clone()).map_err(|_| same_labels(info.span))?;
            }
            self.check(out.series().len())?;
        }
        Ok(out.finish())
    }

    /// The info series of the targets in the matrix.
    fn known(&self, info: &Info, wanted: &Wanted, matrix: &Matrix, grid: Grid) -> Result<Vec<Known>, EvalError> {
        let mut values: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for series in matrix.series.iter().filter(|series| !wanted.names(&series.labels)) {
            for name in IDENTIFYING {
                if let Some(value) = series.labels.get(name) {
                    values.entry(name).or_default().insert(regex::escape(value));
                }
            }
        }
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let targets = values.into_iter().map(|(name, values)| {
            let any = values.into_iter().collect::<Vec<_>>().join("|");
            Matcher::new(name, MatchOp::Matches, any).map_err(|error| EvalError::new(error.to_string(), info.span))
        });
        let mut matchers = targets.collect::<Result<Vec<_>, _>>()?;
        matchers.extend(wanted.labels.iter().chain(&wanted.names).cloned());
        let lookback = self.options.lookback_ms;
        let after = info.when.of(grid.start).saturating_sub(lookback);
        let selected = self.source.select(&matchers, after, info.when.of(grid.last()));
        self.room(selected.len(), grid, info.span)?;
        selected.into_iter().map(|selected| known(selected, grid, lookback, info)).collect()
    }
}

fn known(selected: Selected, grid: Grid, lookback: i64, info: &Info) -> Result<Known, EvalError> {
    let Selected { labels, samples } = selected;
    let mut times = Vec::with_capacity(grid.count);
    for time in grid.times().map(|time| info.when.of(time)) {
        let until = samples.partition_point(|sample| sample.time <= time);
        let newest = until.checked_sub(1).map(|at| &samples[at]);
        let newest = newest.filter(|sample| sample.time > time.saturating_sub(lookback) && !ends(&sample.value));
        if newest.is_some_and(|sample| matches!(sample.value, SampleValue::Histogram(_))) {
            let series = in_braces(&labels);
            let message = format!("this should be an info metric, with float samples: {series}");
            return Err(EvalError::new(message, info.span));
        }
        times.push(newest.map(|sample| sample.time));
    }
    Ok(Known { labels, times })
}

/// Name, instance and job.
type Target<'a> = (&'a str, [Option<&'a str>; 2]);

fn target<'a>(name: &'a str, labels: &'a Labels) -> Target<'a> {
    (name, IDENTIFYING.map(|name| labels.get(name)))
}

/// The info series of each target that has the newest sample.
fn newest(known: &[Known], step: usize) -> Result<HashMap<Target<'_>, &Labels>, String> {
    let mut newest: HashMap<Target<'_>, (&Labels, i64)> = HashMap::new();
    for Known { labels, times } in known {
        let Some(time) = times[step] else { continue };
        let target = target(labels.metric_name().unwrap_or_default(), labels);
        match newest.get(&target) {
            Some((_, other)) if *other > time => {}
            Some((existing, other)) if *other == time => {
                let (existing, labels) = (in_braces(existing), in_braces(labels));
                return Err(format!(
                    "found duplicate series for info metric: existing {existing} @ {other}, new {labels} @ {time}"
                ));
            }
            _ => {
                newest.insert(target, (labels, time));
            }
        }
    }
    Ok(newest.into_iter().map(|(target, (labels, _))| (target, labels)).collect())
}

/// The labels with those of its info series; `None` when one is asked for and there is none.
fn enriched<'a>(
    labels: &'a Labels,
    names: &BTreeSet<&'a str>,
    newest: &HashMap<Target<'a>, &'a Labels>,
    wanted: &Wanted,
) -> Result<Option<Labels>, String> {
    let mut added: BTreeMap<&Arc<str>, &Arc<str>> = BTreeMap::new();
    let mut found = false;
    for name in names {
        let Some(info) = newest.get(&target(name, labels)) else { continue };
        found = true;
        for (name, value) in info.iter().filter(|(name, _)| wanted.takes(name)) {
            if added.get(name).is_some_and(|other| *other != value) {
                return Err(format!("conflicting label: {name}"));
            }
            if labels.get(name).is_none() {
                added.insert(name, value);
            }
        }
    }
    if !found && !wanted.may_lack() {
        return Ok(None);
    }
    Ok(Some(added.into_iter().fold(labels.clone(), |labels, (name, value)| with(&labels, name, value))))
}
