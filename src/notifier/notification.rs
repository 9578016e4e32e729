//! What one message says: a group of alerts at one time.

use crate::clock::Timestamp;
use crate::model::{Alert, Labels};

/// A group of alerts, to be told to one receiver over one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Who is told.
    pub receiver: String,
    /// Names the group: its route and labels. The same for all messages about it.
    pub group_key: String,
    /// The labels that all its alerts share by the route's `group_by`.
    pub group_labels: Labels,
    /// Firing ones first, each kind in the order of its beginning. A channel that does not tell the end of alerts gets
    /// those that fire only.
    pub alerts: Vec<Alert>,
    /// Why it is told now.
    pub reason: Reason,
    /// When it was made.
    pub time: Timestamp,
    /// Messages that the channel's rate limit held back since the last one.
    pub suppressed: u64,
}

/// Why a notification is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The group is new, or fires again.
    First,
    /// More alerts fire.
    NewAlerts,
    /// Some alerts ended.
    NewResolved,
    /// All alerts ended.
    AllResolved,
    /// Nothing new, and long enough ago to be said again.
    Repeat,
}

impl Reason {
    /// The word for it, as Alertmanager's log has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts in group",
            Self::NewResolved => "new resolved alerts",
            Self::AllResolved => "all alerts resolved",
            Self::Repeat => "repeat interval elapsed",
        }
    }
}

impl Notification {
    /// Whether one of its alerts fires.
    pub fn is_firing(&self) -> bool {
        self.firing().next().is_some()
    }

    /// `firing` or `resolved`.
    pub fn status(&self) -> &'static str {
        status(self.is_firing())
    }

    /// The alerts that fire.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.is_firing(self.time))
    }

    /// The alerts that ended.
    pub fn resolved(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| !alert.is_firing(self.time))
    }

    /// The labels on which all its alerts agree.
    pub fn common_labels(&self) -> Labels {
        common(self.alerts.iter().map(|alert| &alert.labels))
    }

    /// The annotations on which all its alerts agree.
    pub fn common_annotations(&self) -> Labels {
        common(self.alerts.iter().map(|alert| &alert.annotations))
    }

    /// The worst severity among the firing alerts, or among all when none fires.
    pub fn severity(&self) -> Severity {
        let worst = |severities: &mut dyn Iterator<Item = &Alert>| severities.map(Severity::of).max();
        worst(&mut self.firing()).or_else(|| worst(&mut self.alerts.iter())).unwrap_or_default()
    }

    /// One line for people: `[FIRING:2] HighErrorRate search (critical)`.
    pub fn title(&self) -> String {
        let status = self.status().to_uppercase();
        let count = self.firing().count();
        let count = if count > 0 { format!(":{count}") } else { String::new() };
        let values = |labels: &Labels| labels.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ");
        let common = self.common_labels();
        let rest = common.filtered(|name| self.group_labels.get(name).is_none());
        let group = values(&self.group_labels);
        let rest = if rest.is_empty() { String::new() } else { format!(" ({})", values(&rest)) };
        format!("[{status}{count}] {group}{rest}").trim_end().replace("]  (", "] (")
    }
}

/// `firing` or `resolved`.
pub(crate) const fn status(firing: bool) -> &'static str {
    if firing { "firing" } else { "resolved" }
}

fn common<'a>(mut all: impl Iterator<Item = &'a Labels>) -> Labels {
    let Some(first) = all.next() else { return Labels::default() };
    all.fold(first.clone(), |common, other| common.filtered(|name| common.get(name) == other.get(name)))
}

/// The label `severity`, in the order of what wakes people up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Severity {
    /// For the record.
    Info,
    /// Look at it in working hours; what an alert without a severity counts as.
    #[default]
    Warning,
    /// Look at it now.
    Critical,
    /// All hands.
    Emergency,
}

impl Severity {
    /// The severity of an alert by its label.
    pub fn of(alert: &Alert) -> Self {
        match alert.labels.get("severity") {
            Some("info" | "none") => Self::Info,
            Some("critical" | "page" | "error") => Self::Critical,
            Some("emergency") => Self::Emergency,
            _ => Self::Warning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{alert, minutes};
    use super::*;

    fn notification(alerts: Vec<Alert>) -> Notification {
        Notification {
            receiver: "team".to_owned(),
            group_key: "{}:{}".to_owned(),
            group_labels: Labels::new([("alertname", "Slow")]),
            alerts,
            reason: Reason::First,
            time: minutes(10),
            suppressed: 0,
        }
    }

    #[test]
    fn a_notification_says_what_its_alerts_share() {
        let two = notification(vec![
            alert(&[("alertname", "Slow"), ("op", "search"), ("zone", "a"), ("severity", "warning")], 1, None),
            alert(&[("alertname", "Slow"), ("op", "search"), ("zone", "b"), ("severity", "critical")], 2, Some(9)),
        ]);
        assert_eq!(two.common_labels(), Labels::new([("alertname", "Slow"), ("op", "search")]));
        assert_eq!((two.status(), two.firing().count(), two.resolved().count()), ("firing", 1, 1));
        assert_eq!(two.title(), "[FIRING:1] Slow (search)");
        assert_eq!(two.severity(), Severity::Warning, "what ended does not count");
    }

    #[test]
    fn a_notification_of_what_ended_says_so() {
        let ended = notification(vec![alert(&[("alertname", "Slow"), ("severity", "emergency")], 1, Some(9))]);
        assert_eq!((ended.status(), ended.severity()), ("resolved", Severity::Emergency));
        assert_eq!(ended.title(), "[RESOLVED] Slow (emergency)");
    }
}
