//! One test: series, ticks, alerts and queries, as `cmd/promtool/unittest.go` of Prometheus runs it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::compare::{self, ShownAlert, ShownSample};
use super::difference::Style;
use super::report::{Report, Source};
use super::store::Store;
use super::{AlertTest, Case, ExpectedSample, Input, QueryTest, TestFile, TestGroup, Text};
use crate::check::args::TestArgs;
use crate::check::features;
use crate::clock::Clock;
use crate::model::{Labels, Sample, SampleValue, print_duration};
use crate::promql::histogram::TestNotation;
use crate::promql::notation::{self, SequenceValue};
use crate::promql::{self, Experiments, Value};
use crate::rules::{ALERT_NAME, Config, Group, Health, Place, Rule, RuleFile, Sink, State};

/// Samples that a query of a test may hold, as in promtool.
const MAX_SAMPLES: usize = 10_000;

/// Runs the test that is the `at`th of its file.
pub(super) fn case(
    at: usize,
    group: &TestGroup,
    file: &TestFile,
    source: Source<'_>,
    rules: &[RuleFile],
    args: &TestArgs,
) -> Case {
    let name = if group.name.is_empty() { format!("test {}", at + 1) } else { group.name.clone() };
    let (clock, debug) = (Clock::system(), args.debug);
    let start = clock.ticks();
    let mut run = Run::new(group, file, Report::new(source, name.clone()), args);
    // Failures of alerts do not keep queries from being tested, those of rules do.
    if let Some(input) = run.input()
        && run.ticks(input, rules)
    {
        group.queries.iter().for_each(|test| run.query(test));
    }
    let took = Duration::from_nanos(clock.ticks().saturating_sub(start));
    let samples =
        if debug { format!("DEBUG: {name} took {took:?}; every sample:\n{}", run.store) } else { String::new() };
    Case { name, failures: run.report.failures, debug: samples }
}

struct Run<'a> {
    group: &'a TestGroup,
    file: &'a TestFile,
    experiments: Experiments,
    config: Config,
    store: Store,
    report: Report<'a>,
    style: Style,
}

/// The samples of one series that are not yet in the store, the latest first.
type Pending = (Labels, Vec<Sample>);

impl<'a> Run<'a> {
    fn new(group: &'a TestGroup, file: &'a TestFile, report: Report<'a>, args: &TestArgs) -> Self {
        let promql = promql::Options {
            default_step_ms: file.evaluation_interval,
            max_samples: MAX_SAMPLES,
            ..features::options(&args.enable_feature)
        };
        let config = Config {
            interval: group.interval,
            external_labels: group.external_labels.clone(),
            external_url: group.external_url.clone(),
            promql,
            ..Config::default()
        };
        let experiments = features::experiments(&args.enable_feature);
        let style = if args.diff { Style::Lines } else { Style::Sets };
        Self { group, file, experiments, config, store: Store::default(), report, style }
    }

    /// The input series; `None` after a failure. Of a series that is there twice the last one counts.
    fn input(&mut self) -> Option<Vec<Pending>> {
        let mut all = BTreeMap::new();
        for input in &self.group.input {
            let (labels, values) = self.series(input)?;
            let times = (0_i64..).map(|at| self.group.start + at * self.group.interval);
            let sample = |(time, value)| match value {
                SequenceValue::Omitted => None,
                SequenceValue::Float(value) => Some(Sample { time, start: 0, value: SampleValue::Float(value) }),
                SequenceValue::Histogram { value, .. } => {
                    Some(Sample { time, start: 0, value: SampleValue::Histogram(value) })
                }
            };
            let mut samples: Vec<Sample> = times.zip(values).filter_map(sample).collect();
            samples.reverse();
            all.insert(labels, samples);
        }
        Some(all.into_iter().collect())
    }

    fn series(&mut self, input: &Input) -> Option<(Labels, Vec<SequenceValue>)> {
        let Input { place, series, values } = input;
        match notation::parse_series(&format!("{} {}", series.text, values.text)) {
            Ok(read) => Some((read.labels, read.values)),
            Err(errors) => {
                // The two texts were read as one.
                let mut span = errors.first().span;
                let values_begin = series.text.len() + 1;
                let text = if span.start < values_begin { series } else { values };
                span.start = span.start.checked_sub(values_begin).unwrap_or(span.start);
                self.report.fail_within(text, span, *place, format!("input series: {}", errors.first().message));
                None
            }
        }
    }

    /// Evaluates all rules at every tick and compares alerts. Returns whether every rule could be evaluated.
    fn ticks(&mut self, mut input: Vec<Pending>, rules: &[RuleFile]) -> bool {
        let mut groups = self.groups(rules);
        let mut tests: Vec<&AlertTest> = self.group.alerts.iter().collect();
        tests.sort_by_key(|test| test.eval_time);
        let mut tests = tests.into_iter().peekable();
        let alert_times = self.group.alerts.iter().map(|test| test.eval_time);
        let query_times = self.group.queries.iter().map(|test| test.eval_time);
        let last = alert_times.chain(query_times).max().unwrap_or(0);
        let interval = self.file.evaluation_interval;
        let clock = Clock::system();
        let mut tick = 0;
        while tick <= last {
            let now = self.group.start.saturating_add(tick);
            self.load(&mut input, now);
            let place = Place { source: &self.store, sink: &self.store, config: &self.config, clock: &clock };
            for group in &mut groups {
                // What is to be told to people is not the matter of a test.
                drop(group.eval(now, &place));
            }
            if self.rules_failed(&groups, tick) {
                return false;
            }
            while let Some(test) = tests.next_if(|test| test.eval_time < tick.saturating_add(interval)) {
                self.alerts(test, &groups);
            }
            tick = tick.saturating_add(interval);
        }
        true
    }

    /// The groups of all files, those that the test file names in its order.
    fn groups(&self, rules: &[RuleFile]) -> Vec<Group> {
        let all = rules.iter().flat_map(|file| file.groups.iter().map(|spec| Group::new(&file.name, spec.clone())));
        let mut groups: Vec<Group> = all.collect();
        let order = |group: &Group| self.file.group_order.iter().position(|name| name == group.name());
        groups.sort_by_key(|group| order(group).unwrap_or(0));
        groups
    }

    /// Puts samples up to a time into the store.
    fn load(&mut self, input: &mut [Pending], until: i64) {
        for (labels, samples) in input {
            while let Some(sample) = samples.pop_if(|sample| sample.time <= until) {
                if !self.store.append(labels, sample) {
                    let message = format!("input series {labels}: a rule has written another sample at that time");
                    self.report.fail(self.group.place, message);
                }
            }
        }
    }

    fn rules_failed(&mut self, groups: &[Group], tick: i64) -> bool {
        let mut failed = false;
        for (group, rule) in groups.iter().flat_map(|group| group.rules().iter().map(move |rule| (group, rule))) {
            let why = match rule.health() {
                Health::Bad(why) => why,
                _ if rule.refused() > 0 => "there is another sample at that time already",
                _ => continue,
            };
            let (name, place) = (&rule.spec().name, rule.spec().place);
            let rule = format!("rule {name:?} ({}:{}:{})", group.file(), place.line, place.column);
            self.report.fail(self.group.place, format!("{rule} at {}: {why}", print_duration(tick)));
            failed = true;
        }
        failed
    }

    /// The alerts that fire as of the last tick.
    fn alerts(&mut self, test: &AlertTest, groups: &[Group]) {
        let rules = groups.iter().flat_map(Group::rules).filter(|rule| rule.spec().name == test.alertname);
        let firing = rules.flat_map(Rule::alerts).filter(|active| active.state == State::Firing);
        let got =
            firing.map(|active| ShownAlert { labels: active.labels.clone(), annotations: active.annotations.clone() });
        let expected = test.expected.iter().map(|(labels, annotations)| {
            let own = labels.iter().map(|(name, value)| (&**name, &**value));
            // Every alert has its name as a label, which a test need not write.
            let labels = Labels::new(own.chain([(ALERT_NAME, test.alertname.as_str())]));
            ShownAlert { labels, annotations: annotations.clone() }
        });
        if let Some(difference) = compare::alerts(expected.collect(), got.collect(), self.style) {
            let time = print_duration(test.eval_time);
            self.report.fail(test.place, format!("alert {:?} at {time}:{difference}", test.alertname));
        }
    }

    fn query(&mut self, test: &QueryTest) {
        let Some(got) = self.evaluate(test) else { return };
        let mut expected = Vec::new();
        for sample in &test.expected {
            let Some(sample) = self.expected(sample) else { return };
            expected.push(sample);
        }
        if let Some(difference) = compare::samples(expected, got, self.style, self.file.fuzzy) {
            let message = format!("{} at {}:{difference}", test.expr.text.trim(), print_duration(test.eval_time));
            self.report.fail(test.place, message);
        }
    }

    /// What the query gives; `None` after a failure.
    fn evaluate(&mut self, test: &QueryTest) -> Option<Vec<ShownSample>> {
        let expr = match promql::parse_with(&test.expr.text, self.experiments) {
            Ok(expr) => expr,
            Err(errors) => {
                self.report.unreadable(&test.expr, test.place, "expr", &errors);
                return None;
            }
        };
        let at = self.group.start.saturating_add(test.eval_time);
        let answer = promql::instant(&self.store, &expr, at, &self.config.promql);
        let number = |labels, value| ShownSample { labels, value, histogram: String::new() };
        match answer.map(|answer| answer.value) {
            Ok(Value::Scalar(value)) => Some(vec![number(Labels::default(), value)]),
            Ok(Value::Vector(series)) => {
                let shown = |series: promql::Instant| match series.value {
                    SampleValue::Float(value) => number(series.labels, value),
                    SampleValue::Histogram(histogram) => {
                        ShownSample { histogram: TestNotation(&histogram).to_string(), ..number(series.labels, 0.0) }
                    }
                };
                Some(series.into_iter().map(shown).collect())
            }
            Ok(Value::String(_) | Value::Matrix(_)) => {
                self.report.fail(test.place, "the query gives neither a vector nor a scalar");
                None
            }
            Err(error) => {
                let message = format!("at {}: {}", print_duration(test.eval_time), error.message);
                self.report.fail_within(&test.expr, error.span, test.place, message);
                None
            }
        }
    }

    fn expected(&mut self, sample: &ExpectedSample) -> Option<ShownSample> {
        let ExpectedSample { place, labels, value, histogram } = sample;
        let read = match notation::parse_metric(&labels.text) {
            Ok(read) => read,
            Err(errors) => {
                self.report.unreadable(labels, *place, "labels", &errors);
                return None;
            }
        };
        let histogram = if histogram.text.is_empty() { String::new() } else { self.histogram(histogram, *place)? };
        Some(ShownSample { labels: read, value: *value, histogram })
    }

    /// A histogram as its notation is printed.
    fn histogram(&mut self, text: &Text, or: crate::yaml::Place) -> Option<String> {
        let read = notation::parse_series(&format!("{{}} {}", text.text)).map(|series| series.values);
        let wrong = match read.as_deref() {
            Ok([SequenceValue::Histogram { value, .. }]) => return Some(TestNotation(value).to_string()),
            Ok(_) => "expected one histogram".to_owned(),
            Err(errors) => errors.first().message.clone(),
        };
        self.report.fail(text.node.as_ref().map_or(or, |node| node.place), format!("histogram: {wrong}"));
        None
    }
}
