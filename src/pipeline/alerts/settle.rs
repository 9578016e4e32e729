//! From what was said, in code and elsewhere, to what the stages need.

use std::sync::Arc;
use std::time::Duration;

use super::Alerts;
use crate::Error;
use crate::model::{Alert, Labels};
use crate::notifier::routing::Http;
use crate::notifier::{self, AlertmanagerEndpoint};
use crate::rules::{self, DEFAULT_FILE, DEFAULT_RULES, code};

/// The shortest interval: nothing may spin.
const SHORTEST: Duration = Duration::from_millis(10);

impl Alerts {
    /// These, and where they say nothing, the others; of lists, both.
    pub(crate) fn over(self, other: Self) -> Self {
        fn both<T>(own: Vec<T>, mut other: Vec<T>) -> Vec<T> {
            other.extend(own);
            other
        }
        Self {
            on: self.on.or(other.on),
            interval: self.interval.or(other.interval),
            files: both(self.files, other.files),
            texts: both(self.texts, other.texts),
            code: both(self.code, other.code),
            default_rules: self.default_rules.or(other.default_rules),
            routing: self.routing.or(other.routing),
            state: self.state.or(other.state),
            strict: self.strict.or(other.strict),
            channels: both(self.channels, other.channels),
            alertmanagers: both(self.alertmanagers, other.alertmanagers),
            log: self.log.or(other.log),
            console: self.console.or(other.console),
            otlp: self.otlp.or(other.otlp),
            rate_limit: self.rate_limit.or(other.rate_limit),
            trace_link: self.trace_link.or(other.trace_link),
            external_url: self.external_url.or(other.external_url),
            // Of two with one name the later counts.
            external_labels: both(self.external_labels, other.external_labels),
            resend_delay: self.resend_delay.or(other.resend_delay),
            for_grace_period: self.for_grace_period.or(other.for_grace_period),
            outage_tolerance: self.outage_tolerance.or(other.outage_tolerance),
            history: self.history.or(other.history),
        }
    }

    /// Whether anything beside the switch was said.
    pub(crate) fn says_something(&self) -> bool {
        format!("{:?}", Self { on: None, ..self.clone() }) != format!("{:?}", Self::default())
    }

    /// Whether alerts are to become log records.
    pub(crate) fn wants_records(&self) -> bool {
        self.otlp == Some(true)
    }

    pub(super) fn settled_interval(&self) -> Duration {
        self.interval.unwrap_or(Self::INTERVAL).max(SHORTEST)
    }

    /// Every rule file that is part of the program: name and text.
    pub(super) fn settled_texts(&self) -> Vec<(String, String)> {
        let default = self.default_rules.unwrap_or(true).then(|| (DEFAULT_FILE.to_owned(), DEFAULT_RULES.to_owned()));
        let code = (!self.code.is_empty()).then(|| (code::FILE.to_owned(), code::print(&self.code)));
        default.into_iter().chain(code).chain(self.texts.iter().cloned()).collect()
    }

    /// # Errors
    /// A template of links that is none.
    pub(super) fn settled_rules(&self) -> Result<rules::Config, Error> {
        let default = rules::Config::default();
        let or = |time: Option<Duration>, default: i64| time.map_or(default, millis);
        Ok(rules::Config {
            interval: millis(self.settled_interval()),
            resend_delay: or(self.resend_delay, default.resend_delay),
            for_grace_period: or(self.for_grace_period, default.for_grace_period),
            outage_tolerance: or(self.outage_tolerance, default.outage_tolerance),
            external_labels: Labels::new(self.external_labels.iter().cloned()),
            external_url: self.external_url.as_deref().unwrap_or_default().trim_end_matches('/').to_owned(),
            trace_link: self.trace_link.as_deref().map(trace_link).transpose()?.unwrap_or_default(),
            ..default
        })
    }

    /// All but the routing file.
    pub(super) fn settled_notifier(&self) -> notifier::Config {
        let endpoint = |url: &String| AlertmanagerEndpoint { url: url.clone(), http: Http::default() };
        notifier::Config {
            alertmanagers: self.alertmanagers.iter().map(endpoint).collect(),
            log: self.log.unwrap_or(true),
            rate_limit: self.rate_limit.unwrap_or_default(),
            ..notifier::Config::default()
        }
    }
}

fn trace_link(template: &str) -> Result<Arc<str>, Error> {
    let link = template.starts_with("http://") || template.starts_with("https://");
    if link && template.contains(Alert::TRACE_ID) && !template.contains(char::is_whitespace) {
        return Ok(template.into());
    }
    Err(Error::invalid("trace_link", template, "a URL such as https://jaeger.example/trace/{trace_id}"))
}

/// Milliseconds, at most what fits.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_code_says_counts_before_the_others_and_lists_are_joined() {
        let code =
            Alerts::new().strict(true).rule_file("code.yml").external_label("zone", "b").alertmanager("http://b");
        let other = Alerts::turned(None).strict(false).default_rules(false).rule_file("other.yml");
        let other = other.external_label("zone", "a").external_label("team", "x");
        let settled = code.over(other);
        assert_eq!((settled.on, settled.strict, settled.default_rules), (Some(true), Some(true), Some(false)));
        assert_eq!(settled.files, ["other.yml", "code.yml"].map(std::path::PathBuf::from));
        let labels = settled.settled_rules().unwrap().external_labels;
        assert_eq!(labels, Labels::new([("team", "x"), ("zone", "b")]));
    }

    #[test]
    fn a_link_without_a_place_for_the_id_is_an_error() {
        for template in ["https://jaeger/trace", "{trace_id}", "https://jaeger/{trace_id} x", "ftp://x/{trace_id}"] {
            let error = Alerts::new().trace_link(template).settled_rules().unwrap_err().to_string();
            assert!(error.contains("trace_link") && error.contains(template), "{error}");
        }
        assert!(Alerts::new().trace_link("http://x/{trace_id}?a=b").settled_rules().is_ok());
    }

    #[test]
    fn settings_show_no_password() {
        let alerts = Alerts::new().alertmanager("https://me:sesame@alerts:9093/path?key=sesame");
        let shown = format!("{alerts:?}");
        assert!(shown.contains("https://alerts:9093") && !shown.contains("sesame"), "{shown}");
        assert!(alerts.says_something() && !Alerts::new().says_something());
    }
}
