//! What a message says, as text and as HTML. Everything that comes from labels and annotations is made harmless.

use crate::model::{Alert, Labels};
use crate::notifier::channels::json::time;
use crate::notifier::channels::text::{html as escaped, one_line, shortened};
use crate::notifier::{Notification, Severity};

/// Alerts that are described one by one; the rest is counted.
const DESCRIBED: usize = 100;
/// Characters of one label's or annotation's value.
const VALUE: usize = 2_000;
/// Characters of the line at the top.
const TITLE: usize = 500;

/// For programs that show no HTML.
pub(super) fn text(notification: &Notification) -> String {
    let mut lines = vec![one_line(&notification.title(), TITLE)];
    for alert in notification.alerts.iter().take(DESCRIBED) {
        let firing = alert.is_firing(notification.time);
        lines.extend([String::new(), if firing { "FIRING" } else { "RESOLVED" }.to_owned()]);
        lines.extend(facts(alert, notification).iter().map(|(name, value)| format!("  {name}: {}", indented(value))));
        for (kind, labels) in [("Labels", &alert.labels), ("Annotations", &alert.annotations)] {
            lines.extend((!labels.is_empty()).then(|| format!("  {kind}:")));
            lines.extend(pairs(labels).map(|(name, value)| format!("    {name} = {}", indented(&value))));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// For programs that do.
pub(super) fn html(notification: &Notification) -> String {
    let colour = match (notification.is_firing(), notification.severity()) {
        (false, _) => "#2e7d32",
        (true, Severity::Info) => "#1565c0",
        (true, Severity::Warning) => "#e65100",
        (true, Severity::Critical | Severity::Emergency) => "#b71c1c",
    };
    let title = escaped(&one_line(&notification.title(), TITLE));
    let mut lines = vec![
        "<!DOCTYPE html>".to_owned(),
        format!("<html><head><meta charset=\"utf-8\"><title>{title}</title></head>"),
        "<body style=\"font-family:Helvetica,Arial,sans-serif;font-size:14px;color:#222\">".to_owned(),
        format!("<h2 style=\"margin:0;padding:12px;font-size:18px;color:#fff;background:{colour}\">{title}</h2>"),
    ];
    for alert in notification.alerts.iter().take(DESCRIBED) {
        let word = if alert.is_firing(notification.time) { "Firing" } else { "Resolved" };
        lines.push(format!("<h3 style=\"margin:16px 0 4px\">{word}</h3>\n<table cellpadding=\"2\">"));
        lines.extend(facts(alert, notification).iter().map(|(name, value)| row(name, &linked(value))));
        let named = pairs(&alert.labels).chain(pairs(&alert.annotations));
        lines.extend(named.map(|(name, value)| row(&escaped(&name), &escaped(&value))));
        lines.push("</table>".to_owned());
    }
    lines.push("</body></html>\n".to_owned());
    lines.join("\n")
}

/// Both sides are HTML already.
fn row(name: &str, value: &str) -> String {
    format!(
        "<tr><td valign=\"top\" style=\"color:#777\">{name}</td><td style=\"white-space:pre-wrap\">{value}</td></tr>"
    )
}

/// A link only where it leads to a page.
fn linked(value: &str) -> String {
    let shown = escaped(value);
    let is_page = value.starts_with("https://") || value.starts_with("http://");
    if is_page { format!("<a href=\"{shown}\">{shown}</a>") } else { shown }
}

/// When, where, and the trace to look at.
fn facts(alert: &Alert, notification: &Notification) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Since", time(alert.starts_at))];
    if let Some(end) = alert.resolved_at.filter(|_| !alert.is_firing(notification.time)) {
        facts.push(("Until", time(end)));
    }
    if !alert.generator_url.is_empty() {
        facts.push(("Source", one_line(&alert.generator_url, VALUE)));
    }
    if let Some(trace) = alert.trace_ids.first() {
        facts.push(("Trace", alert.trace_urls().next().unwrap_or_else(|| trace.to_string())));
    }
    facts
}

/// What is not about one alert. A body of one's own describes as many alerts as it likes.
pub(super) fn remarks(notification: &Notification, own: bool) -> Vec<String> {
    let hidden = if own { 0 } else { notification.alerts.len().saturating_sub(DESCRIBED) };
    let hidden = (hidden > 0).then(|| format!("{hidden} more alerts are not shown."));
    let suppressed = notification.suppressed;
    let held_back =
        (suppressed > 0).then(|| format!("{suppressed} earlier messages were held back by the rate limit."));
    hidden.into_iter().chain(held_back).collect()
}

/// The text with a line for each remark.
pub(super) fn with_remarks(text: String, remarks: &[String]) -> String {
    if remarks.is_empty() || text.is_empty() { text } else { format!("{text}\n{}\n", remarks.join("\n")) }
}

/// The same for HTML, before its end.
pub(super) fn with_html_remarks(html: &str, remarks: &[String]) -> String {
    let remarks: Vec<String> = remarks.iter().map(|remark| format!("<p><em>{}</em></p>\n", escaped(remark))).collect();
    let end = html.rfind("</body>").unwrap_or(html.len());
    format!("{}{}{}", &html[..end], remarks.concat(), &html[end..])
}

/// `alertname` first, as Alertmanager sorts them.
fn pairs(labels: &Labels) -> impl Iterator<Item = (String, String)> {
    let is_name = |name: &str| name == "alertname";
    let first = labels.iter().filter(move |(name, _)| is_name(name));
    let others = labels.iter().filter(move |(name, _)| !is_name(name));
    first.chain(others).map(|(name, value)| (one_line(name, VALUE), shortened(value, VALUE)))
}

/// Lines of a value below each other, so that none looks like a line of ours.
fn indented(value: &str) -> String {
    value.lines().map(|line| one_line(line, VALUE)).collect::<Vec<_>>().join("\n      ")
}
