//! Slack's incoming webhooks: <https://api.slack.com/messaging/webhooks>.

use serde_json::{Value, json};

use super::filled::{Escape, fill, template};
use super::http::Poster;
use super::{Channel, Sending};
use crate::Error;
use crate::model::Alert;
use crate::notifier::routing::Slack;
use crate::notifier::{Notification, Severity};
use crate::template::message::{Form, MessageTemplate};

/// Alerts that are described one by one; the rest is counted.
const DESCRIBED: usize = 20;
/// Characters of one alert's text.
const LONGEST: usize = 1_000;

/// `slack_configs`
#[derive(Debug)]
pub(crate) struct SlackChannel {
    name: String,
    poster: Poster,
    /// By their keys.
    texts: Vec<(String, MessageTemplate)>,
    fields: Vec<Field>,
    link_names: bool,
    mrkdwn_in: Vec<String>,
    send_resolved: bool,
}

#[derive(Debug)]
struct Field {
    title: MessageTemplate,
    value: MessageTemplate,
    short: bool,
}

impl SlackChannel {
    /// # Errors
    /// When a certificate file or a template is not usable.
    pub(crate) fn new(name: String, config: Slack) -> Result<Self, Error> {
        let library = &config.templates;
        let read = |key: &str, text: &str| template(&name, key, text, library, Form::Text);
        let wanted = config.texts.iter().filter(|(_, text)| !text.is_empty());
        let texts = wanted.map(|(key, text)| Ok::<_, Error>((key.clone(), read(key, text)?)));
        let texts = texts.collect::<Result<_, _>>()?;
        let fields = config.fields.iter().map(|field| {
            let (title, value) = (read("fields: title", &field.title)?, read("fields: value", &field.value)?);
            Ok::<_, Error>(Field { title, value, short: field.short.unwrap_or(config.short_fields) })
        });
        let fields = fields.collect::<Result<_, _>>()?;
        let poster = Poster::new(config.api_url, &config.http, config.timeout, &name)?;
        let Slack { link_names, mrkdwn_in, send_resolved, .. } = config;
        Ok(Self { name, poster, texts, fields, link_names, mrkdwn_in, send_resolved })
    }

    fn body(&self, notification: &Notification) -> Value {
        let mut failed = Vec::new();
        let mut filled = |key: &str, template: &MessageTemplate| {
            let text = fill(template, notification, ESCAPE);
            text.map_err(|why| failed.push(format!("_the template of {key} failed: {}_", escape(&why)))).ok()
        };
        let mut attachment = default(notification);
        let mut body = json!({});
        for (key, template) in &self.texts {
            let Some(text) = filled(key, template) else { continue };
            if OUTSIDE.contains(&key.as_str()) {
                body[key] = json!(text);
            } else {
                attachment[key] = json!(text);
            }
        }
        let fields: Vec<Value> = self
            .fields
            .iter()
            .filter_map(|field| {
                let (title, value) = (filled("fields", &field.title)?, filled("fields", &field.value)?);
                Some(json!({"title": title, "value": value, "short": field.short}))
            })
            .collect();
        if !fields.is_empty() {
            attachment["fields"] = json!(fields);
        }
        if !self.mrkdwn_in.is_empty() {
            attachment["mrkdwn_in"] = json!(self.mrkdwn_in);
        }
        if notification.suppressed > 0 {
            let held_back = format!("_{} earlier messages were held back by the rate limit_", notification.suppressed);
            failed.push(held_back);
        }
        let text = attachment["text"].as_str().unwrap_or_default().to_owned();
        let lines = [text].into_iter().chain(failed).filter(|line| !line.is_empty()).collect::<Vec<_>>();
        attachment["text"] = json!(lines.join("\n"));
        if self.link_names {
            body["link_names"] = json!(true);
        }
        body["attachments"] = json!([attachment]);
        body
    }
}

/// Keys that stand beside the attachment and not in it.
const OUTSIDE: [&str; 4] = ["channel", "username", "icon_emoji", "icon_url"];

/// What is said where no template says something else.
fn default(notification: &Notification) -> Value {
    let title = escape(&notification.title());
    let mut lines: Vec<String> =
        notification.alerts.iter().take(DESCRIBED).map(|alert| line(alert, notification)).collect();
    if notification.alerts.len() > DESCRIBED {
        lines.push(format!("… and {} more", notification.alerts.len() - DESCRIBED));
    }
    let color = match (notification.is_firing(), notification.severity()) {
        (false, _) => "good",
        (true, Severity::Info) => "#439fe0",
        (true, Severity::Warning) => "warning",
        (true, Severity::Critical | Severity::Emergency) => "danger",
    };
    json!({
        "title": title,
        "fallback": title,
        "text": lines.join("\n"),
        "color": color,
        "mrkdwn_in": ["pretext", "text", "fields"],
    })
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

/// In a template a label is escaped. An annotation is written by whoever wrote the rule and may hold links; it still
/// mentions nobody, because a label may have come into it.
const ESCAPE: Escape = Escape {
    label: escape,
    annotation: |text| text.replace("<!", "&lt;!").replace("<@", "&lt;@").replace("<#", "&lt;#"),
};

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
    use crate::notifier::routing::Routing;

    fn notification() -> Notification {
        let hostile = alert(&[("alertname", "Slow <!here>"), ("op", "<!channel> `x`")], 1, None);
        let summary = ("summary", "a < b & c <!channel> <https://x|link>");
        Notification {
            receiver: "team".to_owned(),
            group_key: String::new(),
            group_labels: Labels::new([("alertname", "Slow <!here>")]),
            alerts: vec![Alert { annotations: Labels::new([summary]), ..hostile }],
            reason: Reason::First,
            time: minutes(5),
            suppressed: 2,
        }
    }

    /// The body that a `slack_configs` with these settings makes.
    fn body(settings: &str) -> Value {
        let text = format!(
            "route: {{receiver: team}}\nreceivers: [{{name: team, slack_configs: [{{api_url: 'http://127.0.0.1:1/x', {settings}}}]}}]"
        );
        let routing = Routing::parse("routes.yml", &text).unwrap();
        assert_eq!(routing.warnings, Vec::<String>::new());
        let slack = SlackChannel::new("slack".to_owned(), routing.receivers[0].slacks[0].clone()).unwrap();
        slack.body(&notification())
    }

    #[test]
    fn a_message_is_escaped_and_says_what_was_held_back() {
        let body = body("channel: '#alerts'");
        let attachment = &body["attachments"][0];
        assert_eq!(
            attachment["text"],
            "• a &lt; b &amp; c &lt;!channel&gt; &lt;https://x|link&gt; (`op=&lt;!channel&gt; 'x'`)\n\
             _2 earlier messages were held back by the rate limit_"
        );
        assert_eq!(attachment["title"], "[FIRING:1] Slow &lt;!here&gt; (&lt;!channel&gt; `x`)");
        assert_eq!((&body["channel"], &attachment["color"]), (&json!("#alerts"), &json!("warning")));
        assert_eq!(body.get("username"), None);
    }

    #[test]
    fn templates_take_the_place_of_our_texts_with_labels_escaped_and_nobody_mentioned() {
        let body = body(
            "channel: '#{{ .Status }}', title: '{{ template \"slack.default.title\" . }}', short_fields: true, link_names: true,
            text: '{{ range .Alerts }}{{ .Labels.op }} {{ .Annotations.summary }} <{{ .GeneratorURL }}|here>{{ end }}',
            color: '{{ template \"slack.default.color\" . }}', fields: [{title: T, value: '{{ len .Alerts }}'}]",
        );
        let attachment = &body["attachments"][0];
        assert_eq!(
            attachment["text"],
            "&lt;!channel&gt; `x` a < b & c &lt;!channel> <https://x|link> <|here>\n\
             _2 earlier messages were held back by the rate limit_"
        );
        assert_eq!(attachment["title"], "[FIRING:1] Slow &lt;!here&gt; (&lt;!channel&gt; `x`)");
        assert_eq!(attachment["fields"], json!([{"title": "T", "value": "1", "short": true}]));
        assert_eq!((&body["channel"], &attachment["color"]), (&json!("#firing"), &json!("danger")));
        assert_eq!(body["link_names"], true);
    }

    #[test]
    fn a_template_that_fails_is_told_and_keeps_nobody_from_hearing_of_the_alert() {
        let body = body("text: '{{ template \"nosuch\" . }}', title: '{{ .Nosuch }}'");
        let attachment = &body["attachments"][0];
        let text = attachment["text"].as_str().unwrap();
        assert!(text.starts_with("• a &lt; b"), "{text}");
        assert!(text.contains("the template of text failed: ") && text.contains("\"nosuch\" not defined"), "{text}");
        assert!(attachment["title"].as_str().unwrap().starts_with("[FIRING:1] Slow"), "{attachment}");
    }
}
