//! Alertmanager, which groups and routes itself: it gets every alert by its API v2.
//!
//! What it did not take waits, the newest state of each alert once, so that an outage loses nothing and nothing comes
//! twice: Alertmanager merges what it knows already.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::http::Poster;
use super::{Trouble, json};
use crate::Error;
use crate::clock::Timestamp;
use crate::model::{Alert, Labels};
use crate::notifier::routing::{Http, Secret};

/// Alerts of one request, as Prometheus sends them.
const BATCH: usize = 256;
/// Wait after the first failure; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// One request at most, as in Prometheus.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One Alertmanager.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    name: String,
    /// Scheme, host and port.
    host: String,
    poster: Arc<Poster>,
    waiting: BTreeMap<Labels, Alert>,
    /// Alerts that may wait.
    limit: usize,
    busy: bool,
    failures: u32,
    not_before: Timestamp,
}

/// A request under way: what it holds.
#[derive(Debug)]
pub(crate) struct Batch {
    poster: Arc<Poster>,
    pub(crate) alerts: Vec<Alert>,
}

impl Batch {
    pub(crate) async fn send(&self) -> Result<(), Trouble> {
        self.poster.post(&json::alerts(self.alerts.iter())).await
    }
}

impl Alertmanager {
    /// `url` is the base, such as `http://localhost:9093`; the path of the API follows it.
    ///
    /// # Errors
    /// When the URL or a certificate file is not usable.
    pub(crate) fn new(name: String, url: &str, http: &Http, limit: usize) -> Result<Self, Error> {
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(Error::invalid(name, "***", "a URL such as http://localhost:9093"));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A user may stand before the host, with a password.
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = format!("{scheme}://{host}");
        let url = Secret::Text(format!("{}/api/v2/alerts", url.trim_end_matches('/')));
        let poster = Arc::new(Poster::new(url, http, Some(TIMEOUT), &name)?);
        let not_before = Timestamp(0);
        Ok(Self { name, host, poster, waiting: BTreeMap::new(), limit, busy: false, failures: 0, not_before })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it is, without credentials.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Takes news. Returns how many were refused for want of room.
    pub(crate) fn take(&mut self, alerts: &[Alert]) -> usize {
        let mut refused = 0;
        for alert in alerts {
            if self.waiting.len() >= self.limit && !self.waiting.contains_key(&alert.labels) {
                refused += 1;
            } else {
                self.waiting.insert(alert.labels.clone(), alert.clone());
            }
        }
        refused
    }

    /// Whether something waits or is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.busy
    }

    /// The next request. With `urgent`, without the wait after a failure.
    pub(crate) fn next(&mut self, now: Timestamp, urgent: bool) -> Option<Batch> {
        if self.busy || self.waiting.is_empty() || (now < self.not_before && !urgent) {
            return None;
        }
        self.busy = true;
        let alerts = self.waiting.values().take(BATCH).cloned().collect();
        Some(Batch { poster: Arc::clone(&self.poster), alerts })
    }

    /// The end of a request. Returns alerts that are lost because Alertmanager will never take them.
    pub(crate) fn done(&mut self, batch: &Batch, result: &Result<(), Trouble>, now: Timestamp) -> usize {
        self.busy = false;
        if let Err(Trouble::Again { after, .. }) = result {
            let grown = FIRST_WAIT.saturating_mul(1 << self.failures.min(10)).min(LONGEST_WAIT);
            self.failures += 1;
            self.not_before = now.plus(after.unwrap_or(grown).min(LONGEST_WAIT));
            return 0;
        }
        self.failures = 0;
        for alert in &batch.alerts {
            // What changed while it was under way is sent again.
            if self.waiting.get(&alert.labels) == Some(alert) {
                self.waiting.remove(&alert.labels);
            }
        }
        if result.is_err() { batch.alerts.len() } else { 0 }
    }

    /// How many alerts wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifier::fixtures::{alert, minutes};

    fn alertmanager(limit: usize) -> Alertmanager {
        Alertmanager::new("alertmanager".to_owned(), "http://127.0.0.1:1/", &Http::default(), limit).unwrap()
    }

    #[test]
    fn an_outage_keeps_the_newest_state_of_each_alert_and_sends_it_once() {
        let mut there = alertmanager(10);
        let (began, ended) = (alert(&[("alertname", "A")], 0, None), alert(&[("alertname", "A")], 0, Some(3)));
        there.take(&[began.clone(), alert(&[("alertname", "B")], 0, None)]);
        let batch = there.next(minutes(0), false).unwrap();
        assert!(there.next(minutes(0), false).is_none(), "one request at a time");
        let trouble = Err(Trouble::Again { why: String::new(), after: None });
        assert_eq!(there.done(&batch, &trouble, minutes(0)), 0);
        assert!(there.next(minutes(0), false).is_none(), "it waits after a failure");
        there.take(std::slice::from_ref(&ended));
        let batch = there.next(minutes(1), false).unwrap();
        assert_eq!(batch.alerts.len(), 2);
        assert!(batch.alerts.contains(&ended) && !batch.alerts.contains(&began));
        assert_eq!(there.done(&batch, &Ok(()), minutes(1)), 0);
        assert!(there.is_idle());
    }

    #[test]
    fn what_changes_while_it_is_under_way_is_sent_again_and_what_is_refused_is_counted() {
        let mut there = alertmanager(1);
        let news = [alert(&[("alertname", "A")], 0, None), alert(&[("alertname", "B")], 0, None)];
        assert_eq!(there.take(&news), 1);
        let batch = there.next(minutes(0), false).unwrap();
        there.take(&[alert(&[("alertname", "A")], 0, Some(1))]);
        there.done(&batch, &Ok(()), minutes(1));
        assert_eq!(there.waiting(), 1);
        let batch = there.next(minutes(1), false).unwrap();
        assert_eq!(there.done(&batch, &Err(Trouble::Refused(String::new())), minutes(1)), 1);
        assert!(there.is_idle());
    }
}
