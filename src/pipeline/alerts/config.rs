//! What alerting in the process may be told.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::notifier::routing::Http;
use crate::notifier::{self, AlertmanagerEndpoint, Channel, RateLimit};
use crate::rules::code::{self, Rule};
use crate::rules::{DEFAULT_FILE, DEFAULT_RULES};
use crate::{history, rules};

/// Alert rules evaluated in the process: over its own series, by Prometheus' rule files, seconds after the fact.
///
/// ```no_run
/// use bellwether::Alerts;
/// let _telemetry = bellwether::builder()
///     .alerts(
///         Alerts::new()
///             .rule_file("/etc/search/rules.yml")
///             .routing_file("/etc/search/alertmanager.yml")
///             .state_file("/var/lib/search/alerts.json"),
///     )
///     .init()?;
/// # Ok::<(), bellwether::Error>(())
/// ```
///
/// Every interval the series are collected under the names that Prometheus' OTLP receiver gives them, the rules are
/// evaluated, and alerts are told. Without a routing file and without channels of your own, alerts are events in the
/// host's log (target `bellwether::alert`) and nothing else.
#[must_use = "settings do nothing until `Builder::alerts`"]
#[derive(Clone)]
pub struct Alerts {
    pub(super) interval: Duration,
    pub(super) files: Vec<PathBuf>,
    /// Rule files that are part of the program: name and text.
    pub(super) texts: Vec<(String, String)>,
    /// Rules written in code.
    pub(super) code: Vec<Rule>,
    pub(super) default_rules: bool,
    pub(super) routing: Option<PathBuf>,
    pub(super) state: Option<PathBuf>,
    pub(super) strict: bool,
    pub(super) channels: Vec<(String, Arc<dyn Channel>)>,
    pub(super) notifier: notifier::Config,
    pub(super) rules: rules::Config,
    pub(super) history: history::Config,
}

impl Alerts {
    /// Time between two collections for the rules, which is the shortest interval that a group can have.
    pub const INTERVAL: Duration = Duration::from_secs(10);

    /// With the default rules and no others yet.
    pub fn new() -> Self {
        Self {
            interval: Self::INTERVAL,
            files: Vec::new(),
            texts: Vec::new(),
            code: Vec::new(),
            default_rules: true,
            routing: None,
            state: None,
            strict: false,
            channels: Vec::new(),
            notifier: notifier::Config::default(),
            rules: rules::Config { interval: millis(Self::INTERVAL), ..rules::Config::default() },
            history: history::Config::default(),
        }
    }

    /// A Prometheus rule file. It is read again when it changes; a file with mistakes then changes nothing and is told.
    pub fn rule_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// The text of a rule file that is part of the program; `name` is for messages.
    pub fn rules(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.texts.push((name.into(), text.into()));
        self
    }

    /// A simple rule, written in code.
    ///
    /// ```
    /// use bellwether::Alerts;
    /// use bellwether::rules::code::{Rule, minutes, ms};
    /// let alerts = Alerts::new().rule(Rule::p95("search").above(ms(200)).for_(minutes(5)));
    /// # drop(alerts);
    /// ```
    pub fn rule(mut self, rule: Rule) -> Self {
        self.code.push(rule);
        self
    }

    /// Whether the rules that bellwether brings are evaluated ([`crate::rules::DEFAULT_RULES`]): error ratio, latency,
    /// throughput, saturation, resources, exporter loss. Default yes.
    pub fn default_rules(mut self, on: bool) -> Self {
        self.default_rules = on;
        self
    }

    /// Time between two collections for the rules, and of groups that name none. Default 10 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(10));
        self.rules.interval = millis(self.interval);
        self
    }

    /// Whether one bad group stops the setup. Default no: the other groups run, and what is wrong is a warning.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Routes and receivers in the form of `alertmanager.yml`.
    pub fn routing_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.routing = Some(path.into());
        self
    }

    /// An Alertmanager that gets every alert, such as `http://localhost:9093`.
    pub fn alertmanager(mut self, url: impl Into<String>) -> Self {
        self.notifier.alertmanagers.push(AlertmanagerEndpoint { url: url.into(), http: Http::default() });
        self
    }

    /// A channel of your own for a receiver of the routing file; without a file it gets every alert, grouped.
    pub fn channel(mut self, receiver: impl Into<String>, channel: impl Channel + 'static) -> Self {
        self.channels.push((receiver.into(), Arc::new(channel)));
        self
    }

    /// Whether each alert that begins or ends is an event in the host's log. Default yes.
    pub fn log(mut self, on: bool) -> Self {
        self.notifier.log = on;
        self
    }

    /// How many messages each channel may say in a time. Default 30 in 10 minutes.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.notifier.rate_limit = limit;
        self
    }

    /// Where the state of alerts survives a restart; its folder must be there. Default nowhere: they begin anew.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state = Some(path.into());
        self
    }

    /// How far back series are kept at least, and how many at most. Rules that look back further extend the first.
    pub fn history(mut self, config: history::Config) -> Self {
        self.history = config;
        self
    }
}

impl Alerts {
    /// Every rule file that is part of the program: name and text.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let default = self.default_rules.then(|| (DEFAULT_FILE.to_owned(), DEFAULT_RULES.to_owned()));
        let code = (!self.code.is_empty()).then(|| (code::FILE.to_owned(), code::print(&self.code)));
        default.into_iter().chain(code).chain(self.texts.iter().cloned()).collect()
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts").field("files", &self.files).field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// Milliseconds, at most what fits.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
