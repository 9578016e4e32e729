//! Who is told about which alert: the part of `alertmanager.yml` that does not need Alertmanager.
//!
//! Follows <https://prometheus.io/docs/alerting/latest/configuration/> for the route tree, grouping, inhibition, time
//! intervals and receivers (webhook, Slack, email). A file that Alertmanager takes is read unchanged: what bellwether
//! does not do (other receivers, silences) is a warning with its place. What Alertmanager would
//! refuse is an error.

mod email;
mod file;
mod intervals;
mod matchers;
mod receivers;
mod slack;
mod templates;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::email::{Email, Login, Threading};
#[cfg(feature = "email")]
pub(crate) use self::email::{host_and_port, is_header_name};
pub(crate) use self::intervals::TimeInterval;
pub use self::receivers::{Authorization, Http, Receiver, Secret, Webhook};
pub use self::slack::{Slack, SlackField};
use crate::Error;
use crate::clock::Timestamp;
use crate::model::{Labels, Matcher};

/// A routing file, read and checked.
#[derive(Debug, Clone)]
pub struct Routing {
    /// The root of the tree, which takes every alert.
    pub route: Route,
    /// Who can be told.
    pub receivers: Vec<Receiver>,
    /// Which alerts keep others quiet.
    pub inhibit_rules: Vec<InhibitRule>,
    /// After this time without news a firing alert counts as resolved. Default 5 min.
    pub resolve_timeout: Duration,
    intervals: BTreeMap<String, Vec<TimeInterval>>,
    /// What is right and has no effect here, each with its place.
    pub warnings: Vec<String>,
}

/// A node of the route tree.
#[derive(Debug, Clone)]
pub struct Route {
    /// Who is told.
    pub receiver: String,
    /// Which alerts are told together.
    pub group_by: GroupBy,
    /// How long the first message of a group waits for more alerts. Default 30 s.
    pub group_wait: Duration,
    /// How long news of a group wait after a message. Default 5 min.
    pub group_interval: Duration,
    /// After this time a message without news is said again. Default 4 h.
    pub repeat_interval: Duration,
    /// Names of intervals in which nothing is told.
    pub mute_time_intervals: Vec<String>,
    /// Names of intervals outside of which nothing is told; always when empty.
    pub active_time_intervals: Vec<String>,
    /// Which alerts come here; all when empty.
    pub matchers: Vec<Matcher>,
    /// Whether an alert that came here is offered to the routes after this one as well.
    pub proceed: bool,
    /// Routes below, tried in their order.
    pub routes: Vec<Route>,
    /// The place in the tree, for example `{}/{severity="critical"}/0`; names the route's groups.
    pub id: String,
}

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// These; alerts that have none of them are one group.
    Labels(Vec<String>),
    /// All (`...`): each alert is a group of its own.
    All,
}

/// While an alert that the source matchers accept fires, those that the target matchers accept are not told.
#[derive(Debug, Clone)]
pub struct InhibitRule {
    /// What keeps quiet.
    pub source: Vec<Matcher>,
    /// What is kept quiet.
    pub target: Vec<Matcher>,
    /// Labels on which both must agree; absent ones agree.
    pub equal: Vec<String>,
}

impl Routing {
    /// Reads a routing file; `file` is its name, for messages.
    ///
    /// # Errors
    /// The first thing that Alertmanager would refuse as well, with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        Ok(file::read(file, text)?)
    }

    /// One route without conditions to one receiver: what holds without a file.
    pub fn to_one(receiver: &str) -> Self {
        let receivers = vec![Receiver { name: receiver.to_owned(), ..Receiver::default() }];
        let route = Route::root(receiver);
        Self {
            route,
            receivers,
            inhibit_rules: Vec::new(),
            resolve_timeout: Self::RESOLVE_TIMEOUT,
            intervals: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Alertmanager's default.
    pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(300);

    /// The routes that an alert comes to, deepest first found; at least one.
    pub fn routes(&self, labels: &Labels) -> Vec<&Route> {
        let mut found = Vec::new();
        self.route.find(labels, &mut found);
        found
    }

    /// Whether a route says nothing at this time.
    pub fn is_mute(&self, route: &Route, now: Timestamp) -> bool {
        let within = |names: &[String]| {
            names.iter().filter_map(|name| self.intervals.get(name)).flatten().any(|interval| interval.contains(now))
        };
        within(&route.mute_time_intervals)
            || (!route.active_time_intervals.is_empty() && !within(&route.active_time_intervals))
    }

    /// Whether one of the firing alerts keeps an alert with these labels quiet. An alert that matches both sides of a
    /// rule is not kept quiet by one that does so too.
    pub fn is_inhibited<'a>(&self, labels: &Labels, firing: &(impl Iterator<Item = &'a Labels> + Clone)) -> bool {
        self.inhibit_rules.iter().filter(|rule| all(&rule.target, labels)).any(|rule| {
            let is_source = all(&rule.source, labels);
            firing.clone().any(|source| {
                all(&rule.source, source)
                    && !(is_source && all(&rule.target, source))
                    && rule.equal.iter().all(|name| source.get(name) == labels.get(name))
            })
        })
    }
}

impl Route {
    /// Alertmanager's defaults.
    pub const GROUP_WAIT: Duration = Duration::from_secs(30);
    /// Alertmanager's default.
    pub const GROUP_INTERVAL: Duration = Duration::from_secs(300);
    /// Alertmanager's default.
    pub const REPEAT_INTERVAL: Duration = Duration::from_secs(4 * 3600);

    fn root(receiver: &str) -> Self {
        Self {
            receiver: receiver.to_owned(),
            group_by: GroupBy::Labels(Vec::new()),
            group_wait: Self::GROUP_WAIT,
            group_interval: Self::GROUP_INTERVAL,
            repeat_interval: Self::REPEAT_INTERVAL,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            matchers: Vec::new(),
            proceed: false,
            routes: Vec::new(),
            id: String::from("{}"),
        }
    }

    fn find<'r>(&'r self, labels: &Labels, found: &mut Vec<&'r Self>) -> bool {
        if !all(&self.matchers, labels) {
            return false;
        }
        let before = found.len();
        for route in &self.routes {
            if route.find(labels, found) && !route.proceed {
                break;
            }
        }
        if found.len() == before {
            found.push(self);
        }
        true
    }

    /// The labels of the group that an alert belongs to.
    pub fn group(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => labels.filtered(|name| names.iter().any(|wanted| wanted == name)),
        }
    }
}

fn all(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

#[cfg(test)]
mod tests;
