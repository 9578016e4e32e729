//! Queries: at one time, over a range of times, and their text alone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::{Answer, Kind, Refusal};
use super::bounded::Bounded;
use super::desk::Desk;
use super::json;
use super::params::Params;
use crate::history::{Selected, Source};
use crate::internal::Counter;
use crate::promql::{self, EvalError, Expr, Instant, Options, Value, ValueType};

/// Steps of a range query at most.
const STEPS: i64 = 11_000;

/// `query`: at one time.
pub(super) fn instant(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let limit = params.limit()?;
    let time = params.time_or("time", desk.now())?;
    let timeout = params.timeout(desk.web.timeout)?;
    let options = options(desk, params)?;
    let (text, expr) = parsed(params)?;
    let evaluate = |source: &dyn Source| promql::instant(source, &expr, time, &options);
    let (value, annotations) = evaluated(desk, timeout, evaluate)?;
    let (data, truncated) = data(value, time, limit);
    Ok(Answer::new(data).remarking(&annotations, text).truncated(truncated))
}

/// `query_range`: at many times.
pub(super) fn range(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let limit = params.limit()?;
    let (start, end) = (params.time("start")?, params.time("end")?);
    if end < start {
        return Err(Refusal::parameter("end", "end timestamp must not be before start time"));
    }
    let step = params.duration("step")?;
    if step <= 0 {
        let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(Refusal::parameter("step", why));
    }
    if end.saturating_sub(start) / step > STEPS {
        return Err(Refusal::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let timeout = params.timeout(desk.web.timeout)?;
    let options = options(desk, params)?;
    let (text, expr) = parsed(params)?;
    let kind = expr.value_type();
    if !matches!(kind, ValueType::Scalar | ValueType::Vector) {
        let kind = kind.documented();
        let why = format!("invalid expression type {kind:?} for range query, must be Scalar or instant Vector");
        return Err(Refusal::parameter("query", why));
    }
    let evaluate = |source: &dyn Source| promql::range(source, &expr, start, end, step, &options);
    let (value, annotations) = evaluated(desk, timeout, evaluate)?;
    let (data, truncated) = data(value, start, limit);
    Ok(Answer::new(data).remarking(&annotations, text).truncated(truncated))
}

/// `format_query`: as it is printed, on one line.
pub(super) fn format(_: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let mut data = String::new();
    json::text(&mut data, &parsed(params)?.1.to_string());
    Ok(Answer::new(data))
}

/// `query_exemplars`: those of every series that the query reads.
pub(super) fn exemplars(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let (start, end) = params.span()?;
    if end < start {
        return Err(Refusal::bad_data("end timestamp must not be before start timestamp"));
    }
    let expr = promql::parse(params.get("query")).map_err(|error| Refusal::bad_data(error.to_string()))?;
    let selectors = expr.selectors();
    if selectors.is_empty() {
        return Ok(Answer::default());
    }
    let (after, time) = (start.saturating_sub(1), Bounded::new(desk, desk.web.timeout));
    // Each series once, whatever a query of thousands of selectors repeats.
    let mut found = BTreeMap::new();
    for selector in selectors {
        if time.is_over() {
            return Err(desk.stopped("expression evaluation"));
        }
        found.extend(desk.window.history.exemplars(&selector.matchers, after, end));
    }
    let mut data = String::new();
    json::list(&mut data, &found, |out, (labels, exemplars)| {
        out.push_str("{\"seriesLabels\":");
        json::labels(out, labels);
        out.push_str(",\"exemplars\":");
        json::list(out, exemplars, |out, exemplar| {
            let (trace, span) = (exemplar.trace_id.to_string(), exemplar.span_id.to_string());
            out.push_str("{\"labels\":");
            json::pairs(out, [("span_id", span.as_str()), ("trace_id", trace.as_str())].into_iter());
            out.push_str(",\"value\":");
            json::number(out, exemplar.value.as_f64());
            out.push_str(",\"timestamp\":");
            json::seconds(out, i64::try_from(exemplar.time.0 / 1_000_000).unwrap_or(i64::MAX));
            out.push('}');
        });
        out.push('}');
    });
    Ok(Answer::new(data))
}

fn parsed(params: &Params) -> Result<(&str, Expr), Refusal> {
    let text = params.get("query");
    let expr = promql::parse(text).map_err(|error| Refusal::parameter("query", error))?;
    Ok((text, expr))
}

fn options(desk: &Desk, params: &Params) -> Result<Options, Refusal> {
    let mut options = Options { max_samples: desk.web.max_samples, ..desk.window.config.promql.clone() };
    if !params.get("lookback_delta").is_empty() {
        let wrong = |_| {
            let text = params.get("lookback_delta");
            let why = format!("cannot parse {text:?} to a valid duration");
            Refusal::bad_data(format!("error parsing lookback delta duration: {why}"))
        };
        // One that is not positive stands for the default.
        let asked = params.duration("lookback_delta").map_err(wrong)?;
        options.lookback_ms = if asked > 0 { asked } else { options.lookback_ms };
    }
    Ok(options)
}

/// The result of an evaluation that has its time.
fn evaluated(
    desk: &Desk,
    timeout: Duration,
    evaluate: impl FnOnce(&dyn Source) -> Result<promql::Answer, EvalError>,
) -> Result<(Value, promql::Annotations), Refusal> {
    let source = Bounded::new(desk, timeout);
    let answer = evaluate(&source);
    if source.is_over() {
        // What was found may be a part of what there is.
        return Err(desk.stopped("expression evaluation"));
    }
    let answer = answer.map_err(|error| {
        if error.message.starts_with(promql::TOO_MANY_SAMPLES) {
            desk.count(Counter::WebQueryStopped);
        }
        Refusal::new(Kind::Execution, error.message)
    })?;
    Ok((answer.value, answer.annotations))
}

/// The result as JSON, at most `limit` series of it, and whether some were left out.
fn data(value: Value, time: i64, limit: usize) -> (String, bool) {
    let mut out = String::new();
    let mut truncated = false;
    let mut cut = |len: usize| {
        truncated = limit > 0 && len > limit;
        if truncated { limit } else { len }
    };
    match value {
        Value::Scalar(value) => {
            out.push_str("{\"resultType\":\"scalar\",\"result\":[");
            json::seconds(&mut out, time);
            out.extend([",\"", &json::plain(value), "\"]"]);
        }
        Value::String(text) => {
            out.push_str("{\"resultType\":\"string\",\"result\":[");
            json::seconds(&mut out, time);
            out.push(',');
            json::text(&mut out, &text);
            out.push(']');
        }
        Value::Vector(vector) => {
            out.push_str("{\"resultType\":\"vector\",\"result\":");
            json::list(&mut out, &vector[..cut(vector.len())], |out, Instant { labels, time, value }| {
                out.push_str("{\"metric\":");
                json::labels(out, labels);
                out.push(',');
                json::value(out, *time, value);
                out.push('}');
            });
        }
        Value::Matrix(matrix) => {
            out.push_str("{\"resultType\":\"matrix\",\"result\":");
            json::list(&mut out, &matrix[..cut(matrix.len())], |out, Selected { labels, samples }| {
                out.push_str("{\"metric\":");
                json::labels(out, labels);
                json::values(out, samples);
                out.push('}');
            });
        }
    }
    out.push('}');
    (out, truncated)
}
