//! Alerts for tests.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::model::{Alert, Labels};

/// A time so many minutes after the epoch's first day.
pub(super) fn minutes(minutes: u64) -> Timestamp {
    Timestamp(0).plus(Duration::from_secs(86_400 + minutes * 60))
}

/// An alert that began, and perhaps ended, at a minute.
pub(super) fn alert(labels: &[(&str, &str)], began: u64, ended: Option<u64>) -> Alert {
    Alert {
        labels: Labels::new(labels.iter().copied()),
        annotations: Labels::default(),
        value: 1.0,
        starts_at: minutes(began),
        resolved_at: ended.map(minutes),
        valid_until: minutes(began + 1_000),
        generator_url: String::new(),
        trace_ids: Vec::new(),
        trace_link: "".into(),
    }
}
