//! Figures for programs: one object a line.
//!
//! ```text
//! {"elapsed_s", "window_s", "fault": bool, "final": bool,
//!  "alerts": [{"name", "state": "pending" or "firing", "value", "summary"}], "operations": [
//!    {"name", "kind", "calls", "errors", "error_ratio", "rate", "p50_ms", "p95_ms", "p99_ms", "self_ms",
//!     "self_total_ms", "self_share", "in_flight", "peak", "window": {"calls", … "self_share"}}]}
//! ```
//! An operation's own figures count from the start of the run, those in `window` over the last `window_s` seconds.
//! `self_ms` is a call's, `self_total_ms` all calls'. What is not known, such as quantiles without a call, is `null`.

use serde_json::{Map, Value, json};

use super::alerts;
use super::figures::{Frame, Line, Row};
use crate::model::{Report, Signal};
use crate::rules::Active;

/// A reading while the demo runs.
pub fn frame(frame: &Frame, fault: bool, alerts: &[Active]) -> Value {
    json!({
        "elapsed_s": round(frame.elapsed.as_secs_f64()),
        "window_s": round(frame.window.as_secs_f64()),
        "fault": fault,
        "final": false,
        "alerts": alerts.iter().map(alert).collect::<Vec<_>>(),
        "operations": frame.lines.iter().map(operation).collect::<Vec<_>>(),
    })
}

/// The last object: the figures of the whole run, what was left out by the load, and what became of the telemetry.
pub fn last(last: &Frame, fault: bool, left_out: u64, report: &Report) -> Value {
    let mut object = frame(last, fault, &[]);
    object["final"] = Value::from(true);
    object["left_out"] = Value::from(left_out);
    let signals = Signal::ALL.map(|signal| (signal.name().to_owned(), account(report, signal)));
    object["report"] = Value::Object(Map::from_iter(signals));
    object
}

fn alert(alert: &Active) -> Value {
    json!({
        "name": alerts::name(&alert.labels),
        "state": alert.state.as_str(),
        "value": round(alert.value),
        "summary": alerts::summary(alert),
    })
}

fn account(report: &Report, signal: Signal) -> Value {
    let account = report.signal(signal);
    let dropped = account.dropped.iter().map(|(reason, items)| (reason.name().to_owned(), Value::from(*items)));
    json!({"delivered": account.delivered, "dropped": Value::Object(dropped.collect())})
}

fn operation(line: &Line) -> Value {
    let mut object = json!({"name": line.name, "kind": line.kind, "in_flight": line.in_flight, "peak": line.peak});
    object["window"] = Value::Object(row(&line.recent));
    if let Value::Object(object) = &mut object {
        object.extend(row(&line.total));
    }
    object
}

fn row(row: &Row) -> Map<String, Value> {
    let quantile = |pick: fn(&super::figures::Quantiles) -> f64| row.quantiles.as_ref().map(|q| round(pick(q)));
    let fields = [
        ("calls", json!(row.calls)),
        ("errors", json!(row.errors)),
        ("error_ratio", json!(round(row.error_ratio()))),
        ("rate", json!(round(row.rate))),
        ("p50_ms", json!(quantile(|q| q.p50))),
        ("p95_ms", json!(quantile(|q| q.p95))),
        ("p99_ms", json!(quantile(|q| q.p99))),
        ("self_ms", json!(row.self_ms().map(round))),
        ("self_total_ms", json!(round(row.self_total_ms))),
        ("self_share", json!(row.self_share.map(round))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Four decimals: a tenth of a microsecond where the unit is milliseconds.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanKind;

    use super::super::figures::{Figures, tests::operation as reading};
    use super::*;
    use crate::clock::Timestamp;
    use crate::model::Reason;

    #[test]
    fn objects_carry_whole_run_and_window_and_the_last_one_the_report() {
        let mut figures = Figures::new(Timestamp(1_000_000_000), Vec::new());
        let operations =
            vec![reading("rerank", SpanKind::Internal, 10, 5.0), reading("index", SpanKind::Internal, 0, 0.0)];
        let read = figures.read(Timestamp(2_000_000_000), operations);
        let mut report = Report::default();
        report.traces.delivered = 7;
        report.logs.dropped = vec![(Reason::QueueFull, 2)];
        let last = last(&read, true, 3, &report);
        let rerank = &last["operations"][0];
        assert_eq!(rerank["name"], "rerank");
        assert_eq!((&rerank["calls"], &rerank["window"]["calls"]), (&json!(10), &json!(10)));
        assert_eq!((&rerank["self_ms"], &rerank["self_total_ms"]), (&json!(0.5), &json!(5.0)));
        assert_eq!(last["operations"][1]["p50_ms"], Value::Null);
        assert_eq!((&last["final"], &last["fault"], &last["left_out"]), (&json!(true), &json!(true), &json!(3)));
        assert_eq!(last["report"]["traces"]["delivered"], 7);
        assert_eq!(last["report"]["logs"]["dropped"], json!({"queue_full": 2}));
        assert_eq!(frame(&read, false, &[])["final"], false);
    }
}
