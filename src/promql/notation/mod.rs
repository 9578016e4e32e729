//! Series as Prometheus' unit tests write them: `requests{job="search"} 0+10x5 _ stale {{sum:3 count:2 buckets:[2]}}`
//! (<https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series>).

mod histogram;
mod start;
mod values;

use std::sync::Arc;

use super::error::ParseErrors;
use super::lexer::{LexError, Lexer};
use super::parser::{Found, errors, metric};
use crate::model::{Labels, NativeHistogram};

pub use start::parse_start_times;

/// Values that one series may have, so that a slip in a count (`0x99999999`) is an error and does not fill the memory.
pub const MAX_VALUES: usize = 1_000_000;

/// A series with its values, one for each step of time.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesNotation {
    /// Its identity.
    pub labels: Labels,
    /// What was written, counts and increments carried out.
    pub values: Vec<SequenceValue>,
}

/// What a series has at one step.
#[derive(Debug, Clone, PartialEq)]
pub enum SequenceValue {
    /// `_`: nothing.
    Omitted,
    /// A number; `stale` is [`crate::model::STALE`].
    Float(f64),
    /// A native histogram.
    Histogram {
        /// Its value.
        value: Arc<NativeHistogram>,
        /// Whether the text says what is known of counter resets, rather than leaving it open.
        hint_given: bool,
    },
}

/// Reads a series.
///
/// # Errors
/// Where the text is not one, and when it has more than [`MAX_VALUES`] values.
pub fn parse_series(text: &str) -> Result<SeriesNotation, ParseErrors> {
    let read = metric(text, true).and_then(|(labels, end)| {
        let mut lexer = Lexer::after(text, end);
        let values = values::read(&mut lexer).map_err(|error| vec![found(error)])?;
        Ok(SeriesNotation { labels, values })
    });
    read.map_err(|found| errors(text, found))
}

/// Reads labels alone: `requests{job="search"}`.
///
/// # Errors
/// Where the text is not that.
pub fn parse_metric(text: &str) -> Result<Labels, ParseErrors> {
    metric(text, false).map(|(labels, _)| labels).map_err(|found| errors(text, found))
}

fn found(error: LexError) -> Found {
    Found::new(error.span, error.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::histogram::TestNotation;

    /// The values as text, histograms in the notation itself.
    fn shown(values: &[SequenceValue]) -> String {
        let texts = values.iter().map(|value| match value {
            SequenceValue::Omitted => "_".to_owned(),
            SequenceValue::Float(value) if crate::model::is_stale(*value) => "stale".to_owned(),
            SequenceValue::Float(value) => value.to_string(),
            SequenceValue::Histogram { value, hint_given } => {
                format!("{}{}", TestNotation(value), if *hint_given { "!" } else { "" })
            }
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_form_of_values_is_read() {
        let cases = [
            ("", ""),
            ("1 2.5 -3 +4 1e3 .5 Inf -Inf NaN", "1 2.5 -3 4 1000 0.5 inf -inf NaN"),
            ("_ _x3 stale", "_ _ _ _ stale"),
            ("1x2 1+2x3 1-2x2 -1+0.5x1", "1 1 1 1 3 5 7 1 -1 -3 -1 -0.5"),
            ("0x3", "0 0 0 0"),
            ("{{}}", "{{}}"),
            (
                "{{schema:1 sum:-0.3 count:4 buckets:[1 2 1] offset:-2}}",
                "{{schema:1 count:4 sum:-0.3 offset:-2 buckets:[1 2 1]}}",
            ),
            (
                "{{ count:1 counter_reset_hint:gauge }}x1",
                "{{count:1 counter_reset_hint:gauge}}! {{count:1 counter_reset_hint:gauge}}!",
            ),
            (
                "{{count:1 buckets:[1]}}+{{count:2 buckets:[2]}}x2",
                "{{count:1 buckets:[1]}} {{count:3 buckets:[3]}} {{count:5 buckets:[5]}}",
            ),
        ];
        for (values, expected) in cases {
            let read =
                parse_series(&format!("m{{a=\"b\"}} {values}")).unwrap_or_else(|error| panic!("{values}: {error}"));
            assert_eq!(read.labels.to_string(), r#"m{a="b"}"#);
            assert_eq!(shown(&read.values), expected, "{values}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let cases = [
            (" 5", "1:2: parse error: unexpected number \"5\" in series values"),
            ("m 1 q", "1:5: parse error: unexpected identifier \"q\" in series values, expected number or \"stale\""),
            ("m 1 $", "1:5: parse error: unexpected character in series sequence: '$'"),
            ("m 1 0x1F", "1:7: parse error: bad number syntax: \"1F\""),
            ("m 1+2", "1:6: parse error: unexpected end of input in series values"),
            ("m 0x99999999", "1:5: parse error: more than 1000000 values in a series"),
            ("m{a=1} 1", "1:5: parse error: unexpected character inside braces: '1'"),
            ("m{a} 1", "1:4: parse error: unexpected \"}\" in label set, expected \"=\""),
            ("m {{what:1}}", "1:5: parse error: bad histogram descriptor found: \"what\""),
            ("m {{sum:1 sum:2}}", "1:11: parse error: duplicate key \"sum\" in histogram"),
            ("m {{sum:}}", "1:9: parse error: unexpected \"}\" in histogram description"),
            ("m {{buckets:[]}}", "1:14: parse error: unexpected \"]\" in histogram description"),
            ("m {{sum:1", "1:10: parse error: unexpected end of input in histogram description"),
            ("m {{schema:1}}+{{}}x2", "1:21: parse error: error combining histograms: cannot merge from schema 0 to 1"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_series(text).map_err(|error| error.to_string()), Err(expected.to_owned()));
        }
    }

    #[test]
    fn labels_stand_alone() {
        let cases = [
            ("up", "up"),
            ("{}", "{}"),
            ("", "{}"),
            (r#"{"a.b", "c d"="e"}"#, r#"a.b{c d="e"}"#),
            (r#"up {a="b",}"#, r#"up{a="b"}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_metric(text).unwrap().to_string(), expected, "{text}");
        }
        assert!(parse_metric("up 1").is_err());
    }
}
