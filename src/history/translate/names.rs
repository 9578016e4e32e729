//! Names of metrics, units and labels as Prometheus' OTLP receiver makes them with its default settings: strategy
//! `UnderscoreEscapingWithSuffixes`, labels as they always were (`label_name_underscore_sanitization` and
//! `label_name_preserve_multiple_underscores` on).
//!
//! The rules are those of the module github.com/prometheus/otlptranslator 1.0.0, which Prometheus 3.14 uses.

/// What of a metric's kind its name depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedAs {
    /// Gets `_total`.
    Counter,
    /// Gets `_ratio` when its unit is `1`.
    Gauge,
    /// Gets its unit only; so do histograms, whose series add `_bucket`, `_sum` and `_count`.
    Other,
}

/// OpenTelemetry's units and Prometheus' words for them.
const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

/// The words behind `_per_`, in the singular.
const PER_UNITS: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

/// The name that one of our own metrics has in Prometheus.
///
/// ```
/// use bellwether::history::{NamedAs, prometheus_name};
/// use bellwether::names;
/// assert_eq!(prometheus_name(&names::CALLS, NamedAs::Counter), "traces_span_metrics_calls_total");
/// ```
pub fn prometheus_name(name: &crate::names::Name, kind: NamedAs) -> String {
    metric(name.name, name.unit, kind).unwrap_or_default()
}

/// The name of a metric: its words joined by underscores, then its unit, then what its kind asks for. `None` when
/// nothing of the name is left.
pub(super) fn metric(name: &str, unit: &str, kind: NamedAs) -> Option<String> {
    let mut words: Vec<&str> = name.split(|c| !in_metric_name(c)).filter(|word| !word.is_empty()).collect();
    let (main, per) = suffixes(unit);
    let (mut main, mut per) = (clean(&main), clean(&per));
    if words.contains(&main.as_str()) {
        main.clear();
    }
    // A "per" whose unit came to nothing says nothing.
    per = if per == "per_" { String::new() } else { per.strip_suffix('_').unwrap_or(&per).to_owned() };
    if words.contains(&per.as_str()) {
        per.clear();
    }
    if !per.is_empty() {
        main = main.strip_suffix('_').unwrap_or(&main).to_owned();
    }
    words.extend([main.as_str(), per.as_str()].into_iter().filter(|word| !word.is_empty()));
    let suffix = match kind {
        NamedAs::Counter => Some("total"),
        NamedAs::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(suffix) = suffix {
        words.retain(|word| *word != suffix);
        words.push(suffix);
    }
    let mut joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    (!joined.is_empty()).then_some(joined)
}

/// The unit as metadata says it: `By/s` is `bytes_per_second`.
pub(super) fn unit(unit: &str) -> String {
    let (main, per) = suffixes(unit);
    let words = [clean(&main), clean(&per)];
    let joined = words.iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join("_");
    let joined = joined.strip_prefix('_').unwrap_or(&joined);
    joined.strip_suffix('_').unwrap_or(joined).to_owned()
}

/// The name of a label. `None` when it is empty or nothing but underscores.
pub(super) fn label(name: &str) -> Option<String> {
    let mut label: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if label.starts_with(|c: char| c.is_ascii_digit()) {
        label.insert_str(0, "key_");
    } else if label.starts_with('_') && !label.starts_with("__") {
        label.insert_str(0, "key");
    }
    label.contains(|c| c != '_').then_some(label)
}

fn in_metric_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// The words of a unit before and behind its slash, the second with `per_` before it. What stands in braces is a remark.
fn suffixes(unit: &str) -> (String, String) {
    let word = |part: &str, words: &[(&str, &str)]| {
        let part = part.trim();
        let known = words.iter().find(|(short, _)| *short == part).map_or(part, |(_, word)| word);
        if part.contains(['{', '}']) { String::new() } else { known.to_owned() }
    };
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let per = word(per, &PER_UNITS);
    (word(main, &UNITS), if per.is_empty() { per } else { format!("per_{per}") })
}

/// A unit with the characters of metric names only, without runs of underscores, and none before it.
fn clean(unit: &str) -> String {
    let mut cleaned = String::with_capacity(unit.len());
    for c in unit.chars().map(|c| if in_metric_name(c) { c } else { '_' }) {
        if c != '_' || !cleaned.ends_with('_') {
            cleaned.push(c);
        }
    }
    cleaned.strip_prefix('_').unwrap_or(&cleaned).to_owned()
}
