//! What alerting in the process may be told.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::history;
use crate::notifier::{Channel, RateLimit};
use crate::rules::code::Rule;

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
///
/// What is not said here is taken from the configuration file (`distribution: bellwether: alerts:`) or from the variables
/// `BELLWETHER_RULE_FILES`, `BELLWETHER_ROUTING_FILE` and so on; files, Alertmanagers and external labels of both count.
#[must_use = "settings do nothing until `Builder::alerts`"]
#[derive(Clone, Default)]
pub struct Alerts {
    /// Whether rules are evaluated; `None`: what turns them on was not said.
    pub(crate) on: Option<bool>,
    pub(super) interval: Option<Duration>,
    /// Paths, or patterns of paths.
    pub(super) files: Vec<PathBuf>,
    /// Rule files that are part of the program: name and text.
    pub(super) texts: Vec<(String, String)>,
    /// Rules written in code.
    pub(super) code: Vec<Rule>,
    pub(super) default_rules: Option<bool>,
    pub(super) routing: Option<PathBuf>,
    pub(super) state: Option<PathBuf>,
    pub(super) strict: Option<bool>,
    pub(super) channels: Vec<(String, Arc<dyn Channel>)>,
    /// URLs.
    pub(super) alertmanagers: Vec<String>,
    pub(super) log: Option<bool>,
    pub(super) console: Option<bool>,
    pub(super) otlp: Option<bool>,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) trace_link: Option<String>,
    pub(super) external_url: Option<String>,
    pub(super) external_labels: Vec<(String, String)>,
    pub(super) resend_delay: Option<Duration>,
    pub(super) for_grace_period: Option<Duration>,
    pub(super) outage_tolerance: Option<Duration>,
    pub(super) history: Option<history::Config>,
}

impl Alerts {
    /// Time between two collections for the rules, which is the shortest interval that a group can have.
    pub const INTERVAL: Duration = Duration::from_secs(10);

    /// With the default rules and no others yet.
    pub fn new() -> Self {
        Self::turned(Some(true))
    }

    /// Nothing but the switch; `None`: others may turn it on.
    pub(crate) fn turned(on: Option<bool>) -> Self {
        Self { on, ..Self::default() }
    }

    /// A Prometheus rule file, or several by a pattern such as `/etc/search/rules/*.yml` (`*`, `?` and `[…]` within a
    /// name). They are read again when one changes, comes or goes; a file with mistakes then changes nothing and is told.
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
        self.default_rules = Some(on);
        self
    }

    /// Time between two collections for the rules, and of groups that name none. Default 10 s, at least 10 ms.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Whether one bad group stops the setup. Default no: the other groups run, and what is wrong is a warning.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = Some(strict);
        self
    }

    /// Routes and receivers in the form of `alertmanager.yml`.
    pub fn routing_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.routing = Some(path.into());
        self
    }

    /// An Alertmanager that gets every alert, such as `http://localhost:9093`.
    pub fn alertmanager(mut self, url: impl Into<String>) -> Self {
        self.alertmanagers.push(url.into());
        self
    }

    /// A channel of your own for a receiver of the routing file; without a file it gets every alert, grouped.
    pub fn channel(mut self, receiver: impl Into<String>, channel: impl Channel + 'static) -> Self {
        self.channels.push((receiver.into(), Arc::new(channel)));
        self
    }

    /// Whether each alert that begins or ends is an event in the host's log. Default yes.
    pub fn log(mut self, on: bool) -> Self {
        self.log = Some(on);
        self
    }

    /// Whether each alert that begins or ends is a line on standard error, in colours when that is a terminal: for
    /// programs that have no log there. Default no.
    pub fn console(mut self, on: bool) -> Self {
        self.console = Some(on);
        self
    }

    /// Whether each alert that begins or ends is a log record of its own ([`crate::names::ALERT_EVENT`]), sent where the
    /// other log records go. Default no.
    pub fn otlp(mut self, on: bool) -> Self {
        self.otlp = Some(on);
        self
    }

    /// How many messages each channel may say in a time. Default 30 in 10 minutes.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// Where people find a trace, with `{trace_id}` in it, such as `https://jaeger.example/trace/{trace_id}`. Alerts name
    /// up to [`crate::rules::TRACES`] traces of the series that fired, from their exemplars; with this they link them.
    pub fn trace_link(mut self, template: impl Into<String>) -> Self {
        self.trace_link = Some(template.into());
        self
    }

    /// Where people find this process: the base of the links to expressions in messages. Default nowhere.
    pub fn external_url(mut self, url: impl Into<String>) -> Self {
        self.external_url = Some(url.into());
        self
    }

    /// A label that every alert carries which leaves this process, unless it has one of that name; its series do not.
    pub fn external_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.external_labels.push((name.into(), value.into()));
        self
    }

    /// Where the state of alerts survives a restart, and a kill: where each alert stands, who was told what about it, and
    /// the id of this instance if it has no other, so that alerts keep their labels. One process at a time may use it; its
    /// folder must be there. Default nowhere: they begin anew.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state = Some(path.into());
        self
    }

    /// Time after which a firing alert is evaluated to be told again; the repeat interval of its route decides whether
    /// people hear it. Default 1 min, as Prometheus' `--rules.alert.resend-delay`.
    pub fn resend_delay(mut self, delay: Duration) -> Self {
        self.resend_delay = Some(delay);
        self
    }

    /// Time that a pending alert waits at least after a restart; one whose `for` is shorter begins anew. Default 10 min, as
    /// Prometheus' `--rules.alert.for-grace-period`.
    pub fn for_grace_period(mut self, period: Duration) -> Self {
        self.for_grace_period = Some(period);
        self
    }

    /// Age of a state beyond which alerts begin anew. Default 1 h, as Prometheus' `--rules.alert.for-outage-tolerance`.
    pub fn outage_tolerance(mut self, tolerance: Duration) -> Self {
        self.outage_tolerance = Some(tolerance);
        self
    }

    /// How far back series are kept at least, and how many at most. Rules that look back further extend the first.
    pub fn history(mut self, config: history::Config) -> Self {
        self.history = Some(config);
        self
    }
}

/// Everything but what channels hold. A URL is shown without what may be a secret.
impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Alerts");
        let mut field = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                shown.field(name, &format_args!("{value}"));
            }
        };
        field("on", some(self.on.as_ref()));
        field("interval", some(self.interval.as_ref()));
        field("files", many(&self.files));
        field("texts", many(&self.texts.iter().map(|(name, _)| name).collect::<Vec<_>>()));
        field("code", many(&self.code));
        field("default_rules", some(self.default_rules.as_ref()));
        field("routing", some(self.routing.as_ref()));
        field("state", some(self.state.as_ref()));
        field("strict", some(self.strict.as_ref()));
        field("channels", many(&self.channels.iter().map(|(receiver, _)| receiver).collect::<Vec<_>>()));
        field("alertmanagers", many(&self.alertmanagers.iter().map(|url| host(url)).collect::<Vec<_>>()));
        field("log", some(self.log.as_ref()));
        field("console", some(self.console.as_ref()));
        field("otlp", some(self.otlp.as_ref()));
        field("rate_limit", some(self.rate_limit.as_ref()));
        field("trace_link", some(self.trace_link.as_ref()));
        field("external_url", some(self.external_url.as_ref()));
        field("external_labels", many(&self.external_labels));
        field("resend_delay", some(self.resend_delay.as_ref()));
        field("for_grace_period", some(self.for_grace_period.as_ref()));
        field("outage_tolerance", some(self.outage_tolerance.as_ref()));
        field("history", some(self.history.as_ref()));
        shown.finish()
    }
}

fn some<T: fmt::Debug>(value: Option<&T>) -> Option<String> {
    value.map(|value| format!("{value:?}"))
}

fn many<T: fmt::Debug>(values: &[T]) -> Option<String> {
    (!values.is_empty()).then(|| format!("{values:?}"))
}

/// A URL up to its path, without user and password.
fn host(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}
