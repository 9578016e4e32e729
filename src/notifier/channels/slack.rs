//! Slack's incoming webhooks: <https://api.slack.com/messaging/webhooks>.

use serde_json::{Value, json};

use super::http::Poster;
use super::{Channel, Sending};
use crate::Error;
use crate::model::Alert;
use crate::notifier::routing::Slack;
use crate::notifier::{Notification, Severity};

/// Alerts that are described one by one; the rest is counted.
const DESCRIBED: usize = 20;
/// Characters of one alert's text.
const LONGEST: usize = 1_000;

/// `slack_configs`
#[derive(Debug)]
pub(crate) struct SlackChannel {
    name: String,
    poster: Poster,
    channel: Option<String>,
    username: Option<String>,
    icon_emoji: Option<String>,
    send_resolved: bool,
}

impl SlackChannel {
    /// # Errors
    /// When a certificate file is not usable.
    pub(crate) fn new(name: String, config: Slack) -> Result<Self, Error> {
        let poster = Poster::new(config.api_url, &config.http, config.timeout, &name)?;
        let Slack { channel, username, icon_emoji, send_resolved, .. } = config;
        Ok(Self { name, poster, channel, username, icon_emoji, send_resolved })
    }

    fn body(&self, notification: &Notification) -> Value {
        let title = escape(&notification.title());
        let mut lines: Vec<String> =
            notification.alerts.iter().take(DESCRIBED).map(|alert| line(alert, notification)).collect();
        if notification.alerts.len() > DESCRIBED {
            lines.push(format!("… and {} more", notification.alerts.len() - DESCRIBED));
        }
        if notification.suppressed > 0 {
            lines.push(format!("_{} earlier messages were held back by the rate limit_", notification.suppressed));
        }
        let color = match (notification.is_firing(), notification.severity()) {
            (false, _) => "good",
            (true, Severity::Info) => "#439fe0",
            (true, Severity::Warning) => "warning",
            (true, Severity::Critical | Severity::Emergency) => "danger",
        };
        let mut body = json!({
            "attachments": [{
                "title": title,
                "fallback": title,
                "text": lines.join("\n"),
                "color": color,
                "mrkdwn_in": ["text"],
            }],
        });
        for (key, value) in [("channel", &self.channel), ("username", &self.username), ("icon_emoji", &self.icon_emoji)]
        {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        body
    }
}

impl Channel for SlackChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn send<'a>(&'a self, notification: &'a Notification) -> Sending<'a> {
        Box::pin(async move { self.poster.post(&self.body(notification)).await })
    }
}

/// One alert: what it says, its labels that are not the group's, its traces.
fn line(alert: &Alert, notification: &Notification) -> String {
    let what = ["summary", "description", "message"].iter().find_map(|name| alert.annotations.get(name));
    let what = what.or_else(|| alert.labels.get("alertname")).unwrap_or("alert");
    let mark = if alert.is_firing(notification.time) { "" } else { "resolved: " };
    let own = alert.labels.filtered(|name| notification.group_labels.get(name).is_none());
    let own = own.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    let own = if own.is_empty() { own } else { format!(" (`{}`)", escape(&own).replace('`', "'")) };
    let trace = match (alert.trace_ids.first(), alert.trace_urls().next()) {
        (Some(trace), Some(url)) => format!(" <{}|trace {trace}>", escape(&url).replace('|', "%7C")),
        (Some(trace), None) => format!(" trace `{trace}`"),
        (None, _) => String::new(),
    };
    format!("• {mark}{}{own}{trace}", escape(what)).chars().take(LONGEST).collect()
}

/// The three characters that Slack asks to escape; with them escaped no label can mention people or make links.
/// <https://api.slack.com/reference/surfaces/formatting#escaping>
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;
    use crate::notifier::Reason;
    use crate::notifier::fixtures::{alert, minutes};
    use crate::notifier::routing::{Http, Secret};

    #[test]
    fn a_message_is_escaped_and_says_what_was_held_back() {
        let config = Slack {
            api_url: Secret::Text("http://127.0.0.1:1/x".to_owned()),
            http: Http::default(),
            channel: Some("#alerts".to_owned()),
            username: None,
            icon_emoji: None,
            send_resolved: false,
            timeout: None,
        };
        let slack = SlackChannel::new("slack".to_owned(), config).unwrap();
        let hostile = alert(&[("alertname", "Slow"), ("op", "<!channel> `x`")], 1, None);
        let hostile = Alert { annotations: Labels::new([("summary", "a < b & c")]), ..hostile };
        let notification = Notification {
            receiver: "team".to_owned(),
            group_key: String::new(),
            group_labels: Labels::new([("alertname", "Slow")]),
            alerts: vec![hostile],
            reason: Reason::First,
            time: minutes(5),
            suppressed: 2,
        };
        let body = slack.body(&notification);
        let text = body["attachments"][0]["text"].as_str().unwrap();
        assert_eq!(
            text,
            "• a &lt; b &amp; c (`op=&lt;!channel&gt; 'x'`)\n_2 earlier messages were held back by the rate limit_"
        );
        assert_eq!((&body["channel"], &body["attachments"][0]["color"]), (&json!("#alerts"), &json!("warning")));
        assert_eq!(body.get("username"), None);
    }
}
